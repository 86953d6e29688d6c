"""Agents with HTTP APIs, Lambda functions, knowledge bases and the web search, through the whole service on sockets.

Each test runs with an agent of each kind: its server is real, and the model is scripted to call its tool.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from antiphon.records import ServerTool, ToolServer
from tests.support.answering import Answer, Answering
from tests.support.aws_tools import FUNCTION, serve_aws
from tests.support.pinned import pinned
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, tool_call, usage

PASSAGE = {
    "content": {"type": "TEXT", "text": "Five days."},
    "location": {"type": "S3", "s3Location": {"uri": "s3://docs/refunds.pdf"}},
    "score": 0.5,
}
PAGE = {"title": "Limits", "url": "https://docs.aws.amazon.com/x", "text": "Six MB."}
SETTINGS: dict[str, Any] = {"tool_functions": ("*",), "knowledge_bases": ("*",), "web_search": "on"}
MIB = 1024 * 1024


@dataclass(frozen=True)
class Kind:
    """One kind of server, as the tests use it.

    Attributes:
        entry: of the agent's document, for a server.
        tool: the name of its tool, and the model's name of it.
        arguments: what the model passes.
        answer: what the server answers.
        shown: what the model then reads.
        item: the type of the call's item.
    """

    entry: Callable[[Answering], dict[str, Any]]
    tool: tuple[str, str]
    arguments: dict[str, Any]
    answer: Answer
    shown: str
    item: str = "mcp_call"


def stock(server: Answering) -> dict[str, Any]:
    sku = {"name": "sku", "in": "path", "required": True, "schema": {"type": "string"}}
    paths = {"/items/{sku}": {"parameters": [sku], "post": {"operationId": "reserve"}}}
    return {"http": {"label": "stock", "openapi": {"openapi": "3.1.0", "paths": paths}, "url": server.url("/v1")}}


KINDS = {
    "http": Kind(stock, ("reserve", "stock__reserve"), {"sku": "A 1"}, Answer(json={"left": 4}), '{"left": 4}'),
    "lambda": Kind(
        lambda _: {"lambda": {"function": FUNCTION, "name": "refund", "label": "crm"}},
        ("refund", "crm__refund"),
        {"order": "A 1"},
        Answer(json="refunded"),
        "refunded",
    ),
    "knowledge_base": Kind(
        lambda _: {"knowledge_base": {"id": "ABCDEFGHIJ"}},
        ("search", "knowledge_base__search"),
        {"query": "refunds"},
        Answer(json={"retrievalResults": [PASSAGE]}),
        "[1] refunds.pdf s3://docs/refunds.pdf\nFive days.",
        "file_search_call",
    ),
    "web_search": Kind(
        lambda _: {"web_search": {}},
        ("web_search", "web_search"),
        {"query": "lambda limits"},
        Answer(json={"results": [PAGE]}),
        "[1] Limits https://docs.aws.amazon.com/x\nSix MB.",
        "web_search_call",
    ),
}


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """The server of the tool, which is also AWS."""
    with serve_aws(monkeypatch) as server:
        yield server


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tools: Answering) -> Kind:
    kind = KINDS[request.param]
    tools.answer = lambda _: kind.answer
    return kind


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, tools: Answering) -> Iterator[Service]:
    with Service(tmp_path, upstream, check_streams=True, tool_hosts=(tools.place,), **SETTINGS) as running:
        yield running


def server_of(kind: Kind, tools: Answering, **fields: Any) -> ToolServer:
    """Return the kind's server, pinned; ``fields`` replace those of its tool."""
    found = asyncio.run(pinned(kind.entry(tools), tool_hosts=(tools.place,), **SETTINGS)).server
    own: tuple[ServerTool, ...] = tuple(replace(tool, **fields) for tool in found.tools)
    return replace(found, tools=own)


def calling(kind: Kind, times: int = 1) -> list[Script]:
    """Return model turns that each call the kind's tool once."""
    made = [tool_call(0, f"call_{n}", kind.tool[1], json.dumps(kind.arguments)) for n in range(times)]
    return [Script.stream(one, finish("tool_calls"), usage(10, 5)) for one in made]


def read_by_the_model(upstream: Upstream) -> str:
    """Return what the model read as the output of its call."""
    shown: str = upstream.requests[1].body["messages"][-1]["content"]
    return shown


def test_the_model_calls_the_tool_and_reads_what_it_returned(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    service.agent("agent", servers=(server_of(kind, tools),))
    upstream.scripts = [*calling(kind), answer("Done.")]
    response = service.create(key, input="Go")
    assert [item["type"] for item in response["output"]] == [kind.item, "message"]
    assert (response["status"], response["output"][0]["status"]) == ("completed", "completed")
    assert read_by_the_model(upstream) == kind.shown
    assert len(tools.asked) == 1
    assert key not in repr(tools.asked)
    assert service.retrieve(key, response["id"]) == response


def test_a_stream_shows_the_call_and_a_replay_is_the_same(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    service.agent("agent", servers=(server_of(kind, tools),))
    upstream.scripts = [*calling(kind), answer("Done.")]
    events = service.stream(key, input="Go", stream_options={"include_obfuscation": False})
    assert f"response.{kind.item}.completed" in [event["type"] for event in events]
    own = events[-1]["response"]["id"]
    again = service.get(f"/v1/responses/{own}?stream=true&include_obfuscation=false", key)
    assert [json.loads(line[6:]) for line in again.text.splitlines() if line.startswith("data: {")] == events


def test_the_next_turn_reads_what_the_tool_returned_in_the_turn_before(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    service.agent("agent", servers=(server_of(kind, tools),))
    upstream.scripts = [*calling(kind), answer("Done."), answer("Still done.")]
    first = service.create(key, input="Go")
    service.create(key, input="And?", previous_response_id=first["id"])
    assert kind.shown in [message["content"] for message in upstream.requests[2].body["messages"]]
    assert len(tools.asked) == 1


@pytest.mark.parametrize(
    ("name", "include", "shown"),
    [
        (
            "web_search",
            "web_search_call.action.sources",
            {"action": {"sources": [{"type": "url", "url": PAGE["url"]}]}},
        ),
        (
            "knowledge_base",
            "file_search_call.results",
            {"results": [{"filename": "refunds.pdf", "score": 0.5, "text": "Five days."}]},
        ),
    ],
)
def test_a_request_may_ask_for_what_a_search_found(
    service: Service, key: str, upstream: Upstream, tools: Answering, name: str, include: str, shown: Any
) -> None:
    kind = KINDS[name]
    tools.answer = lambda _: kind.answer
    service.agent("agent", servers=(server_of(kind, tools),))
    upstream.scripts = [*calling(kind), answer("Done.")] * 2
    plain, full = service.create(key, input="Go"), service.create(key, input="Go", include=[include])
    assert_part(full["output"][0], shown)
    assert "sources" not in plain["output"][0].get("action", {})
    assert "results" not in plain["output"][0]


@pytest.mark.parametrize(
    ("name", "url", "title"),
    [("web_search", PAGE["url"], "Limits"), ("knowledge_base", "s3://docs/refunds.pdf", "refunds.pdf")],
)
def test_what_the_answer_names_of_what_was_found_is_cited_alike_in_both_modes(
    service: Service, key: str, upstream: Upstream, tools: Answering, name: str, url: str, title: str
) -> None:
    kind = KINDS[name]
    tools.answer = lambda _: kind.answer
    service.agent("agent", servers=(server_of(kind, tools),))
    upstream.scripts = [*calling(kind), answer("That is so [1].")] * 2
    whole = service.create(key, input="Go")
    events = service.stream(key, input="Go", stream_options={"include_obfuscation": False})
    cited = [{"type": "url_citation", "start_index": 11, "end_index": 14, "url": url, "title": title}]
    assert whole["output"][1]["content"][0]["annotations"] == cited
    assert [each["annotation"] for each in events if each["type"].endswith("annotation.added")] == cited
    own = events[-1]["response"]["id"]
    again = service.get(f"/v1/responses/{own}?stream=true&include_obfuscation=false", key)
    assert [json.loads(line[6:]) for line in again.text.splitlines() if line.startswith("data: {")] == events
    upstream.scripts = [answer("Still.")]
    assert service.create(key, input=[*whole["output"], {"role": "user", "content": "On"}])["status"] == "completed"


def assert_part(whole: Any, part: Any) -> None:
    """Require that a value has all fields of another."""
    if isinstance(part, dict):
        for name, value in part.items():
            assert_part(whole[name], value)
    elif isinstance(part, list):
        assert len(whole) == len(part)
        for one, other in zip(whole, part, strict=True):
            assert_part(one, other)
    else:
        assert whole == part


def test_a_tool_that_never_answers_fails_after_its_time_and_the_turn_goes_on(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    """The connection is closed, so that the server can stop too (faults.md, 29)."""
    tools.answer = lambda _: Answer(pieces=[threading.Event()])
    service.agent("agent", servers=(server_of(kind, tools, timeout_seconds=1),))
    upstream.scripts = [*calling(kind), answer("Sorry.")]
    response = service.create(key, input="Go")
    assert response["output"][0]["status"] == "failed"
    assert (response["status"], response["output"][-1]["content"][0]["text"]) == ("completed", "Sorry.")
    assert "answer" in read_by_the_model(upstream)
    assert len(tools.asked) == 1
    assert tools.left.wait(10)


def test_of_a_tool_that_returns_50_mb_no_more_is_read_than_allowed(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    sent = 0

    def flood() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(50 * 16):
            sent += 65_536
            yield b"x" * 65_536

    tools.answer = lambda _: Answer(pieces=flood())
    service.agent("agent", servers=(server_of(kind, tools),))
    upstream.scripts = [*calling(kind), answer("Sorry.")]
    response = service.create(key, input="Go")
    assert tools.left.wait(10)
    assert sent < 20 * MIB  # beside what was read there is what the sockets hold
    assert (response["status"], response["output"][0]["status"]) == ("completed", "failed")
    assert read_by_the_model(upstream) == f"The answer is larger than {MIB} bytes."


def test_a_tool_that_was_renamed_gets_the_call_that_was_pinned_and_its_failure_is_read(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    """Nothing is looked up again, and no other tool is called in its place."""
    service.agent("agent", servers=(server_of(kind, tools),))
    gone = {"x-amzn-errortype": "ResourceNotFoundException"}
    tools.answer = lambda _: Answer(404, json={"message": "gone"}, headers=gone)
    upstream.scripts = [*calling(kind), answer("Sorry.")]
    response = service.create(key, input="Go")
    assert (response["status"], response["output"][0]["status"]) == ("completed", "failed")
    assert "404" in read_by_the_model(upstream)
    assert len(tools.asked) == 1


def test_a_tool_with_the_name_of_one_that_the_client_has_keeps_clear_of_it(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    service.agent("agent", servers=(server_of(kind, tools),))
    upstream.scripts = [*calling(kind)]
    own = {"type": "function", "name": kind.tool[1], "parameters": {"type": "object", "properties": {}}}
    response = service.create(key, input="Go", tools=[own])
    assert [(item["type"], item.get("name")) for item in response["output"]] == [("function_call", kind.tool[1])]
    names = [tool["function"]["name"] for tool in upstream.requests[0].body["tools"]]
    assert len(set(names)) == len(names) == 2
    assert tools.connections == 0


def test_a_call_of_a_tool_that_the_request_does_not_allow_reaches_no_server(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    server = server_of(kind, tools)
    service.agent("agent", servers=(replace(server, tools=(*server.tools, ServerTool("other"))),))
    upstream.scripts = [*calling(kind), answer("Done.")]
    allowed = {"type": "mcp", "server_label": server.label, "allowed_tools": ["other"]}
    service.create(key, input="Go", tools=[allowed])
    assert tools.connections == 0


def test_a_model_that_calls_for_ever_is_stopped_at_the_cap_alike_in_both_modes(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    service.agent("agent", servers=(server_of(kind, tools),), max_model_turns=3)
    upstream.scripts = calling(kind, 9)
    whole = service.create(key, input="Go")
    upstream.scripts = calling(kind, 9)
    streamed = service.stream(key, input="Go")[-1]["response"]
    for response in (whole, streamed):
        assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_model_turns"})
        assert [item["type"] for item in response["output"]] == [kind.item] * 3
    assert len(tools.asked) == 6


def test_no_more_calls_are_made_than_the_request_allows(
    service: Service, key: str, upstream: Upstream, tools: Answering, kind: Kind
) -> None:
    service.agent("agent", servers=(server_of(kind, tools),))
    upstream.scripts = [*calling(kind, 3), answer("Done.")]
    service.create(key, input="Go", max_tool_calls=1)
    assert len(tools.asked) == 1
