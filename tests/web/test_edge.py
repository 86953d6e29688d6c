"""The edge: every request is one line of the log, however it ends."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antiphon import measures
from antiphon.web.edge import Edge


async def cut_after_its_head(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise OSError("canary")


async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ValueError("canary")


async def noting(_scope: Scope, _receive: Receive, send: Send) -> None:
    measures.current().agent = "guide"
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def serve(app: ASGIApp, caplog: pytest.LogCaptureFixture, method: str = "GET") -> dict[str, Any]:
    caplog.set_level(logging.INFO, "antiphon")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        pass

    scope = {"type": "http", "method": method, "path": "/v1/models/canary", "antiphon.request_id": "req"}
    try:
        await Edge(app)(scope, receive, send)
    except OSError:
        assert app is cut_after_its_head
    assert "canary" not in "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    [line] = [record.__dict__ for record in caplog.records if record.getMessage() == "served"]
    return line


async def test_what_is_noted_during_a_request_is_in_its_line(caplog: pytest.LogCaptureFixture) -> None:
    line = await serve(noting, caplog)
    told = [line[name] for name in ("request_id", "method", "route", "status", "agent", "broken")]
    assert told == ["req", "GET", "/v1/models/{id}", 204, "guide", False]
    assert line["duration_ms"] >= 0


async def test_an_answer_that_breaks_off_is_told_as_broken(caplog: pytest.LogCaptureFixture) -> None:
    line = await serve(cut_after_its_head, caplog)
    assert (line["status"], line["broken"]) == (200, True)


async def test_a_defect_is_told_with_the_code_that_the_caller_saw(caplog: pytest.LogCaptureFixture) -> None:
    line = await serve(failing, caplog)
    assert (line["status"], line["code"], line["broken"]) == (500, "internal_error", False)


async def test_a_method_that_somebody_made_up_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    assert (await serve(noting, caplog, method="CANARY"))["method"] == "other"
