"""Agents that act: the model calls tools that Antiphon runs, reads what they return, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from antiphon.records import Fallback
from antiphon.web.docs import DOCUMENT
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, calls
from tests.support.weather import said

TWO = {"calls": [("call_a", "crm__find", '{"who":"Ada"}'), ("call_b", "crm__count", "{}")]}


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
