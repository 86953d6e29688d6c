"""Function calls over several turns: parallel, repeated, cut, invented, suppressed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.caller import refused
from tests.support.service import Service
from tests.support.upstream import CUT, Script, Upstream, answer, finish, text, tool_call
from tests.support.weather import TOOL, said


def test_a_stateless_replay_of_the_output_as_input_works(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(text("Let me see. "), tool_call(0, "call_a", "get_weather", "{}"), finish("tool_calls")),
        answer("Sunny"),
    ]
    question = {"role": "user", "content": "Weather?"}
    first = service.create(key, input=[question], tools=[TOOL], store=False)
    output = {"type": "function_call_output", "call_id": "call_a", "output": "sunny"}
    second = service.create(key, input=[question, *first["output"], output], tools=[TOOL], store=False)
    assert said(second) == "Sunny"
    assert [m["role"] for m in upstream.requests[1].body["messages"]] == ["user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([{"type": "function_call_output", "call_id": "nobody", "output": "x"}], "input[0].call_id"),
        (
            [
                {"type": "function_call_output", "call_id": "call_a", "output": "x"},
                {"type": "function_call_output", "call_id": "call_a", "output": "y"},
            ],
            "input[1].call_id",
        ),
        ([{"role": "user", "content": "never mind"}], "input"),
    ],
    ids=["unknown", "duplicate", "missing"],
)
def test_outputs_that_do_not_pair_with_the_open_calls_are_refused(
    service: Service, key: str, upstream: Upstream, items: list[dict[str, Any]], param: str
) -> None:
    upstream.scripts = [Script.stream(tool_call(0, "call_a", "get_weather", "{}"), finish("tool_calls"))]
    first = service.create(key, input="Weather?", tools=[TOOL])
    answer = service.post(key, model="agent", input=items, previous_response_id=first["id"])
    refused(answer, 400, "tool_output_mismatch", param)
    assert len(upstream.requests) == 1


CALL = {"type": "function_call", "call_id": "call_a", "name": "get_weather", "arguments": '{ "city": "Rome" }'}


SUNNY = {"type": "function_call_output", "call_id": "call_a", "output": "sunny"}


SUNNY_PARTS = {**SUNNY, "output": [{"type": "input_text", "text": "sunny"}]}


@pytest.mark.parametrize(
    "items",
    [[CALL, SUNNY], [SUNNY, SUNNY_PARTS]],
    ids=["the call beside its output", "an output twice"],
)
def test_a_continuation_may_repeat_a_call_or_an_output(
    service: Service, key: str, upstream: Upstream, items: list[dict[str, Any]]
) -> None:
    """https://github.com/livekit/agents/issues/5136, https://github.com/MacPaw/OpenAI/issues/432."""
    upstream.scripts = [
        Script.stream(tool_call(0, "call_a", "get_weather", '{"city":"Rome"}'), finish("tool_calls")),
        answer("Sunny"),
    ]
    first = service.create(key, input="Weather?", tools=[TOOL])
    second = service.create(key, input=items, previous_response_id=first["id"])
    service.create(key, input="Thanks", previous_response_id=second["id"])
    for request in upstream.requests[1:]:
        assert [message["role"] for message in request.body["messages"]][:3] == ["user", "assistant", "tool"]
        assert [message["role"] for message in request.body["messages"]].count("tool") == 1
    listed = service.get(f"/v1/responses/{second['id']}/input_items?order=asc", key).json()["data"]
    assert [item["type"] for item in listed] == ["message", "function_call", "function_call_output"]


def test_a_continuation_may_repeat_a_pair_that_is_stored(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/Azure/azure-sdk-for-python/issues/46092; Semantic Kernel does the same."""
    upstream.scripts = [
        Script.stream(tool_call(0, "call_a", "get_weather", '{"city":"Rome"}'), finish("tool_calls")),
        answer("Sunny"),
    ]
    first = service.create(key, input="Weather?", tools=[TOOL])
    second = service.create(key, input=[SUNNY], previous_response_id=first["id"])
    for repeated in ([CALL, SUNNY], [SUNNY]):
        more = {"role": "user", "content": "And?"}
        third = service.create(key, input=[*repeated, more], previous_response_id=second["id"])
        service.create(key, input="Thanks", previous_response_id=third["id"])
        roles = [message["role"] for message in upstream.requests[-1].body["messages"]]
        assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant", "user"]


def test_a_call_that_was_cut_may_be_sent_again_whole(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(tool_call(0, "call_a", "get_weather", '{"city"'), CUT, done=False),
        answer("Sunny"),
    ]
    failed = service.stream(key, input="Weather?", tools=[TOOL])[-1]["response"]
    service.create(key, input=[CALL, SUNNY], previous_response_id=failed["id"])
    calls = [message["tool_calls"] for message in upstream.requests[1].body["messages"] if "tool_calls" in message]
    assert [call["function"]["arguments"] for (call,) in calls] == [CALL["arguments"]]


def test_a_call_of_a_function_that_a_model_invented_can_be_sent_back(
    service: Service, key: str, upstream: Upstream
) -> None:
    """The client answers that there is no such function; the provider takes plain names only."""
    call = {**CALL, "name": "functions.get weather" + "!" * 60}
    first = service.create(key, input=[{"role": "user", "content": "Weather?"}, call, SUNNY])
    (sent,) = upstream.requests[0].body["messages"][1]["tool_calls"]
    assert sent["function"]["name"] == "functions_get_weather" + "_" * 43
    listed = service.get(f"/v1/responses/{first['id']}/input_items?order=asc", key).json()["data"]
    assert listed[1]["name"] == call["name"]


def test_a_long_call_id_can_be_sent_back(service: Service, key: str, upstream: Upstream) -> None:
    """Some providers sign their calls in the id: https://github.com/BerriAI/litellm/issues/41534."""
    signed = "call_" + "s" * 5000
    call, output = ({**item, "call_id": signed} for item in (CALL, SUNNY))
    reply = service.create(key, input=[{"role": "user", "content": "Weather?"}, call, output])
    assert reply["status"] == "completed"


def test_the_same_call_may_be_made_twice(service: Service, key: str, upstream: Upstream) -> None:
    """Some models count their calls anew in every turn: ``call_0`` is another call then."""
    user = {"role": "user", "content": "Weather?"}
    service.create(key, input=[user, CALL, SUNNY, {"role": "assistant", "content": "Sunny"}, user, CALL, SUNNY])
    roles = [message["role"] for message in upstream.requests[0].body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant", "tool"]


def test_a_call_outside_the_allowed_tools_is_suppressed(service: Service, key: str, upstream: Upstream) -> None:
    other = {**TOOL, "name": "other"}
    upstream.scripts = [
        Script.stream(text("Hm. "), tool_call(0, "call_x", "other", "{}"), finish("tool_calls")),
    ]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_weather"}]}
    response = service.create(key, input="Hi", tools=[TOOL, other], tool_choice=choice)
    assert [item["type"] for item in response["output"]] == ["message"]
    assert response["tool_choice"] == choice
    assert [tool["function"]["name"] for tool in upstream.requests[0].body["tools"]] == ["get_weather"]


@pytest.mark.parametrize("mode", ["json", "stream"])
def test_a_call_of_a_name_that_nobody_offered_reaches_the_client(
    service: Service, key: str, upstream: Upstream, mode: str
) -> None:
    """sglang#40817: the client can mend it."""
    upstream.scripts = [Script.stream(tool_call(0, "call_x", "get_wether", "{}"), finish("tool_calls"))]
    response = answered(service, key, mode, input="Hi", tools=[TOOL])
    assert [(item["name"], item["status"]) for item in response["output"]] == [("get_wether", "completed")]


@pytest.mark.parametrize("choice", ["none", {"type": "function", "name": "get_weather"}])
def test_a_call_that_the_tool_choice_forbids_is_suppressed(
    service: Service, key: str, upstream: Upstream, choice: Any
) -> None:
    upstream.scripts = [Script.stream(text("Hm."), tool_call(0, "call_x", "other", "{}"), finish("tool_calls"))]
    response = service.create(key, input="Hi", tools=[TOOL, {**TOOL, "name": "other"}], tool_choice=choice)
    assert [item["type"] for item in response["output"]] == ["message"]


@pytest.mark.parametrize("mode", ["json", "stream"])
def test_a_call_that_is_cut_in_its_arguments_is_incomplete_whatever_the_reason_to_stop(
    service: Service, key: str, upstream: Upstream, mode: str
) -> None:
    """vllm#53269."""
    upstream.scripts = [Script.stream(tool_call(0, "call_x", "get_weather", '{"city": "Par'), finish("tool_calls"))]
    response = answered(service, key, mode, input="Hi", tools=[TOOL])
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert [item["status"] for item in response["output"]] == ["incomplete"]


def answered(service: Service, key: str, mode: str, **request: Any) -> dict[str, Any]:
    """Ask, and return the response: the body, or what the terminal event has."""
    if mode == "json":
        return service.create(key, **request)
    response: dict[str, Any] = service.stream(key, **request)[-1]["response"]
    return response


@pytest.mark.parametrize("mode", ["json", "stream"])
def test_max_tool_calls_is_a_hard_stop_in_both_modes(service: Service, key: str, upstream: Upstream, mode: str) -> None:
    upstream.scripts = [
        Script.stream(
            tool_call(0, "call_a", "get_weather", "{}"),
            tool_call(1, "call_b", "get_weather", "{}"),
            finish("tool_calls"),
        )
    ]
    fields = {"input": "Hi", "tools": [TOOL], "max_tool_calls": 1}
    response = service.create(key, **fields) if mode == "json" else service.stream(key, **fields)[-1]["response"]
    assert [item["call_id"] for item in response["output"]] == ["call_a"]
    assert response["incomplete_details"] == {"reason": "max_tool_calls"}


def test_one_call_at_a_time_where_parallel_calls_are_off(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(
            tool_call(0, "call_a", "get_weather", "{}"),
            tool_call(1, "call_b", "get_weather", "{}"),
            finish("tool_calls"),
        )
    ]
    response = service.create(key, input="Hi", tools=[TOOL], parallel_tool_calls=False)
    assert [item["call_id"] for item in response["output"]] == ["call_a"]
    assert upstream.requests[0].body["parallel_tool_calls"] is False


def test_a_name_that_the_agents_own_tool_bears_is_refused(service: Service, key: str) -> None:
    service.agent("agent", tools=(TOOL,))
    refused(service.post(key, model="agent", input="Hi", tools=[TOOL]), 400, "invalid_value", "tools[0].name")


def test_the_agents_own_tools_are_offered_and_echoed(service: Service, key: str, upstream: Upstream) -> None:
    service.agent("agent", tools=(TOOL,))
    response = service.create(key, input="Hi", tools=[{**TOOL, "name": "mine"}])
    assert [tool["name"] for tool in response["tools"]] == ["get_weather", "mine"]
    assert [tool["function"]["name"] for tool in upstream.requests[0].body["tools"]] == ["get_weather", "mine"]
