"""The data that a provider needs back with a function call is sent: its own id, and Gemini's signature."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, chunk, finish, tool_call

TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in ("f", "g")]
LONG = "call_" + "abc" * 40
SEALED = ["reasoning.encrypted_content"]
REPLAYS = ("previous_response_id", "stored input", "unstored input")


def signed(index: int, call_id: str, name: str, signature: str) -> dict[str, Any]:
    call = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}
    return chunk({"tool_calls": [{**call, "extra_content": {"google": {"thought_signature": signature}}}]})


def outputs_of(response: dict[str, Any]) -> list[dict[str, Any]]:
    calls = [item for item in response["output"] if item["type"] == "function_call"]
    return [{"type": "function_call_output", "call_id": call["call_id"], "output": call["name"]} for call in calls]


def continued(service: Service, key: str, replay: str) -> dict[str, Any]:
    """Ask, and continue with the outputs of what was called; return the first response."""
    stored = replay != "unstored input"
    first = service.create(key, input="x", tools=TOOLS, store=stored, include=[] if stored else SEALED)
    outputs = outputs_of(first)
    if replay == "previous_response_id":
        service.create(key, input=outputs, tools=TOOLS, previous_response_id=first["id"])
    else:
        question = {"role": "user", "content": "x"}
        service.create(key, input=[question, *first["output"], *outputs], tools=TOOLS, store=stored)
    return first


def exchanged(upstream: Upstream) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    messages = upstream.requests[1].body["messages"]
    [calls] = [message["tool_calls"] for message in messages if "tool_calls" in message]
    return calls, [message for message in messages if message["role"] == "tool"]


@pytest.mark.parametrize("replay", REPLAYS)
def test_a_call_that_gemini_signed_goes_back_with_its_signature(
    service: Service, key: str, upstream: Upstream, replay: str
) -> None:
    """https://github.com/langchain-ai/langchain/issues/37347: Gemini refuses the call without it."""
    upstream.scripts = [
        Script.stream(signed(0, "call_a", "f", "sig="), tool_call(1, "call_b", "g", "{}"), finish("tool_calls")),
        answer("Yes"),
    ]
    continued(service, key, replay)
    calls, outputs = exchanged(upstream)
    assert [call.get("extra_content") for call in calls] == [{"google": {"thought_signature": "sig="}}, None]
    assert [call["id"] for call in calls] == ["call_a", "call_b"]
    assert [output["tool_call_id"] for output in outputs] == ["call_a", "call_b"]


@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize("ids", [(LONG, "call_b"), ("call_a", LONG), (LONG, LONG + "d")])
def test_an_id_that_is_too_long_for_clients_is_one_of_ours_to_them_and_its_own_to_the_provider(
    service: Service, key: str, upstream: Upstream, replay: str, ids: tuple[str, str]
) -> None:
    """https://github.com/BerriAI/litellm/issues/41534: the id holds what the provider needs back."""
    pieces = [tool_call(index, call_id, name) for index, (call_id, name) in enumerate(zip(ids, "fg", strict=True))]
    more = [tool_call(index, arguments="{}") for index in (1, 0)]
    upstream.scripts = [Script.stream(*pieces, *more, finish("tool_calls")), answer("Yes")]
    first = continued(service, key, replay)
    ours = [item["call_id"] for item in first["output"] if item["type"] == "function_call"]
    assert len(set(ours)) == 2
    assert all(len(call_id) <= 64 for call_id in ours)
    calls, outputs = exchanged(upstream)
    assert [call["id"] for call in calls] == list(ids)
    assert [(output["tool_call_id"], output["content"]) for output in outputs] == list(zip(ids, "fg", strict=True))


@pytest.mark.parametrize("replay", REPLAYS)
def test_calls_of_one_id_are_told_apart(service: Service, key: str, upstream: Upstream, replay: str) -> None:
    """Endpoints refuse a history with two calls of one id, even the one that made them.

    https://github.com/agno-agi/agno/issues/2640, https://github.com/can1357/oh-my-pi/issues/2055
    """
    upstream.scripts = [
        Script.stream(tool_call(0, "call_a", "f", "{}"), tool_call(1, "call_a", "g", "{}"), finish("tool_calls")),
        answer("Yes"),
    ]
    first = continued(service, key, replay)
    ours = [item["call_id"] for item in first["output"] if item["type"] == "function_call"]
    assert (len(set(ours)), ours[0]) == (2, "call_a")
    calls, outputs = exchanged(upstream)
    assert [(call["id"], call["function"]["name"]) for call in calls] == list(zip(ours, "fg", strict=True))
    assert [(output["tool_call_id"], output["content"]) for output in outputs] == list(zip(ours, "fg", strict=True))


def test_a_call_without_an_id_keeps_the_one_that_we_gave_it(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/earendil-works/pi/issues/4854: an empty id is refused when it comes back."""
    upstream.scripts = [Script.stream(tool_call(0, "", "f", "{}"), finish("tool_calls")), answer("Yes")]
    first = continued(service, key, "previous_response_id")
    [call], [output] = exchanged(upstream)
    assert call["id"] == output["tool_call_id"] == outputs_of(first)[0]["call_id"]
    assert [item["type"] for item in first["output"]] == ["function_call"]
