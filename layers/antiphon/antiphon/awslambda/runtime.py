"""The runtime of a streaming function: takes invocations and carries each through an ASGI application.

``_HANDLER`` names the application. Started in Lambda's managed Python runtime by
``antiphon-runtime`` (``AWS_LAMBDA_EXEC_WRAPPER``), because that runtime cannot stream by itself; the day it can, this
module, ``runtime_api`` and the script go (``docs/adr/0002-streaming-runtime.md``).

    /next --> app(scope, receive, send)
                http.response.start  REQUEST  --> RESPONSE   the answer begins: head, prelude
                http.response.body   RESPONSE --> RESPONSE   one message, one chunk
                the last body        RESPONSE --> COMPLETE   last chunk
                failure              REQUEST: /error         RESPONSE: trailers         COMPLETE: the log alone
"""

from __future__ import annotations

import asyncio
import enum
import importlib
import logging
import os
import sys
import traceback
from typing import Final

from antiphon.awslambda import http, snapshot
from antiphon.awslambda.http import App, Message
from antiphon.awslambda.runtime_api import AnswerStream, Failure, Invocation, RuntimeApi, RuntimeApiError
from antiphon.awslambda.websocket import answering
from antiphon.errors import SettingsError

_log: Final = logging.getLogger("antiphon.awslambda.runtime")


class State(enum.Enum):
    """The progress of one response."""

    REQUEST = enum.auto()
    RESPONSE = enum.auto()
    COMPLETE = enum.auto()


class UnexpectedMessage(Exception):
    """The application sent a message that does not fit the state of its response."""


class Cycle:
    """One invocation on its way through the application.

    Args:
        api: where its answer goes.
        invocation: what to answer.
    """

    def __init__(self, api: RuntimeApi, invocation: Invocation) -> None:
        self._api = api
        self._invocation = invocation
        self._state = State.REQUEST
        self._answer: AnswerStream | None = None
        self._asked = False
        self._ended = asyncio.Event()

    async def run(self, app: App) -> None:
        """Run the application to its end, in a task and a context of its own, and report if it fails.

        Raises:
            OSError: the connection to the Runtime API failed before the answer began.
            RuntimeApiError: the Runtime API refused a report.
        """
        if not http.is_request(self._invocation.event):
            await self._other(app)
            return
        task = asyncio.create_task(self._through(app))
        await asyncio.wait({task})
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            await self._fail(error)

    async def _other(self, app: App) -> None:
        """Answer an event that is no HTTP request, in a task of its own."""
        answer = answering(app)(self._invocation.event, self._invocation.deadline)
        try:
            document = await asyncio.ensure_future(answer)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, it is reported
            await self._fail(error)
        else:
            await self._api.reply(self._invocation, document)

    async def _through(self, app: App) -> None:
        given = self._invocation
        scope = http.scope_of(
            http.encodable({**given.event, "body": None}),
            deadline=given.deadline,
            request_id=given.request_id,
            trace=given.trace,
            base_path=os.environ.get(http.BASE_PATH, ""),
        )
        await app(scope, self._receive, self._send)
        if self._state is not State.COMPLETE:
            raise UnexpectedMessage(f"the application ended in state {self._state.name}")

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": http.body_of(self._invocation.event), "more_body": False}
        await self._ended.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        match self._state, message["type"]:
            case State.REQUEST, "http.response.start":
                await self._start(message["status"], list(message.get("headers", ())))
            case State.RESPONSE, "http.response.body":
                await self._body(message.get("body", b""), more=message.get("more_body", False))
            case state, kind:
                raise UnexpectedMessage(f"{kind} in state {state.name}")

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._answer = await self._api.answer(self._invocation)
        self._state = State.RESPONSE
        await self._answer.write(http.prelude(status, headers))
        if http.is_function_url(self._invocation.event) and http.is_event_stream(headers):
            await self._answer.write(http.OPENING)

    async def _body(self, body: bytes, *, more: bool) -> None:
        assert self._answer is not None
        await self._answer.write(body)
        if not more:
            self._state = State.COMPLETE
            self._ended.set()
            await self._answer.end()

    async def _fail(self, error: BaseException) -> None:
        failure = failure_of(error)
        known = {"correlation_id": self._invocation.request_id, "trace": failure.trace}
        _log.error("invocation failed in state %s: %s", self._state.name, failure.type, extra=known)
        if self._answer is None:
            await self._api.fail(self._invocation, failure)
        elif self._state is State.RESPONSE:
            self._ended.set()
            await self._abort(self._answer, failure)

    async def _abort(self, answer: AnswerStream, failure: Failure) -> None:
        try:
            await answer.fail(failure)
        except (OSError, RuntimeApiError):
            _log.warning("the Runtime API had closed the answer already")


def failure_of(error: BaseException) -> Failure:
    """Describe an error without any value it may carry: only a ``SettingsError`` keeps its message, which has none."""
    message = str(error) if isinstance(error, SettingsError) else "the function failed; its log has the request id"
    frames = traceback.extract_tb(error.__traceback__)
    trace = tuple(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    return Failure(type(error).__name__, message, trace)


def load(handler: str) -> App:
    """Import the application that ``_HANDLER`` names, such as ``app.handler``."""
    module, _, attribute = handler.rpartition(".")
    app: App = getattr(importlib.import_module(module), attribute)
    return app


async def serve(api: RuntimeApi, handler: str, slots: int) -> None:
    """Take invocations until the process is ended.

    Args:
        api: where they come from.
        handler: names the application.
        slots: how many at once.

    Raises:
        SystemExit: the application could not be imported.
    """
    try:
        app = load(handler)
    except Exception as error:  # noqa: BLE001 - the edge: the start has failed, whatever it is
        failure = _told("start", error)
        await api.fail_init(failure, failure.type)
        sys.exit(1)
    if snapshot.is_snapshot():
        await _snapshot(api)
    async with asyncio.TaskGroup() as group:
        for _ in range(slots):
            group.create_task(_take(api, app))


async def _snapshot(api: RuntimeApi) -> None:
    """Get ready for the snapshot, wait in it, and begin anew in each copy; exit codes as the managed runtime has them.

    Raises:
        SystemExit: a hook failed.
    """
    try:
        snapshot.before_snapshot()
    except Exception as error:  # noqa: BLE001 - the edge: whatever a hook does
        await api.fail_init(_told("snapshot", error), "Runtime.BeforeSnapshotError")
        sys.exit(64)
    await api.restored()
    try:
        snapshot.after_restore()
    except Exception as error:  # noqa: BLE001 - as above
        await api.fail_restore(_told("restore", error), "Runtime.AfterRestoreError")
        sys.exit(65)


def _told(phase: str, error: Exception) -> Failure:
    """Log that a phase failed, and return what to report."""
    failure = failure_of(error)
    _log.critical("%s failed: %s: %s", phase, failure.type, failure.message, extra={"trace": failure.trace})
    return failure


async def _take(api: RuntimeApi, app: App) -> None:
    while True:
        await Cycle(api, await api.next()).run(app)


if __name__ == "__main__":
    asyncio.run(
        serve(
            RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"]),
            os.environ["_HANDLER"],
            int(os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "1")),
        )
    )
