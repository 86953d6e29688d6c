"""Automatic compaction: when a conversation has more tokens than the request or its agent allows.

The shapes are those of https://developers.openai.com/api/docs/guides/compaction.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.records import AgentCompaction
from tests.support.caller import refused
from tests.support.service import Service
from tests.support.streams import assert_stream
from tests.support.upstream import Script, Upstream, answer

MANAGED: list[dict[str, Any]] = [{"type": "compaction", "compact_threshold": 1000}]
LONG = "The harbour master of Odessa is called Irina. " + "And then we spoke of the weather for a long while. " * 150
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    with Service(tmp_path, upstream) as running:
        yield running


def read(upstream: Upstream, index: int = -1) -> str:
    """Return all that a model was given to read, as text."""
    return str(upstream.requests[index].body["messages"])


def told(service: Service, key: str, upstream: Upstream, **fields: Any) -> dict[str, Any]:
    """Return a first turn that is long: the model said much."""
    upstream.scripts = [answer(LONG), answer("Noted")]
    return service.create(key, input="My name is Ada. Tell me of Odessa.", **fields)


def kinds(response: dict[str, Any]) -> list[str]:
    return [item["type"] for item in response["output"]]


def test_a_long_conversation_is_compacted_and_its_facts_stay_while_its_tokens_shrink(
    service: Service, key: str, upstream: Upstream
) -> None:
    first = told(service, key, upstream)
    second = service.create(key, input="Go on.", previous_response_id=first["id"], context_management=MANAGED)
    assert kinds(second) == ["compaction", "message"]
    assert set(second["output"][0]) == {"type", "id", "encrypted_content"}
    compacted = read(upstream)
    assert len(compacted) < len(LONG) / 2
    assert all(fact in compacted for fact in ("Ada", "Irina", "Go on."))
    service.create(key, input="And now?", previous_response_id=second["id"])
    continued = read(upstream)
    assert len(continued) < len(LONG) / 2
    assert all(fact in continued for fact in ("Ada", "Irina", "Go on.", "Noted", "And now?"))
    assert continued.count("Go on.") == continued.count("My name is Ada") == 1


def test_a_short_conversation_is_not_compacted(service: Service, key: str, upstream: Upstream) -> None:
    first = service.create(key, input="Hello", context_management=MANAGED)
    second = service.create(key, input="Go on.", previous_response_id=first["id"], context_management=MANAGED)
    assert kinds(first) == kinds(second) == ["message"]


@pytest.mark.parametrize("pruned", [False, True])
def test_a_client_that_keeps_the_conversation_itself_continues_with_or_without_what_was_compacted(
    service: Service, key: str, upstream: Upstream, pruned: bool
) -> None:
    asked = {"role": "user", "content": "My name is Ada. Tell me of Odessa."}
    first = told(service, key, upstream, store=False)
    history = [asked, *first["output"], {"role": "user", "content": "Go on."}]
    second = service.create(key, input=history, store=False, context_management=MANAGED)
    assert kinds(second) == ["compaction", "message"]
    kept = second["output"] if pruned else [*history, *second["output"]]
    service.create(key, input=[*kept, {"role": "user", "content": "And now?"}], store=False)
    continued = read(upstream)
    assert len(continued) < len(LONG) / 2
    assert all(continued.count(fact) == 1 for fact in ("My name is Ada", "Irina", "Go on.", "Noted", "And now?"))


def test_a_stream_sends_the_compaction_first_and_is_replayed_with_it(
    service: Service, key: str, upstream: Upstream
) -> None:
    first = told(service, key, upstream)
    fields = {"previous_response_id": first["id"], "context_management": MANAGED}
    events = service.stream(key, input="Go on.", stream_options={"include_obfuscation": False}, **fields)
    assert [event["type"] for event in events[2:4]] == ["response.output_item.added", "response.output_item.done"]
    assert events[2]["item"] == events[3]["item"] == events[-1]["response"]["output"][0]
    path = f"/v1/responses/{events[0]['response']['id']}?stream=true&include_obfuscation=false"
    assert assert_stream(service.get(path, key).content) == events


def test_a_background_response_is_compacted(service: Service, key: str, upstream: Upstream) -> None:
    first = told(service, key, upstream)
    fields = {"previous_response_id": first["id"], "context_management": MANAGED}
    queued = service.create(key, input="Go on.", background=True, **fields)
    end = time.monotonic() + 15
    while (found := service.retrieve(key, queued["id"]))["status"] in {"queued", "in_progress"}:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert kinds(found) == ["compaction", "message"]


def test_calls_that_are_answered_now_stay_as_they_are(service: Service, key: str, upstream: Upstream) -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "A quiet sea"}
    history = [{"role": "user", "content": "Look."}, {"role": "assistant", "content": LONG}]
    history += [{"role": "user", "content": "Look again."}, call, output]
    response = service.create(key, input=history, tools=[TOOL], context_management=MANAGED)
    assert kinds(response)[0] == "compaction"
    messages = upstream.requests[-1].body["messages"]
    assert [message["role"] for message in messages[-2:]] == ["assistant", "tool"]
    assert messages[-2]["tool_calls"][0]["id"] == messages[-1]["tool_call_id"] == "call_1"


def test_a_conversation_is_compacted_again_and_keeps_what_was_said_before(
    service: Service, key: str, upstream: Upstream
) -> None:
    first = told(service, key, upstream)
    second = service.create(key, input="Go on.", previous_response_id=first["id"], context_management=MANAGED)
    upstream.scripts.append(answer("The pilot is called Oleh. " + LONG[46:]))
    third = service.create(key, input="Who else?", previous_response_id=second["id"], context_management=MANAGED)
    upstream.scripts.append(answer("Yes"))
    fourth = service.create(key, input="Thanks.", previous_response_id=third["id"], context_management=MANAGED)
    assert kinds(third) == ["message"]
    assert kinds(fourth) == ["compaction", "message"]
    assert all(fact in read(upstream) for fact in ("Ada", "Irina", "Oleh", "Thanks."))


def test_a_conversation_that_exceeds_the_window_is_compacted_into_it(
    service: Service, key: str, upstream: Upstream
) -> None:
    service.agent("agent", context_tokens=1800, compaction=AgentCompaction())
    upstream.scripts = [answer("Yes")]
    history = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": LONG},
        {"role": "user", "content": "?"},
    ]
    assert kinds(service.create(key, input=history)) == ["compaction", "message"]
    service.agent("agent", context_tokens=1800)
    refused(service.post(key, model="agent", input=history), 400, "context_length_exceeded", "input")


# by a model


def test_the_model_that_an_agent_names_writes_the_summary(service: Service, key: str, upstream: Upstream) -> None:
    service.agent("agent", compaction=AgentCompaction(1000, "small"))
    upstream.scripts = [answer(LONG), answer("Ada asked of Odessa, whose harbour master is Irina."), answer("Noted")]
    first = service.create(key, input="My name is Ada. Tell me of Odessa.")
    second = service.create(key, input="Go on.", previous_response_id=first["id"])
    assert kinds(second) == ["compaction", "message"]
    assert [request.body["model"] for request in upstream.requests[1:]] == ["small", upstream.requests[0].body["model"]]
    assert "weather" in read(upstream, -2)
    assert "Ada asked of Odessa, whose harbour master is Irina." in read(upstream)
    assert "weather" not in read(upstream)
    assert second["usage"]["input_tokens"] == 6
    assert second["usage"]["output_tokens"] == 10


@pytest.mark.parametrize("failure", [Script.error(401), answer(""), answer(LONG * 2)], ids=["refused", "empty", "long"])
def test_a_summary_that_fails_is_replaced_by_the_compaction_without_a_model(
    service: Service, key: str, upstream: Upstream, failure: Script
) -> None:
    service.agent("agent", compaction=AgentCompaction(1000, "small"))
    upstream.scripts = [answer(LONG), failure, answer("Noted")]
    first = service.create(key, input="My name is Ada. Tell me of Odessa.")
    second = service.create(key, input="Go on.", previous_response_id=first["id"])
    assert kinds(second) == ["compaction", "message"]
    assert all(fact in read(upstream) for fact in ("Ada", "Irina", "Go on."))


# refusals


@pytest.mark.parametrize(
    ("managed", "code", "param"),
    [
        ([{"type": "compaction", "compact_threshold": 999}], "out_of_range", "context_management[0].compact_threshold"),
        ([{"type": "clear"}], "unsupported_value", "context_management[0].type"),
        ([{"compact_threshold": 1000}], "missing_required_parameter", "context_management[0].type"),
    ],
)
def test_what_is_wrong_with_the_setting_is_refused(
    service: Service, key: str, managed: Any, code: str, param: str
) -> None:
    refused(service.post(key, model="agent", input="Hi", context_management=managed), 400, code, param)
