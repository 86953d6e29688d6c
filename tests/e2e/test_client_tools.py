"""Tools that clients send by default: those that they run are carried to every model and back, the rest is named."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from antiphon.ports import StopDelta, TextDelta, ToolCallDelta, UsageDelta
from antiphon.settings import ProviderEndpoint
from antiphon.stream.grammar import check_frames, parse_sse
from tests.support.caller import refused
from tests.support.client_tools import CRM, CUSTOM, FIND, QUESTION, called, create, names
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, finish, tool_call, usage

CASES: dict[str, tuple[dict[str, Any], str, str, dict[str, Any], dict[str, Any], str]] = {
    "custom": (
        CUSTOM,
        "edit",
        '{"input": "a\\n\\"b\\""}',
        {"type": "custom_tool_call", "name": "edit", "input": 'a\n"b"'},
        {"type": "custom_tool_call_output", "output": "edited"},
        "edited",
    ),
    "namespace": (
        CRM,
        "crm__find",
        '{"x": 1}',
        {"type": "function_call", "name": "find", "namespace": "crm", "arguments": '{"x": 1}'},
        {"type": "function_call_output", "output": "found"},
        "found",
    ),
    "custom in a namespace": (
        CRM,
        "crm__do",
        '{"input": "it"}',
        {"type": "custom_tool_call", "name": "do", "namespace": "crm", "input": "it"},
        {"type": "custom_tool_call_output", "output": [{"type": "input_text", "text": "did"}]},
        "did",
    ),
    "local_shell": (
        {"type": "local_shell"},
        "local_shell",
        '{"command": ["ls", "-l"]}',
        {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls", "-l"], "env": {}}},
        {"type": "local_shell_call_output", "output": "a.txt"},
        "a.txt",
    ),
    "shell": (
        {"type": "shell"},
        "shell",
        '{"commands": ["ls", "pwd"], "timeout_ms": 5}',
        {"type": "shell_call", "action": {"commands": ["ls", "pwd"], "timeout_ms": 5}},
        {
            "type": "shell_call_output",
            "output": [{"stdout": "a.txt", "stderr": "", "outcome": {"type": "exit", "exit_code": 7}}],
        },
        "Exit code: 7",
    ),
    "apply_patch": (
        {"type": "apply_patch"},
        "apply_patch",
        '{"type": "update_file", "path": "a", "diff": "@@\\n-b\\n+c\\n"}',
        {"type": "apply_patch_call", "operation": {"type": "update_file", "path": "a", "diff": "@@\n-b\n+c\n"}},
        {"type": "apply_patch_call_output", "status": "completed", "output": "patched"},
        "patched",
    ),
}
"""For each type: the tool, the name and the arguments of the model's call, the item that the client gets, the output
that it sends, and words of it that the model must read."""


_EVENT: Any = TypeAdapter(ResponseStreamEvent)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for Bedrock's protocol, which signs each call."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


every_type = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)


@contextlib.contextmanager
def serve(state: Path, protocol: Protocol, upstream: Upstream) -> Iterator[Service]:
    endpoint = ProviderEndpoint(kind=protocol.kind, base_url=upstream.base_url)
    with Service(state, upstream, providers={"real": endpoint}, check_streams=True) as service:
        service.agent("agent", provider="real", model=protocol.model)
        yield service


def stream(service: Service, key: str, **fields: Any) -> list[dict[str, Any]]:
    """Create a response as a stream, which must keep the grammar; its events are openai-python's."""
    answered = service.post(key, **{"model": "agent", **fields, "stream": True})
    assert answered.status_code == 200, answered.text
    events = check_frames(parse_sse(answered.content))
    for event in events:
        if "response" not in event:
            _EVENT.validate_python(event)
    return events


def scripts(protocol: Protocol, name: str, arguments: str) -> list[Script]:
    calling = [ToolCallDelta(0, "call_1", name, arguments), UsageDelta(3, 4), StopDelta("tool_calls")]
    return [protocol.script(calling), protocol.script([TextDelta("Done."), UsageDelta(3, 4), StopDelta("stop")])]


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


@every_protocol
@every_type
def test_a_call_comes_as_the_item_that_its_client_expects_and_its_output_reaches_the_model(
    tmp_path: Path, protocol: Protocol, case: tuple[Any, ...]
) -> None:
    """https://github.com/ollama/ollama/issues/18284, https://github.com/antirez/ds4/issues/745."""
    tool, name, arguments, item, output, words = case
    with Upstream(scripts(protocol, name, arguments)) as upstream, serve(tmp_path, protocol, upstream) as service:
        key = service.key()
        events = stream(service, key, input=[QUESTION], tools=[tool])
        first = events[-1]["response"]
        (call,) = first["output"]
        assert {**item, "id": call["id"], "call_id": call["call_id"], "status": "completed"} == call
        told = {**output, "call_id": call["call_id"]}
        second = create(service, key, input=[QUESTION, call, told], tools=[tool])
        third = create(service, key, input=[told], previous_response_id=first["id"], tools=[tool])
    assert [item["type"] for item in (*second["output"], *third["output"])] == ["message", "message"]
    assert name in json.dumps(protocol.told(upstream.requests[0].body))
    for request in upstream.requests[1:]:
        read = json.dumps(protocol.told(request.body))
        assert read.count(words) == 1
        assert call["call_id"] in read or "call_1" in read
        assert "_call_output" not in read.replace("function_call_output", "")


@every_type
def test_a_call_is_the_same_in_one_body_in_a_stream_stored_and_replayed(
    service: Service, key: str, upstream: Upstream, case: tuple[Any, ...]
) -> None:
    tool, name, arguments, item, *_ = case
    called(upstream, name, arguments)
    upstream.scripts = [upstream.scripts[0]]
    whole = create(service, key, input=[QUESTION], tools=[tool])
    events = stream(service, key, input=[QUESTION], tools=[tool])
    replay = service.get(f"/v1/responses/{whole['id']}?stream=true", key).text
    stored = service.get(f"/v1/responses/{whole['id']}", key).json()
    assert stored == whole
    assert item.items() <= whole["output"][0].items()
    assert item.items() <= events[-1]["response"]["output"][0].items()
    assert json.dumps(whole["output"][0], separators=(",", ":"), ensure_ascii=False) in replay
    assert whole["tools"][-1]["type"] == tool["type"]


def test_the_input_of_a_custom_tool_streams_as_text(service: Service, key: str, upstream: Upstream) -> None:
    """https://github.com/caozhiyuan/copilot-api/issues/242: clients must not see the JSON around it."""
    pieces = ['{"inp', 'ut": "*** Begin', " Patch\\", 'n+a"', "}"]
    calls = [tool_call(0, "call_1", "edit", pieces[0]), *(tool_call(0, arguments=piece) for piece in pieces[1:])]
    upstream.scripts = [Script.stream(*calls, finish("tool_calls"), usage(3, 2))]
    events = stream(service, key, input=[QUESTION], tools=[CUSTOM])
    assert types(events)[2:-1] == [
        "output_item.added",
        *["custom_tool_call_input.delta"] * 3,
        "custom_tool_call_input.done",
        "output_item.done",
    ]
    assert [event["delta"] for event in events if "delta" in event] == ["*** Begin", " Patch", "\n+a"]
    assert events[2]["item"]["input"] == ""
    assert events[-3]["input"] == "*** Begin Patch\n+a"


def test_a_command_that_is_cut_never_reaches_the_client(service: Service, key: str, upstream: Upstream) -> None:
    cut = tool_call(0, "call_1", "shell", '{"commands": ["rm -r /tmp/a')
    upstream.scripts = [Script.stream(cut, finish("length"), usage(3, 2))]
    response = create(service, key, input=[QUESTION], tools=[{"type": "shell"}])
    assert (response["status"], response["output"]) == ("incomplete", [])


def test_a_call_whose_arguments_are_none_of_its_type_comes_as_a_functions(
    service: Service, key: str, upstream: Upstream
) -> None:
    called(upstream, "shell", '{"cmd": 1}')
    (call,) = create(service, key, input=[QUESTION], tools=[{"type": "shell"}])["output"]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "shell", '{"cmd": 1}')


def test_text_and_several_calls_of_several_types_keep_their_order(
    service: Service, key: str, upstream: Upstream
) -> None:
    calls = [
        tool_call(0, "a", "shell", '{"commands": ["ls"]}'),
        tool_call(1, "b", "edit", '{"input": "x"}'),
        tool_call(2, "c", "find", "{}"),
    ]
    upstream.scripts = [Script.stream(*calls, finish("tool_calls"), usage(3, 2))]
    events = stream(service, key, input=[QUESTION], tools=[{"type": "shell"}, CUSTOM, FIND])
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["shell_call", "custom_tool_call", "function_call"]
    assert [event["output_index"] for event in events if event["type"] == "response.output_item.done"] == [0, 1, 2]


@every_type
def test_items_of_a_call_are_listed_referred_to_and_sent_again(
    service: Service, key: str, upstream: Upstream, case: tuple[Any, ...]
) -> None:
    tool, name, arguments, item, output, words = case
    called(upstream, name, arguments)
    first = create(service, key, input=[QUESTION], tools=[tool])
    (call,) = first["output"]
    told = {**output, "call_id": call["call_id"]}
    second = create(service, key, input=[call, told], previous_response_id=first["id"], tools=[tool])
    listed = service.get(f"/v1/responses/{second['id']}/input_items?order=asc", key).json()["data"]
    assert [each["type"] for each in listed] == ["message", call["type"], output["type"]]
    assert item.items() <= listed[1].items()
    assert output.items() <= listed[2].items()
    references = [{"type": "item_reference", "id": each["id"]} for each in listed]
    create(service, key, input=references, tools=[tool])
    assert json.dumps(upstream.requests[-1].body["messages"]).count(words) == 1


def test_an_output_without_its_call_is_refused(service: Service, key: str) -> None:
    sent = [QUESTION, {"type": "custom_tool_call_output", "call_id": "c", "output": "4"}]
    refused(service.post(key, model="agent", input=sent), 400, "tool_output_mismatch", "input[1].call_id")


def test_a_conversation_goes_on_without_the_tool_that_it_used(service: Service, key: str, upstream: Upstream) -> None:
    called(upstream, "crm__find", "{}")
    first = create(service, key, input=[QUESTION], tools=[CRM])
    output = {"type": "function_call_output", "call_id": "call_1", "output": "found"}
    create(service, key, input=[output], previous_response_id=first["id"])
    assert upstream.requests[-1].body["messages"][1]["tool_calls"][0]["function"]["name"] == "crm__find"


def test_a_conversation_with_calls_is_counted_and_compacted(service: Service, key: str, upstream: Upstream) -> None:
    called(upstream, "edit", '{"input": "a long poem"}')
    first = create(service, key, input=[QUESTION], tools=[CUSTOM])
    output = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "written"}
    more = {"input": [output], "previous_response_id": first["id"]}
    counted = service.client.post(
        "/v1/responses/input_tokens",
        json={"model": "agent", **more},
        headers={"authorization": f"Bearer {key}"},
    )
    assert counted.json()["input_tokens"] > 10
    compacted = service.client.post(
        "/v1/responses/compact", json={"model": "agent", **more}, headers={"authorization": f"Bearer {key}"}
    ).json()
    create(service, key, input=[*compacted["output"], QUESTION])
    told = json.dumps(upstream.requests[-1].body["messages"])
    assert "a long poem" in told
    assert "written" in told


def test_a_choice_of_a_tool_of_any_type_is_told_by_its_function(service: Service, key: str, upstream: Upstream) -> None:
    for choice, name in [
        ({"type": "custom", "name": "edit"}, "edit"),
        ({"type": "shell"}, "shell"),
        ({"type": "function", "name": "find", "namespace": "crm"}, "crm__find"),
    ]:
        response = create(service, key, input="Go", tools=[CUSTOM, CRM, {"type": "shell"}], tool_choice=choice)
        sent = upstream.requests[-1].body
        assert sent["tool_choice"] == {"type": "function", "function": {"name": name}}
        assert [tool["function"]["name"] for tool in sent["tools"]] == [name]
        assert response["tool_choice"] == choice


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([CUSTOM, {**FIND, "name": "edit"}], "tools[1].name"),
        ([{"type": "shell"}, {"type": "shell"}], "tools[1]"),
        ([CRM, CRM], "tools[1]"),
        ([{**CRM, "tools": [FIND, FIND]}], "tools[0]"),
    ],
)
def test_a_tool_that_is_there_twice_is_refused(service: Service, key: str, tools: list[Any], param: str) -> None:
    refused(service.post(key, model="agent", input="Go", tools=tools), 400, "invalid_value", param)


def test_a_choice_of_a_tool_that_is_not_there_is_refused(service: Service, key: str) -> None:
    for choice, param in [
        ({"type": "custom", "name": "look"}, "tool_choice.name"),
        ({"type": "shell"}, "tool_choice.type"),
        ({"type": "function", "name": "find"}, "tool_choice.name"),
    ]:
        refused(
            service.post(key, model="agent", input="Go", tools=[CUSTOM], tool_choice=choice),
            400,
            "invalid_value",
            param,
        )


@every_type
def test_a_call_of_a_background_response_is_followed_as_it_is_stored(
    service: Service, key: str, upstream: Upstream, case: tuple[Any, ...]
) -> None:
    tool, name, arguments, item, *_ = case
    called(upstream, name, arguments)
    upstream.scripts = [upstream.scripts[0]]
    live = stream(service, key, input=[QUESTION], tools=[tool], background=True)
    (call,) = live[-1]["response"]["output"]
    assert item.items() <= call.items()
    path = f"/v1/responses/{live[-1]['response']['id']}"
    replayed = check_frames(parse_sse(service.get(f"{path}?stream=true", key).content))
    assert [event["type"] for event in replayed] == [event["type"] for event in live]
    assert replayed[-1]["response"] == live[-1]["response"] == service.get(path, key).json()


def test_calls_and_tools_are_items_of_a_conversation_as_any_others(
    service: Service, key: str, upstream: Upstream
) -> None:
    headers = {"authorization": f"Bearer {key}"}
    bringing = {"type": "additional_tools", "role": "developer", "tools": [CUSTOM]}
    begun = service.client.post("/v1/conversations", json={"items": [bringing]}, headers=headers).json()
    called(upstream, "edit", '{"input": "x"}')
    (call,) = create(service, key, input="Go", conversation=begun["id"])["output"]
    output = {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "edited"}
    path = f"/v1/conversations/{begun['id']}/items"
    assert service.client.post(path, json={"items": [output]}, headers=headers).status_code == 200
    create(service, key, input="And?", conversation=begun["id"])
    assert "edited" in json.dumps(upstream.requests[-1].body["messages"])
    assert names(upstream) == ["edit"]
    kinds = [item["type"] for item in service.get(f"{path}?order=asc", key).json()["data"]]
    assert kinds == ["additional_tools", "message", "custom_tool_call", output["type"], "message", "message"]
