"""Agents that act: the model calls tools that Antiphon runs, reads what comes of them, and goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from jsonschema import Draft202012Validator

from antiphon.ports import ToolFailure, ToolResult
from antiphon.records import Budget, Fallback
from antiphon.web.docs import DOCUMENT
from tests.support import chat
from tests.support.caller import refused
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, text, tool_call, usage
from tests.support.weather import TOOL, said

TWO = {"calls": [("call_a", "crm__find", '{"who":"Ada"}'), ("call_b", "crm__count", "{}")]}


def calls(*made: tuple[str, str, str], before: str = "") -> Script:
    """Return a model's turn that makes calls."""
    pieces = [text(before)] if before else []
    pieces += [tool_call(index, *call) for index, call in enumerate(made)]
    return Script.stream(*pieces, finish("tool_calls"), usage(10, 5))


@pytest.fixture
def tools() -> Tools:
    return Tools(find=says("Ada Lovelace"), count=says("3"), update=says("done"))


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, tools: Tools) -> Iterator[Service]:
    with Service(tmp_path, upstream, runner=tools, check_streams=True) as running:
        running.agent("agent", servers=(server("find", "count", "update"),))
        yield running


def test_the_model_reads_what_a_tool_returned_and_answers(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", '{"who":"Ada"}'), before="Let me see. "), answer("It is Ada.")]
    response = service.create(key, input="Who?")
    assert [item["type"] for item in response["output"]] == ["message", "mcp_call", "message"]
    call = response["output"][1]
    assert {name: call[name] for name in ("server_label", "name", "arguments", "output", "status")} == {
        "server_label": "crm",
        "name": "find",
        "arguments": '{"who":"Ada"}',
        "output": "Ada Lovelace",
        "status": "completed",
    }
    assert "error" not in call
    assert tools.calls[0].arguments == {"who": "Ada"}
    assert tools.calls[0].token == call["id"]
    shown = upstream.requests[1].body["messages"]
    assert [message["role"] for message in shown] == ["user", "assistant", "tool"]
    assert shown[1]["tool_calls"][0]["function"] == {"name": "crm__find", "arguments": '{"who":"Ada"}'}
    assert shown[2]["content"] == "Ada Lovelace"
    assert service.retrieve(key, response["id"]) == response


def test_the_events_of_a_call_are_those_of_openai_and_a_replay_has_the_same(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", '{"who":"Ada"}')), answer("It is Ada.")]
    events = service.stream(key, input="Who?", stream_options={"include_obfuscation": False})
    assert [event["type"] for event in events[2:8]] == [
        "response.output_item.added",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.completed",
        "response.output_item.done",
    ]
    own = events[-1]["response"]["id"]
    again = service.get(f"/v1/responses/{own}?stream=true&include_obfuscation=false", key)
    assert [json.loads(line[6:]) for line in again.text.splitlines() if line.startswith("data: {")] == events


def test_calls_that_are_made_at_once_run_at_once_and_come_in_their_order(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    upstream.scripts = [calls(*TWO["calls"]), answer("Three.")]
    response = service.create(key, input="How many?")
    assert [item.get("name") for item in response["output"]] == ["find", "count", None]
    assert [item["content"] for item in upstream.requests[1].body["messages"][2:]] == ["Ada Lovelace", "3"]


def test_usage_is_added_up_and_shown_for_each_model_turn(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("It is Ada.", prompt=30)]
    used = service.create(key, input="Who?")["usage"]
    assert used["input_tokens"] == 40
    assert used["output_tokens"] == 5 + 3
    assert [turn["input_tokens"] for turn in used["antiphon"]["turns"]] == [10, 30]


def test_a_tool_that_fails_is_a_failed_item_that_the_model_reads(tmp_path: Path, upstream: Upstream) -> None:
    async def fails(_: Any) -> ToolResult:
        return ToolResult(failure=ToolFailure("execution", "There is no such customer."))

    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("Nobody.")]
    with Service(tmp_path, upstream, runner=Tools(find=fails), check_streams=True) as service:
        service.agent("agent", servers=(server("find"),))
        key = service.key()
        response = service.create(key, input="Who?")
    call = response["output"][0]
    assert call["status"] == "failed"
    assert call["error"] == {
        "type": "mcp_tool_execution_error",
        "content": [{"type": "text", "text": "There is no such customer."}],
    }
    assert "output" not in call
    assert response["status"] == "completed"
    assert upstream.requests[1].body["messages"][-1]["content"] == "There is no such customer."


def test_a_runner_that_breaks_costs_no_answer(tmp_path: Path, upstream: Upstream) -> None:
    async def breaks(_: Any) -> ToolResult:
        raise RuntimeError("secret")

    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("Nobody.")]
    with Service(tmp_path, upstream, runner=Tools(find=breaks)) as service:
        service.agent("agent", servers=(server("find"),))
        response = service.create(service.key(), input="Who?")
    assert response["status"] == "completed"
    assert "secret" not in json.dumps(response)


def test_arguments_that_are_no_object_reach_no_tool(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "[1]")), answer("Sorry.")]
    response = service.create(key, input="Who?")
    assert response["output"][0]["status"] == "failed"
    assert tools.calls == []


@pytest.mark.parametrize("runs", ["may run twice", "goes on by an id"])
def test_with_a_call_for_the_client_the_servers_calls_run_and_the_response_ends(
    service: Service, key: str, upstream: Upstream, runs: str
) -> None:
    service.agent("agent", servers=(server("find", repeatable=runs == "may run twice"),))
    upstream.scripts = [answer("Hello")]
    before = service.create(key, input="Hello")["id"] if runs == "goes on by an id" else None
    upstream.requests.clear()
    upstream.scripts = [
        calls(("call_a", "get_weather", '{"city":"Rome"}'), ("call_b", "crm__find", "{}")),
        answer("Sunny, Ada."),
    ]
    first = service.create(key, input="Weather?", tools=[TOOL], previous_response_id=before)
    assert [item["type"] for item in first["output"]] == ["function_call", "mcp_call"]
    assert len(upstream.requests) == 1
    output = {"type": "function_call_output", "call_id": "call_a", "output": "sunny"}
    second = service.create(key, input=[output], previous_response_id=first["id"], tools=[TOOL])
    assert said(second) == "Sunny, Ada."
    roles = [message["role"] for message in upstream.requests[1].body["messages"]]
    assert roles[-4:] == ["user", "assistant", "tool", "tool"]


def test_a_call_beside_one_for_the_client_waits_if_the_client_may_not_send_back_what_it_returned(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    """Several clients leave out the items of servers; see ``tests/clients``."""
    both = calls(("call_a", "get_weather", '{"city":"Rome"}'), ("call_b", "crm__find", "{}"))
    again = calls(("call_c", "crm__find", "{}"))
    upstream.scripts = [both, again, answer("Sunny, Ada."), again, answer("Sunny, Ada.")]
    first = service.create(key, input="Weather?", tools=[TOOL])
    assert [(item["type"], item["status"]) for item in first["output"]] == [
        ("function_call", "completed"),
        ("mcp_call", "failed"),
    ]
    assert tools.calls == []
    output = {"type": "function_call_output", "call_id": "call_a", "output": "sunny"}
    question = {"role": "user", "content": "Weather?"}
    for sent_back in (first["output"], first["output"][:1]):
        second = service.create(key, input=[question, *sent_back, output], tools=[TOOL])
        assert (second["output"][0]["output"], said(second)) == ("Ada Lovelace", "Sunny, Ada.")
    assert tools.names == ["find", "find"]


@pytest.mark.parametrize("streams", [False, True], ids=["json", "stream"])
def test_over_chat_a_call_beside_one_for_the_client_waits_so_that_it_is_made_once(
    service: Service, key: str, upstream: Upstream, tools: Tools, streams: bool
) -> None:
    """A client of Chat Completions has no place for what the tool returned: the model would call it again."""
    both = calls(("call_a", "get_weather", '{"city":"Rome"}'), ("call_b", "crm__find", "{}"))
    upstream.scripts = [both, calls(("call_c", "crm__find", "{}")), answer("Sunny, Ada.")]
    said: list[Any] = [{"role": "user", "content": "Weather?"}]
    offered = [{"type": "function", "function": {name: TOOL[name] for name in ("name", "parameters")}}]
    if streams:
        made = chat.calls_of(chat.stream(service, key, said, tools=offered))
    else:
        made = chat.complete(service, key, said, tools=offered)["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in made] == ["get_weather"]
    assert tools.calls == []
    own = [{name: call[name] for name in ("id", "type", "function")} for call in made]
    said += [{"role": "assistant", "tool_calls": own}, {"role": "tool", "tool_call_id": "call_a", "content": "sunny"}]
    second = chat.complete(service, key, said, tools=offered)
    assert second["choices"][0]["message"]["content"] == "Sunny, Ada."
    assert tools.names == ["find"]


def test_a_hidden_call_beside_one_for_the_client_waits_however_the_client_goes_on(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    """Who sends items back has none of the hidden call, and who continues by an id reads that it waited."""
    service.agent("agent", servers=(server("find", "count"),), show_tools=False)
    both = calls(("call_a", "get_weather", '{"city":"Rome"}'), ("call_b", "crm__find", "{}"))
    again = calls(("call_c", "crm__find", "{}"))
    upstream.scripts = [both, again, answer("Sunny, Ada."), again, answer("Sunny, Ada.")]
    first = service.create(key, input="Weather?", tools=[TOOL])
    assert [item["type"] for item in first["output"]] == ["function_call"]
    assert tools.calls == []
    output = {"type": "function_call_output", "call_id": "call_a", "output": "sunny"}
    for fields in (
        {"input": [output], "previous_response_id": first["id"]},
        {"input": [{"role": "user", "content": "Weather?"}, *first["output"], output], "store": False},
    ):
        assert said(service.create(key, tools=[TOOL], **fields)) == "Sunny, Ada."
    assert tools.names == ["find", "find"]
    by_id, by_items = (upstream.requests[index].body["messages"] for index in (1, 3))
    assert "Call it again" in by_id[-1]["content"]
    assert [message["role"] for message in by_items] == ["user", "assistant", "tool"]


def test_calls_of_one_model_turn_stay_one_turn_though_some_of_them_wait(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    twice, once = server("find", repeatable=True), server("update")
    service.agent("agent", servers=(replace(twice, tools=twice.tools + once.tools),))
    made = [("call_a", "crm__update", "{}"), ("call_b", "get_weather", "{}"), ("call_c", "crm__find", "{}")]
    upstream.scripts = [calls(*made), answer("Sunny, Ada.")]
    first = service.create(key, input="Weather?", tools=[TOOL])
    assert [(item["name"], item["status"]) for item in first["output"]] == [
        ("get_weather", "completed"),
        ("update", "failed"),
        ("find", "completed"),
    ]
    assert tools.names == ["find"]
    output = {"type": "function_call_output", "call_id": "call_b", "output": "sunny"}
    service.create(key, input=[output], previous_response_id=first["id"], tools=[TOOL])
    roles = [message["role"] for message in upstream.requests[1].body["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "tool"]


@pytest.mark.parametrize("who", ["caller", "role:MANAGER"])
def test_a_call_that_needs_an_approval_is_not_asked_for_beside_one_for_the_client(
    service: Service, key: str, upstream: Upstream, tools: Tools, who: str
) -> None:
    """A decision could start nothing while the client's call has no output; then the model calls the tool again."""
    service.agent("agent", servers=(server("update", approval=who),))
    upstream.scripts = [answer("Hello")]
    before = service.create(key, input="Hello")["id"]
    upstream.requests.clear()
    both = calls(("call_a", "get_weather", '{"city":"Rome"}'), ("call_b", "crm__update", "{}"))
    upstream.scripts = [both, calls(("call_c", "crm__update", "{}"))]
    first = service.create(key, input="Weather?", tools=[TOOL], previous_response_id=before)
    assert [item["type"] for item in first["output"]] == ["function_call", "mcp_call"]
    assert "Call it again" in first["output"][1]["error"]["message"]
    assert "approvals" not in first["antiphon"]
    output = {"type": "function_call_output", "call_id": "call_a", "output": "sunny"}
    second = service.create(key, input=[output], previous_response_id=first["id"], tools=[TOOL])
    assert [approval["by"] for approval in second["antiphon"]["approvals"]] == [who]
    assert tools.calls == []


@pytest.mark.parametrize("api", ["responses", "chat"])
@pytest.mark.parametrize(("repeatable", "runs"), [(False, 1), (True, 3)], ids=["once", "may run twice"])
def test_a_client_does_not_repeat_a_failed_request_whose_tool_must_not_run_twice(
    service: Service, key: str, upstream: Upstream, tools: Tools, api: str, repeatable: bool, runs: int
) -> None:
    """OpenAI's SDKs repeat a request that failed at the server twice, unless they are told not to."""
    service.agent("agent", servers=(server("update", repeatable=repeatable),))
    breaks = Script.cut_after(10_000, text("It is "))
    upstream.scripts = [calls(("call_a", "crm__update", "{}")), breaks] * 3
    client = openai.OpenAI(
        base_url=service.base_url, api_key=key, http_client=openai.DefaultHttpxClient(trust_env=False)
    )
    question = "Update it"
    ask = {
        "responses": lambda: client.responses.create(model="agent", input=question),
        "chat": lambda: client.chat.completions.create(model="agent", messages=[{"role": "user", "content": question}]),
    }[api]
    with client, pytest.raises(openai.InternalServerError) as failed:
        ask()
    assert tools.names == ["update"] * runs
    assert failed.value.response.headers["x-should-retry"] == ("true" if repeatable else "false")
    assert ("retry-after" in failed.value.response.headers) == repeatable


def test_a_forced_choice_is_forced_once(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("It is Ada.")]
    service.create(key, input="Who?", tool_choice={"type": "mcp", "server_label": "crm", "name": "find"})
    choices = [request.body.get("tool_choice") for request in upstream.requests]
    assert choices[0] == {"type": "function", "function": {"name": "crm__find"}}
    assert choices[1] in (None, "auto")


def test_a_tool_is_called_no_more_often_than_max_tool_calls(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}"))]
    response = service.create(key, input="Who?", max_tool_calls=2)
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_tool_calls"}
    assert len(tools.calls) == 2


def test_a_model_that_never_ends_is_stopped_after_the_agents_model_turns(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    service.agent("agent", servers=(server("find"),), max_model_turns=3)
    upstream.scripts = [calls(("call_a", "crm__find", "{}"))]
    response = service.create(key, input="Who?")
    assert response["incomplete_details"] == {"reason": "max_model_turns"}
    assert len(tools.calls) == 3


def test_the_next_turn_reads_the_calls_of_the_turn_before(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("It is Ada."), answer("Still Ada.")]
    first = service.create(key, input="Who?")
    service.create(key, input="And now?", previous_response_id=first["id"])
    roles = [message["role"] for message in upstream.requests[2].body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


@pytest.mark.parametrize("form", ["whole", "reference"])
def test_items_that_a_client_sends_back_are_read(service: Service, key: str, upstream: Upstream, form: str) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("It is Ada."), answer("Still Ada.")]
    first = service.create(key, input="Who?")
    output = first["output"]
    if form == "reference":
        output = [{"type": "item_reference", "id": item["id"]} for item in output]
    service.create(key, input=[{"role": "user", "content": "Who?"}, *output, {"role": "user", "content": "Sure?"}])
    sent = upstream.requests[2].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert sent[2]["content"] == "Ada Lovelace"


def test_a_request_narrows_the_tools_of_a_server_and_gets_their_list(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Hello")]
    narrow = {"type": "mcp", "server_label": "crm", "allowed_tools": ["find"]}
    response = service.create(key, input="Hi", tools=[narrow])
    assert [tool["function"]["name"] for tool in upstream.requests[0].body["tools"]] == ["crm__find"]
    listed = response["output"][0]
    assert listed["type"] == "mcp_list_tools"
    assert [tool["name"] for tool in listed["tools"]] == ["find"]
    second = service.create(key, input="Hi", tools=[narrow], previous_response_id=response["id"])
    assert [item["type"] for item in second["output"]] == ["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"server_label": "other"}, "tools[0].server_label"),
        ({"server_url": "https://evil.example/mcp"}, "tools[0].server_url"),
        ({"allowed_tools": ["drop"]}, "tools[0].allowed_tools"),
        ({"allowed_tools": {"tool_names": ["drop"]}}, "tools[0].allowed_tools"),
        ({"headers": {"authorization": "x"}}, "tools[0].headers"),
        ({"authorization": "x"}, "tools[0].authorization"),
    ],
)
def test_a_request_cannot_bring_a_server_of_its_own(
    service: Service, key: str, upstream: Upstream, fields: dict[str, Any], param: str
) -> None:
    tool = {"type": "mcp", "server_label": "crm", **fields}
    assert service.post(key, model="agent", input="Hi", tools=[tool]).json()["error"]["param"] == param
    assert upstream.requests == []


def test_a_choice_of_a_server_that_the_agent_has_not_is_refused(service: Service, key: str) -> None:
    choice = {"type": "mcp", "server_label": "other"}
    refused(
        service.post(key, model="agent", input="Hi", tool_choice=choice),
        400,
        "invalid_value",
        "tool_choice.server_label",
    )


def test_a_long_output_is_shown_with_its_beginning_and_its_end(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("Much.")]
    with Service(tmp_path, upstream, runner=Tools(find=says("a" * 60_000 + "b" * 60_000))) as service:
        service.agent("agent", servers=(server("find"),))
        service.create(service.key(), input="Who?")
    shown = upstream.requests[1].body["messages"][-1]["content"]
    assert shown.startswith("a" * 49_152 + "\n[... 54464 bytes left out ...]\n")
    assert shown.endswith("b" * 16_384)


def test_chat_completions_run_the_tools_and_show_the_answer(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("It is Ada.")]
    body = {"model": "agent", "messages": [{"role": "user", "content": "Who?"}]}
    headers = {"authorization": f"Bearer {key}"}
    completion = service.client.post("/v1/chat/completions", json=body, headers=headers).json()
    assert completion["choices"][0]["message"]["content"] == "It is Ada."
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert "tool_calls" not in completion["choices"][0]["message"]


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"tokens_per_response": 30}, "`tokens_per_response` of agent `agent` is 30, and this response has used 30. "),
        ({"usd_per_response": 2.5}, "`usd_per_response` of agent `agent` is 2.5, and this response has used 3. "),
    ],
    ids=["tokens", "money"],
)
@pytest.mark.parametrize("streams", [False, True], ids=["json", "stream"])
def test_a_loop_ends_when_one_response_has_used_what_the_agent_allows_it(
    tmp_path: Path, upstream: Upstream, tools: Tools, limits: dict[str, Any], told: str, streams: bool
) -> None:
    dear = {"model": ["*"], "provider": "up", "input": 100_000, "output": 100_000, "source": "a test"}
    prices = json.dumps({"prices": [{**dear, "date": "2026-11-29"}]})
    upstream.scripts = [calls(("call_a", "crm__find", "{}"))]
    with Service(tmp_path, upstream, runner=tools, check_streams=True, prices=prices) as service:
        service.agent("agent", servers=(server("find"),), **limits)
        key = service.key()
        for _ in range(2):  # the limit is of each response
            upstream.requests.clear()
            if streams:
                response = service.stream(key, input="Who?")[-1]["response"]
            else:
                response = service.create(key, input="Who?")
            assert response["status"] == "incomplete"
            assert response["incomplete_details"] == {"reason": "insufficient_quota"}
            assert len(upstream.requests) == response["usage"]["total_tokens"] / 15 == 2
            said_why = response["antiphon"]["insufficient_quota"]
            assert said_why == told + "Whoever may edit the agent can raise it."
            assert service.retrieve(key, response["id"]) == response


@pytest.mark.parametrize("limits", [{"max_model_turns": 2}, {"budget": Budget(tokens_per_day=12)}], ids=str)
def test_over_chat_an_answer_that_a_limit_ended_does_not_look_whole(
    service: Service, key: str, upstream: Upstream, limits: dict[str, Any]
) -> None:
    for agent in ("whole", "streamed"):
        service.agent(agent, servers=(server("find"),), **limits)
    upstream.scripts = [calls(("call_a", "crm__find", "{}"))]
    assert chat.complete(service, key, model="whole")["choices"][0]["finish_reason"] == "length"
    assert chat.stream(service, key, model="streamed")[-1]["choices"][0]["finish_reason"] == "length"


def test_a_loop_ends_when_a_budget_is_used_up_and_says_whose(service: Service, key: str, upstream: Upstream) -> None:
    service.agent("agent", servers=(server("find"),), budget=Budget(tokens_per_day=12))
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), answer("It is Ada.")]
    events = service.stream(key, input="Who?")
    response = events[-1]["response"]
    assert (response["status"], response["incomplete_details"]["reason"]) == ("incomplete", "insufficient_quota")
    assert response["output"][0]["output"] == "Ada Lovelace"
    assert "`tokens_per_day` of agent `agent`" in response["antiphon"]["insufficient_quota"]
    assert len(upstream.requests) == 1
    assert "insufficient_quota" not in events[0]["response"].get("antiphon", {})
    again = service.get(f"/v1/responses/{response['id']}?stream=true", key)
    assert '"insufficient_quota"' not in again.text.splitlines()[1]


def test_an_agent_can_hide_its_tools_and_its_model_still_reads_them(
    service: Service, key: str, upstream: Upstream, tools: Tools
) -> None:
    service.agent("agent", servers=(server("find", "count"),), show_tools=False)
    upstream.scripts = [calls(*TWO["calls"], before="Let me see. "), answer("It is Ada."), answer("Still Ada.")]
    narrow = {"type": "mcp", "server_label": "crm"}
    first = service.create(key, input="Who?", tools=[narrow])
    assert [item["type"] for item in first["output"]] == ["message", "message"]
    assert tools.names == ["find", "count"]
    assert [m["role"] for m in upstream.requests[1].body["messages"]] == ["user", "assistant", "tool", "tool"]
    service.create(key, input="And now?", previous_response_id=first["id"])
    roles = [m["role"] for m in upstream.requests[2].body["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "assistant", "user"]
    listed = service.get(f"/v1/responses/{first['id']}/input_items", key).json()
    assert [item["type"] for item in listed["data"]] == ["message"]
    assert service.retrieve(key, first["id"]) == first


def test_a_fallback_can_answer_each_model_turn(service: Service, key: str, upstream: Upstream) -> None:
    service.agent("agent", servers=(server("find"),), fallbacks=(Fallback("plain", "spare"),))
    upstream.scripts = [calls(("call_a", "crm__find", "{}")), Script.error(404), answer("It is Ada.")]
    response = service.create(key, input="Who?")
    assert said(response) == "It is Ada."
    assert [request.body["model"] for request in upstream.requests] == ["m", "m", "spare"]
    assert [turn["model"] for turn in response["usage"]["antiphon"]["turns"]] == ["m", "spare"]


def test_what_is_sent_of_tools_is_as_the_document_says(service: Service, key: str, upstream: Upstream) -> None:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    event, resource = (
        Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
        for name in ("StreamEvent", "ResponseResource")
    )
    upstream.scripts = [calls(*TWO["calls"]), answer("Three.")]
    events = service.stream(key, input="How many?", tools=[{"type": "mcp", "server_label": "crm"}])
    for sent in events:
        event.validate(sent)
    resource.validate(events[-1]["response"])
