"""The calls of one model turn that Antiphon runs: each at most once, unless its tool may run twice.

intent    one conditional write, before anything is sent; not if all tools may run twice and nobody could go on
call      all at once, some in parallel, each with its token
result    stored as it comes; its item leaves once it is stored, in the order of the calls

Who takes a response over finds a result and uses it; finds an intent without one, and calls again if the tool may run
twice. Else the outcome is unknown, and the model reads just that. A writer that hands the response over stores which of
the calls it has not made.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from antiphon import measures
from antiphon.errors import StorageUnavailable, trace
from antiphon.ids import item_id
from antiphon.ports import Services, ToolCall, ToolFailure, ToolResult
from antiphon.records import Item, dump, load
from antiphon.stream.kept import KEPT
from antiphon.stream.machine import ResponseStream
from antiphon.tools.server_calls import CUT_OFF, called, ended, hidden
from antiphon.tools.table import OfferedTool, ToolTable

log: Final = logging.getLogger("antiphon.run")

AT_ONCE: Final = 8
"""How many calls of one model turn run at the same time."""

LEAVING: Final = 1.0
"""Seconds within which a call that nobody waits for any more has to close what it opened."""

HIDDEN_FROM: Final = 200_000
"""The place in an output from which on the ids of calls are counted that a response does not show."""

_HIDDEN: Final = "hidden"
_NOT_MADE: Final = "not_made"
NO_OBJECT: Final = "The arguments are not a JSON object, so the tool was not called."
LATER: Final = (
    "The client has to answer another call of the same turn first, so the tool was not called. "
    "Call it again if it is still needed."
)
"""Of a call whose result the client could not send back: the model would not know that the tool ran, and call again."""

NO_STORE: Final = "The store did not answer, so the tool was not called."
NOT_CALLED: Final = "The response ended before the tool was called."
NOT_HERE: Final = "This tool is not available any more, so it was not called."
OURS: Final = "The tool could not be called."
LATE: Final = "The tool did not answer within {seconds:g} seconds. It is not known whether it ran."
LOST: Final = (
    "The process that called the tool was lost. It is not known whether the tool ran; it was not called again."
)


@dataclass(slots=True)
class Pending:
    """A call that is to be made, or was made.

    Attributes:
        item: as it was begun; its id is the call's token.
        tool: the tool; None if the agent does not have it any more.
        sealed: what the model's provider must be given back with it, sealed; None for nothing.
        result: what came of it, once that is known.
        is_shown: the response shows it.
        is_new: nobody can have made it before.
        is_made: it was sent.
    """

    item: Item
    tool: OfferedTool | None
    sealed: str | None = None
    result: ToolResult | None = None
    is_new: bool = True
    is_shown: bool = True
    is_made: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Whether its tool may run twice."""
        return self.tool is not None and self.tool.pinned is not None and self.tool.pinned.repeatable

    def stored(self) -> dict[str, Any]:
        """Return it as it is stored with the response."""
        result = None if self.result is None else json.loads(dump(self.result))
        hidden_call = {} if self.is_shown else {_HIDDEN: True}
        return {"item": self.item, "sealed": self.sealed, "result": result, **hidden_call}

    def handed_over(self) -> dict[str, Any]:
        """Return it as it is stored for another worker, if this one makes it no more."""
        is_open = self.is_new and not self.is_made and self.result is None
        return {**self.stored(), _NOT_MADE: True} if is_open else self.stored()


class Writer(Protocol):
    """Who runs the response."""

    async def save_calls(self, calls: list[dict[str, Any]]) -> bool:
        """Store calls with the response. Return whether that is still this writer's.

        Raises:
            StorageUnavailable: the store did not answer.
        """

    def hands_over(self) -> bool:
        """Return whether another worker continues if the run is cancelled now."""

    def note_calls(self, calls: list[dict[str, Any]]) -> None:
        """Note what is known of calls, to be stored for the worker that continues."""

    @property
    def keeps_intents(self) -> bool:
        """Whether another worker could go on with the response, so that every call has to be stored first."""

    @property
    def is_stored(self) -> bool:
        """Whether the response is stored at all."""


def places(first: int, sealed: Iterable[str | None], hidden: int | None) -> Iterator[int]:
    """Yield the place in the output of each of some calls.

    Args:
        first: the place of the next item.
        sealed: what is sealed of each; a sealed state is an item before its call.
        hidden: how many calls there are that the response does not show; None if it shows these.
    """
    place = first
    for number, state in enumerate(sealed):
        place += state is not None
        yield place if hidden is None else HIDDEN_FROM + hidden + number
        place += 1


def pending_of(stored: Iterable[dict[str, Any]], table: ToolTable, done: Sequence[Item]) -> list[Pending]:
    """Return the calls that a lost writer has stored with a response, but those whose items are done.

    What waits for its approval to be taken is no call yet.

    Args:
        stored: as they were stored.
        table: the tools that are offered now.
        done: the items that are done.
    """
    ids = {item["id"] for item in done}
    return [_pending(call, table) for call in stored if "item" in call and call["item"]["id"] not in ids]


def _pending(call: dict[str, Any], table: ToolTable) -> Pending:
    label, name, _ = called(call["item"]) or ("", "", "")
    result = None if call["result"] is None else load(ToolResult, json.dumps(call["result"]))
    tool, is_shown = table.find("mcp", name, label), _HIDDEN not in call
    return Pending(call["item"], tool, call["sealed"], result, is_new=_NOT_MADE in call, is_shown=is_shown)


def outcomes(stored: Iterable[dict[str, Any]], done: Sequence[Item], response_id: str) -> list[Item]:
    """Return the items of calls whose writer was lost, with the results that are stored: nobody continues the response.

    Args:
        stored: as they were stored with it.
        done: the items that are done.
        response_id: the response.
    """
    items = list(done)
    for call in pending_of(stored, ToolTable(()), done):
        if not call.is_shown:
            continue
        if call.sealed is not None:
            own = item_id(response_id, "reasoning", "o", len(items))
            items.append({"type": "reasoning", "id": own, "summary": [], KEPT: call.sealed})
        unmade = _failed("refused", NOT_CALLED) if call.is_new else _failed("unknown", LOST)
        items.append(ended(call.item, call.result or unmade))
    return items[len(done) :]


class ServerCalls:
    """Makes calls and sends their results.

    Args:
        services: the adapters.
        stream: takes the items.
        writer: stores.
        include: what the request asked to see of searches.
        hidden: takes the calls that the response does not show, as they are stored.
    """

    def __init__(
        self,
        services: Services,
        stream: ResponseStream,
        writer: Writer,
        include: Collection[str],
        hidden: list[dict[str, Any]],
    ) -> None:
        self._hidden = hidden
        self._services = services
        self._stream = stream
        self._writer = writer
        self._include = include
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._storing = asyncio.Lock()
        self._pending: list[Pending] = []
        self._is_kept = False

    async def run(self, pending: list[Pending]) -> None:
        """Make calls, and send their items in order.

        If it is cancelled, as at the deadline of the run, what came is sent, and what did not is sent as failed; unless
        another worker goes on.
        """
        self._pending = pending
        tasks: list[asyncio.Task[None]] = []
        sent = 0
        try:
            await self._intend()
            tasks = [asyncio.create_task(self._make(call)) for call in pending]
            for call, task in zip(pending, tasks, strict=True):
                self._begin(call)
                await asyncio.wait([task])  # its own cancellation would let the next call begin
                task.result()
                self._end(call)
                sent += 1
        except asyncio.CancelledError:
            try:
                await _leave(tasks)
            finally:  # it may be cancelled once more
                if self._writer.hands_over():
                    self._writer.note_calls([*self._hidden, *(call.handed_over() for call in pending)])
                elif tasks:
                    self._end_all(pending[sent:])
            raise

    async def _intend(self) -> None:
        """Store what is about to be called. What could not be stored is not called."""
        fresh = [call for call in self._pending if call.is_new]
        self._is_kept = self._writer.is_stored and (
            self._writer.keeps_intents or any(not call.is_repeatable for call in fresh)
        )
        if not self._is_kept or not fresh:
            return
        try:
            await self._store()
        except StorageUnavailable:
            for call in fresh:
                call.result = call.result or ToolResult(failure=ToolFailure("refused", NO_STORE))

    async def _store(self) -> None:
        async with self._storing:
            await self._writer.save_calls([*self._hidden, *(call.stored() for call in self._pending)])

    async def _make(self, call: Pending) -> None:
        if call.result is not None:
            return
        async with self._slots:
            call.result = await self._result(call)
        if self._is_kept and len(self._pending) > 1:
            try:
                await self._store()
            except StorageUnavailable:
                log.warning("result not stored", extra={"item_id": call.item["id"]})

    async def _result(self, call: Pending) -> ToolResult:
        tool = call.tool
        if tool is None or tool.server is None or tool.pinned is None:
            return _failed("refused", NOT_HERE)
        if not call.is_new and not tool.pinned.repeatable:
            return _failed("unknown", LOST)
        arguments = _arguments(call.item)
        if arguments is None:
            return _failed("refused", NO_OBJECT)
        until = asyncio.get_running_loop().time() + tool.pinned.timeout_seconds
        asked = ToolCall(call.item["id"], tool.server, tool.pinned, arguments, until)
        with measures.tool_call(tool.server.kind, tool.server.label, tool.pinned.name, asked.token) as span:
            call.is_made = True
            try:
                async with asyncio.timeout_at(until):
                    result = await self._services.runners(tool.server.kind).call(asked)
            except TimeoutError:
                result = _failed("unknown", LATE.format(seconds=tool.pinned.timeout_seconds))
            except Exception as error:  # noqa: BLE001 - a tool's failure never ends a run, whatever it is
                log.error("tool failed", extra={"item_id": asked.token, "error": trace(error)})  # noqa: TRY400
                result = _failed("protocol", OURS)
            if result.failure is not None:
                span.facts["failure"] = result.failure.cause
            if result.reason:
                names = {"item_id": asked.token, "server": tool.server.label, "tool": tool.pinned.name}
                log.warning("tool not called", extra={**names, "reason": result.reason})
        return result

    def _begin(self, call: Pending) -> None:
        if not call.is_shown:
            return
        if call.sealed is not None:
            self._stream.sealed_reasoning(call.sealed)
        self._stream.begin_server_call(call.item)

    def _end(self, call: Pending) -> None:
        assert call.result is not None
        item = ended(call.item, call.result, self._include)
        if call.is_shown:
            self._stream.end_server_call(item)
        else:
            self._hidden.append(hidden(item, len(self._stream.output)))

    def _end_all(self, calls: Sequence[Pending]) -> None:
        """Send all that is known of calls that were made at once, the first of which is open."""
        for number, call in enumerate(calls):
            if number:
                self._begin(call)
            call.result = call.result or _failed("unknown", CUT_OFF)
            self._end(call)


def _arguments(item: Item) -> dict[str, Any] | None:
    try:
        _, _, text = called(item) or ("", "", "")
        given = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _failed(cause: Any, message: str) -> ToolResult:
    return ToolResult(failure=ToolFailure(cause, message))


async def _leave(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel calls, and wait a little until they have closed what they opened."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=LEAVING)
