"""Calls of MCP servers over a socket, in both forms of the protocol: requests, sessions, headers and streams."""

from __future__ import annotations

import asyncio
import base64
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.ports import ToolCall, ToolResult
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.mcp import session
from antiphon.server_tools.mcp.parameters import header_value
from antiphon.server_tools.mcp.runner import McpRunner
from tests.support.answering import Answer
from tests.support.mcp_server import STATELESS, McpServer, find, text, tool
from tests.support.mcp_tools import BOTH, HANDSHAKE, called, pinned, settings


@BOTH
@pytest.mark.parametrize("events", [False, True])
async def test_a_tool_is_called_with_its_arguments_and_the_mark_of_the_call(version: str, events: bool) -> None:
    with McpServer(find(), version, events=events) as server:
        at = (await pinned(server)).server
        assert at.settings["protocol"] == version
        server.asked.clear()
        assert await called(at, server, query="Ada") == ToolResult("found Ada")
    (call,) = server.calls
    params = call.json["params"]
    assert (params["name"], params["arguments"]) == ("find", {"query": "Ada"})
    assert params["_meta"]["dev.antiphon/idempotency-key"] == call.headers["idempotency-key"] == "mcp_1"
    assert call.headers["mcp-protocol-version"] == version
    assert call.headers["accept"] == "application/json, text/event-stream"


async def test_the_stateless_form_is_one_request_with_the_names_in_its_headers() -> None:
    with McpServer(find()) as server:
        at = (await pinned(server)).server
        server.asked.clear()
        await called(at, server)
    assert server.methods == ["tools/call"]
    headers = server.asked[0].headers
    assert (headers["mcp-method"], headers["mcp-name"]) == ("tools/call", "find")
    assert "mcp-session-id" not in headers


async def test_a_session_is_opened_for_a_call_and_ended_after_it() -> None:
    with McpServer(find(), HANDSHAKE) as server:
        at = (await pinned(server)).server
        server.asked.clear()
        runner = McpRunner(ToolClient(settings(server)))
        call = ToolCall("mcp_1", at, at.tools[0], {"query": "a"}, asyncio.get_running_loop().time() + 20)
        await runner.call(call)
        await runner.aclose()
    assert server.methods == ["initialize", "notifications/initialized", "tools/call", "DELETE"]
    assert all(asked.headers["mcp-session-id"] == f"session-{server.sessions}" for asked in server.asked[1:])
    assert "mcp-method" not in server.asked[-2].headers


async def test_a_server_without_sessions_is_greeted_once_and_again_if_it_wants_to_be() -> None:
    with McpServer(find(), HANDSHAKE) as server:
        server.keeps_sessions = False
        at = (await pinned(server)).server
        server.asked.clear()
        runner = McpRunner(ToolClient(settings(server)))
        call = ToolCall("mcp_1", at, at.tools[0], {"query": "a"}, asyncio.get_running_loop().time() + 20)
        for _ in range(3):
            assert await runner.call(call) == ToolResult("found a")
        assert server.methods == ["initialize", "notifications/initialized", *["tools/call"] * 3]
        server.keeps_sessions = True
        server.asked.clear()
        assert await runner.call(call) == ToolResult("found a")
        await runner.aclose()
    assert server.methods == ["tools/call", "initialize", "notifications/initialized", "tools/call", "DELETE"]


async def test_a_server_that_never_ends_its_session_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source: BerriAI/litellm#33374, a clean-up that held up the answer."""
    monkeypatch.setattr(session, "END_SECONDS", 3600.0)
    never = threading.Event()
    with McpServer(find(), HANDSHAKE) as server:
        at = (await pinned(server)).server
        answer = server.answer
        server.answer = lambda asked: Answer(pieces=[never]) if asked.method == "DELETE" else answer(asked)
        assert (await called(at, server)).failure is None
        never.set()


async def test_an_argument_that_the_schema_marks_is_sent_as_a_header_too() -> None:
    region = {"type": "string", "x-mcp-header": "Region"}
    schema = {"type": "object", "properties": {"where": {"type": "object", "properties": {"region": region}}}}
    with McpServer(find(lambda _: text("ok"), schema=schema)) as server:
        at = (await pinned(server)).server
        await called(at, server, where={"region": "Köln"})
        await called(at, server, where={"region": None})
    first, second = server.calls
    assert first.headers["mcp-param-region"] == "=?base64?S8O2bG4=?="
    assert "mcp-param-region" not in second.headers


@pytest.mark.parametrize(
    "marked",
    [
        {"type": "number", "x-mcp-header": "A"},
        {"type": "string", "x-mcp-header": "a b"},
        {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}},
    ],
    ids=str,
)
async def test_a_tool_that_marks_an_argument_wrongly_is_left_out_and_the_others_stay(marked: Any) -> None:
    tools = find() | {"bad": tool("Bad.", lambda _: text(""), {"type": "object", "properties": {"a": marked}})}
    with McpServer(tools) as server:
        found = await pinned(server)
    assert [given.name for given in found.server.tools] == ["find"]
    assert found.notes[0].startswith("crm: the tool bad is left out: ")


@BOTH
async def test_notifications_before_the_answer_are_passed_over(version: str) -> None:
    told = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}
    answer = {"jsonrpc": "2.0", "id": 2, "result": text("done")}
    with McpServer(find(lambda _: Answer.events(b": hello\n\n", b"data:\n\n", told, answer)), version) as server:
        assert await called((await pinned(server)).server, server) == ToolResult("done")


async def test_a_request_of_the_server_is_answered_so_that_it_does_not_wait() -> None:
    ping = {"jsonrpc": "2.0", "id": "p", "method": "ping"}
    wish = {"jsonrpc": "2.0", "id": "s", "method": "sampling/createMessage", "params": {}}
    answer = {"jsonrpc": "2.0", "id": 2, "result": text("done")}
    with McpServer(find(lambda _: Answer.events(ping, wish, answer)), HANDSHAKE) as server:
        whole = server.answer
        server.answer = lambda asked: Answer(202) if b'"method"' not in asked.body and asked.body else whole(asked)
        assert await called((await pinned(server)).server, server) == ToolResult("done")
    answered = [asked.json for asked in server.asked if asked.body and "method" not in asked.json]
    assert answered[0] == {"jsonrpc": "2.0", "id": "p", "result": {}}
    assert answered[1]["error"]["code"] == -32601


async def test_a_stream_that_the_server_closes_early_is_taken_up_again_where_it_was() -> None:
    answer = {"jsonrpc": "2.0", "id": 2, "result": text("done")}
    with McpServer(find(lambda _: Answer.events(b"id: 7\nretry: 10\ndata:\n\n")), HANDSHAKE) as server:
        at = (await pinned(server)).server
        whole = server.answer
        server.answer = lambda asked: Answer.events(answer) if asked.method == "GET" else whole(asked)
        assert await called(at, server) == ToolResult("done")
    (again,) = [asked for asked in server.asked if asked.method == "GET"]
    assert again.headers["last-event-id"] == "7"
    assert len(server.calls) == 1


async def test_a_server_that_moved_to_the_stateless_form_is_called_in_it() -> None:
    with McpServer(find(), HANDSHAKE) as server:
        at = (await pinned(server)).server
        server.version = STATELESS
        whole = server.answer
        unsupported = {"code": -32022, "message": "No", "data": {"supported": [STATELESS]}}
        server.answer = lambda asked: (
            Answer(400, json={"jsonrpc": "2.0", "id": 1, "error": unsupported})
            if asked.json["method"] == "initialize"
            else whole(asked)
        )
        assert await called(at, server) == ToolResult("found a")


@given(st.text())
def test_any_text_fits_into_a_header_and_comes_back(said: str) -> None:
    value = header_value(said)
    assert value.isascii()
    assert value == value.strip()
    assert not any(letter in value for letter in "\r\n\0\t")
    inner = value.removeprefix("=?base64?").removesuffix("?=")
    assert (base64.b64decode(inner).decode() if inner != value else value) == said
