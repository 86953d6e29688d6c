"""Each protocol behind the whole service: its content beside text reaches clients, is stored and is sent back to it."""

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
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.description import family_of
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
    assert ("encrypted_content" in thought) == bool(asked), "absent unless asked for"
    chained, sent = (json.dumps(protocol.told(request.body)) for request in upstream.requests[1:])
    assert protocol.secret in chained
    assert (protocol.secret in sent) == bool(asked)


@pytest.mark.parametrize("protocol", KEEPERS, **named)
def test_sealed_reasoning_that_nobody_asked_for_is_kept_and_never_shown(tmp_path, protocol):
    """By its documentation, ``encrypted_content`` is absent unless asked for with ``include``."""
    script = protocol.script(thoughts(protocol))
    with Upstream([script]) as upstream, serve(tmp_path, protocol, upstream, check_streams=True) as service:
        key = service.key()
        events = service.stream(key, input="Hi")
        first = events[-1]["response"]
        whole = service.create(key, input="Hi")
        path = f"/v1/responses/{first['id']}"
        seen = [*events, whole, service.retrieve(key, first["id"]), service.get(f"{path}?stream=true", key).text]
        again = service.create(key, input="And?", previous_response_id=first["id"])
        seen.append(service.get(f"/v1/responses/{again['id']}/input_items", key).json())
        seen.append(service.client.post(f"{path}/cancel", headers={"authorization": f"Bearer {key}"}).json())
    for each in seen:
        assert "encrypted_content" not in json.dumps(each)
        assert '"sealed"' not in json.dumps(each)
    assert protocol.secret in json.dumps(protocol.told(upstream.requests[-1].body))


@pytest.mark.parametrize("protocol", KEEPERS, **named)
def test_in_a_tool_loop_stored_reasoning_comes_back_by_its_id(tmp_path, protocol):
    """With ``store`` on, clients send reasoning items back without their content, as OpenAI's API reads them."""
    assert protocol.state is not None
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
    calls = [ToolCallDelta(0, "call_1", "look", "{}"), UsageDelta(3, 4, 1, 2), StopDelta("tool_calls")]
    script = protocol.script([ReasoningDelta("Hm."), ReasoningStateDelta(protocol.state), *calls])
    done = protocol.script([TextDelta("So."), UsageDelta(3, 4), StopDelta("stop")])
    with Upstream([script, done]) as upstream, serve(tmp_path, protocol, upstream) as service:
        key = service.key()
        question = {"role": "user", "content": "Hi"}
        first = service.create(key, input=[question], tools=[tool])
        output = {"type": "function_call_output", "call_id": "call_1", "output": "4"}
        service.create(key, input=[question, *first["output"], output], tools=[tool])
    assert protocol.secret in json.dumps(protocol.told(upstream.requests[-1].body))


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
