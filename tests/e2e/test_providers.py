"""Each protocol behind the whole service: what it says beyond text reaches clients, is stored and comes back to it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.ports import (
    CitationDelta,
    MessageDelta,
    ReasoningDelta,
    ReasoningStateDelta,
    StopDelta,
    TextDelta,
    UsageDelta,
)
from antiphon.providers.families import family_of
from antiphon.settings import ProviderEndpoint
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.service import Service
from tests.support.upstream import Script, Upstream

KEEPERS = [protocol for protocol in PROTOCOLS if protocol.state]
CITERS = [protocol for protocol in PROTOCOLS if CitationDelta in protocol.says]
named = {"ids": lambda protocol: protocol.name}


@pytest.fixture(autouse=True)
def _aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


@contextlib.contextmanager
def serve(state: Path, protocol: Protocol, upstream: Upstream, **settings: Any) -> Iterator[Service]:
    endpoint = ProviderEndpoint(kind=protocol.kind, base_url=upstream.base_url)
    with Service(state, upstream, providers={"real": endpoint}, **settings) as service:
        service.agent("agent", provider="real", model=protocol.model)
        yield service


def thoughts(protocol: Protocol) -> list[Any]:
    assert protocol.state is not None
    state = ReasoningStateDelta(protocol.state)
    return [ReasoningDelta("Hm."), state, TextDelta("So."), UsageDelta(3, 4, 1, 2), StopDelta("stop")]


@pytest.mark.parametrize("protocol", KEEPERS, **named)
@pytest.mark.parametrize("asked", [{}, {"include": ["reasoning.encrypted_content"]}])
def test_a_reasonings_state_is_stored_sealed_and_comes_back_to_its_provider(tmp_path, protocol, asked):
    assert protocol.state is not None
    with Upstream([protocol.script(thoughts(protocol))]) as upstream, serve(tmp_path, protocol, upstream) as service:
        key = service.key()
        first = service.create(key, input="Hi", **asked)
        thought = first["output"][0]
        assert thought["summary"] == [{"type": "summary_text", "text": "Hm."}]
        assert protocol.secret not in json.dumps(first)
        assert first["usage"]["output_tokens_details"]["reasoning_tokens"] in (0, 2)
        service.create(key, input="And?", previous_response_id=first["id"])
        question, more = ({"role": "user", "content": text} for text in ("Hi", "And?"))
        service.create(key, input=[question, *first["output"], more])
    chained, sent = (json.dumps(protocol.told(request.body)) for request in upstream.requests[1:])
    assert protocol.secret in chained
    assert protocol.secret in sent


@pytest.mark.parametrize("protocol", KEEPERS, **named)
def test_without_a_seal_the_answer_goes_on_without_its_state(tmp_path, protocol):
    script = protocol.script(thoughts(protocol))
    with Upstream([script]) as upstream, serve(tmp_path, protocol, upstream, seal_keys=None) as service:
        first = service.create(service.key(), input="Hi")
    assert [item["type"] for item in first["output"]] == ["reasoning", "message"]
    assert "encrypted_content" not in first["output"][0]


@pytest.mark.parametrize("protocol", [each for each in PROTOCOLS if MessageDelta in each.says], **named)
def test_a_models_messages_stay_apart_and_their_phases_come_back_to_it(tmp_path, protocol):
    said = [MessageDelta("commentary"), TextDelta("I look."), MessageDelta("final_answer"), TextDelta("So.")]
    script = protocol.script([*said, UsageDelta(3, 4), StopDelta("stop")])
    with Upstream([script]) as upstream, serve(tmp_path, protocol, upstream) as service:
        key = service.key()
        first = service.create(key, input="Hi")
        told = [(item["phase"], item["content"][0]["text"]) for item in first["output"]]
        assert told == [("commentary", "I look."), ("final_answer", "So.")]
        assert service.get(f"/v1/responses/{first['id']}", key).json()["output"] == first["output"]
        service.create(key, input="And?", previous_response_id=first["id"])
    assert [item.get("phase") for item in upstream.requests[1].body["input"]] == [
        None,
        "commentary",
        "final_answer",
        None,
    ]


@pytest.mark.parametrize("protocol", [each for each in PROTOCOLS if each.filtered], **named)
def test_a_prompt_that_the_provider_filtered_is_an_incomplete_response(tmp_path, protocol):
    refusal = Script.error(400, json.dumps({"error": protocol.filtered}).encode())
    with Upstream([refusal]) as upstream, serve(tmp_path, protocol, upstream) as service:
        key = service.key()
        response = service.create(key, input="Hi")
        assert service.get(f"/v1/responses/{response['id']}", key).json() == response
        assert service.stream(key, input="Hi")[-1]["type"] == "response.incomplete"
    assert (response["status"], response["output"], response["error"]) == ("incomplete", [], None)
    assert response["incomplete_details"] == {"reason": "content_filter"}
    assert "the provider's words" not in json.dumps(response)


@pytest.mark.parametrize("protocol", CITERS, **named)
def test_citations_become_annotations(tmp_path, protocol):
    said = [TextDelta("It is so."), CitationDelta("https://example.com/a", "A", 0, 9), StopDelta("stop")]
    with Upstream([protocol.script(said)]) as upstream, serve(tmp_path, protocol, upstream) as service:
        events = service.stream(service.key(), input="Hi")
    place = {"start_index": 0, "end_index": 9, "url": "https://example.com/a", "title": "A"}
    assert events[-1]["response"]["output"][0]["content"][0]["annotations"] == [{"type": "url_citation", **place}]
    assert [event["annotation_index"] for event in events if "annotation_index" in event] == [0]


@pytest.mark.parametrize("protocol", [each for each in PROTOCOLS if each.impossible], **named)
def test_what_a_model_cannot_do_is_refused_before_it_is_called(tmp_path, protocol):
    script = protocol.script([TextDelta("x"), StopDelta("stop")])
    with Upstream([script]) as upstream, serve(tmp_path, protocol, upstream) as service:
        answer = service.post(service.key(), model="agent", input="Hi", **protocol.impossible)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(protocol.impossible)))
    assert upstream.requests == []


@pytest.mark.parametrize("protocol", PROTOCOLS, **named)
def test_a_model_tells_what_it_can_be_asked(tmp_path, protocol):
    with Upstream() as upstream, serve(tmp_path, protocol, upstream) as service:
        headers = {"authorization": f"Bearer {service.key()}"}
        told = service.client.get("/v1/models/agent", headers=headers).json()["antiphon"]["capabilities"]
    assert told == family_of(protocol.kind, protocol.model, "127.0.0.1").capabilities.document()
    assert upstream.requests == []
