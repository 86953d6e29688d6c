"""Calls of MCP servers over a socket: what a result or a failure becomes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import pytest

from antiphon.ports import ToolFailure, ToolResult
from antiphon.server_tools.mcp.session import ROUNDS
from tests.support.answering import Answer
from tests.support.mcp_server import McpServer, find, text
from tests.support.mcp_tools import BOTH, CANARY, HANDSHAKE, called, pinned


@pytest.mark.parametrize(
    ("result", "output", "images"),
    [
        (text("one", "two"), "one\ntwo", ()),
        ({"content": []}, "", ()),
        ({"content": [], "structuredContent": {"a": [1]}}, '{"a":[1]}', ()),
        (text('{"a": 1}', structuredContent={"a": 1}), '{"a": 1}', ()),
        (
            {"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]},
            "",
            ("data:image/png;base64,AAAA",),
        ),
        (
            {"content": [{"type": "resource", "resource": {"uri": "a:b", "blob": "AA==", "mimeType": "image/jpg"}}]},
            "",
            ("data:image/jpeg;base64,AA==",),
        ),
        ({"content": [{"type": "resource", "resource": {"uri": "a:b", "text": "inside"}}]}, "inside", ()),
        (
            {"content": [{"type": "resource_link", "uri": "https://a.example/b", "name": "b"}]},
            "[resource: b, https://a.example/b]",
            (),
        ),
        (
            {"content": [{"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}]},
            "[audio of type audio/wav, left out]",
            (),
        ),
        ({"content": "odd"}, "", ()),
    ],
)
async def test_each_kind_of_content_becomes_text_or_images(
    result: dict[str, Any], output: str, images: tuple[str, ...]
) -> None:
    with McpServer(find(lambda _: result)) as server:
        assert await called((await pinned(server)).server, server) == ToolResult(output, None, images)


@BOTH
async def test_an_error_of_the_tool_is_a_failure_with_what_the_tool_wrote(version: str) -> None:
    with McpServer(find(lambda _: text("no such city", isError=True)), version) as server:
        result = await called((await pinned(server)).server, server)
    assert result == ToolResult("no such city", ToolFailure("execution", "The tool reports an error."))


@pytest.mark.parametrize(
    ("answer", "cause", "code"),
    [
        (Answer(400, json={"jsonrpc": "2.0", "id": 2, "error": {"code": -32602, "message": "No"}}), "protocol", -32602),
        (Answer(json={"jsonrpc": "2.0", "id": 2, "error": {"code": -32603, "message": "No"}}), "protocol", -32603),
        (Answer(401, json={"error": "invalid_token"}), "http", 401),
        (Answer(502, pieces=[b"<html>gateway canary-secret</html>"]), "http", 502),
        (Answer(429, json={}), "http", 429),
        (Answer(json=["odd"]), "protocol", 0),
        (Answer(json={"jsonrpc": "2.0", "id": 99, "result": {}}), "protocol", 0),
        (Answer(pieces=[b"no json"]), "protocol", 0),
        (Answer(202), "protocol", 0),
        (Answer.events(b"data: no json\n\n"), "protocol", 0),
        (Answer.events({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}), "unknown", 0),
        (Answer(pieces=[b" " * 65536] * 20), "protocol", 0),
        (Answer.events(*[b": %b\n\n" % (b"x" * 65536)] * 20), "protocol", 0),
        (Answer(307, headers={"location": "http://127.0.0.1:1/"}), "http", 307),
    ],
)
async def test_an_answer_that_is_no_result_is_a_failure_that_names_no_words_of_a_gateway(
    answer: Answer, cause: str, code: int
) -> None:
    with McpServer(find(lambda _: answer)) as server:
        result = await called((await pinned(server)).server, server)
    assert result.failure is not None
    assert (result.failure.cause, result.failure.code) == (cause, code)
    assert CANARY not in result.output + result.failure.message
    assert len(server.calls) == 1


async def test_what_a_tool_asks_the_user_for_is_declined_and_its_state_goes_back() -> None:
    asked = {
        "resultType": "input_required",
        "requestState": "s",
        "inputRequests": {"a": {"method": "elicitation/create"}},
    }
    results = iter([asked, text("without it")])
    with McpServer(find(lambda _: next(results))) as server:
        assert await called((await pinned(server)).server, server) == ToolResult("without it")
    first, second = (call.json for call in server.calls)
    assert second["params"]["inputResponses"] == {"a": {"action": "decline"}}
    assert second["params"]["requestState"] == "s"
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    "result",
    [
        {"resultType": "input_required", "requestState": "for ever"},
        {"resultType": "input_required", "inputRequests": {"a": {"method": "sampling/createMessage"}}},
        {"resultType": "task", "taskId": "1"},
    ],
    ids=str,
)
async def test_a_tool_that_asks_for_what_cannot_be_given_fails(result: dict[str, Any]) -> None:
    with McpServer(find(lambda _: result)) as server:
        given = await called((await pinned(server)).server, server)
    assert given.failure is not None
    assert given.failure.cause == "protocol"
    assert len(server.calls) <= ROUNDS


@BOTH
async def test_a_tool_that_never_answers_is_left_at_its_time_and_its_outcome_is_unknown(version: str) -> None:
    never = threading.Event()
    with McpServer(find(lambda _: Answer(pieces=[never])), version) as server:
        at = (await pinned(server, timeout_seconds=0.3)).server
        result = await called(at, server)
        assert server.left.wait(10)
    assert result.failure is not None
    assert result.failure.cause == "unknown"


async def test_a_server_whose_handshake_never_ends_has_not_been_called() -> None:
    never = threading.Event()
    with McpServer(find(), HANDSHAKE) as server:
        at = (await pinned(server)).server
        server.answer = lambda _: Answer(pieces=[never])
        result = await called(at, server, seconds=0.3)
        never.set()
    assert result.failure is not None
    assert result.failure.cause == "refused"
    assert server.calls == []


@BOTH
async def test_a_cancelled_call_closes_its_connection(version: str) -> None:
    reached, never = threading.Event(), threading.Event()

    def hang(_: dict[str, Any]) -> Answer:
        reached.set()
        return Answer(pieces=[never])

    with McpServer(find(hang), version) as server:
        at = (await pinned(server)).server
        call = asyncio.create_task(called(at, server))
        await asyncio.to_thread(reached.wait, 10)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        assert call.cancelled()
        assert server.left.wait(10)
    assert ("notifications/cancelled" in server.methods) == (version == HANDSHAKE)


async def test_a_server_that_is_not_there_was_not_called() -> None:
    with McpServer(find()) as server:
        at = (await pinned(server)).server
    result = await called(at, server)
    assert result.failure == ToolFailure("refused", "The server cannot be reached.")


async def test_credentials_are_sent_and_what_comes_back_holds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOL_CRM", CANARY)
    with McpServer(find(lambda _: text(f"You are {CANARY}", isError=True))) as server:
        at = (await pinned(server, auth={"bearer": {"env": "TOOL_CRM"}})).server
        result = await called(at, server)
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {CANARY}"}
    assert result.output == "You are [secret]"
    assert CANARY not in repr(at) + repr(result)


async def test_without_its_credentials_a_call_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOL_CRM", CANARY)
    with McpServer(find()) as server:
        at = (await pinned(server, auth={"bearer": {"env": "TOOL_CRM"}})).server
        monkeypatch.delenv("TOOL_CRM")
        result = await called(at, server)
    assert result.failure is not None
    assert result.failure.cause == "refused"
    assert server.calls == []
