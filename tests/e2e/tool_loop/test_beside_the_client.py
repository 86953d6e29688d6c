"""Calls of the server's tools in the same model turn as a call that the client has to make."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support import chat
from tests.support.server_tools import Tools, server
from tests.support.service import Service
from tests.support.upstream import Upstream, answer, calls
from tests.support.weather import TOOL, said


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
