"""Follow a response: its stream from any event on, while it runs and after it has ended, from any process.

runs here            its journal, in memory
runs elsewhere       its log, read again and again
has ended            its replay, with the same numbers

A reader sees each number once. It leaves without a terminal event, to be continued with ``starting_after``, if the time
of its own request is up, if its process ends, or if the response is no longer the caller's to see.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Final, TypeVar

import orjson

from antiphon.access.principal import Principal
from antiphon.errors import CODES, ApiError, StorageUnavailable
from antiphon.ports import Services
from antiphon.records import QUEUED, LogBatch, StoredResponse
from antiphon.run.aside import aside_if_many
from antiphon.run.journal import Journal, Lines
from antiphon.run.lost import is_foreign, settled
from antiphon.run.models import are_visible
from antiphon.run.registry import is_closing, running
from antiphon.stream.closing import closing
from antiphon.stream.cuts import VERSION
from antiphon.stream.events import Event, error_event, opening
from antiphon.stream.fold import Fold
from antiphon.stream.log import FOLLOWS, Decoder, Entry
from antiphon.stream.replay import replay

T = TypeVar("T")

PAUSES: Final = (0.1, 0.25, 0.5)
"""Seconds between two reads of a log that has nothing new; the last one stays."""

LOOK_SECONDS: Final = 2.0
"""After so much silence the response itself is read: it may have ended, or lost its writer."""

SLICE: Final = 250
"""Entries of a log or events of a replay that are made without a pause: a few milliseconds."""

CHECK_SECONDS: Final = 10.0
"""How often it is checked that the caller may still see the response."""


def stream_of(
    services: Services,
    principal: Principal,
    stored: StoredResponse,
    *,
    after: int | None = None,
    obfuscate: bool = True,
    until: float | None = None,
) -> Following:
    """Return the stream of a stored response, while it runs.

    Args:
        services: the adapters.
        principal: the caller, who may see the response.
        stored: the response, as it was read.
        after: leave out the events up to and with this number; None for none.
        obfuscate: pad delta events.
        until: when to leave, in seconds since the epoch; None for never.

    Raises:
        ApiError: 409, if its events are not logged while it runs, or another version logs them; 400, if its numbers are
            not known any more.
    """
    if stored.has_ended:
        _require_numbers(stored, after)
    elif not stored.logged and stored.job is None:
        message = "The response is still running, and its events are not logged; read it without `stream`."
        raise ApiError("response_in_progress", message, param="stream", retry_after=2)
    elif is_foreign(stored):
        message = "The response is run by another version of this service; read it without `stream` until it has ended."
        raise ApiError("response_in_progress", message, param="stream", retry_after=2)
    return Following(services, principal, stored, -1 if after is None else after, obfuscate=obfuscate, until=until)


def _require_numbers(stored: StoredResponse, after: int | None) -> None:
    """Refuse a stream that would not be the one that was sent."""
    if stored.stream_version > VERSION or (stored.stream_version == 0 and after is not None):
        message = "The response was stored by another version, which numbered its events differently. Read it without "
        message += "`stream`." if after is None else "`starting_after`."
        raise ApiError("invalid_value", message, param="stream" if after is None else "starting_after", complete=True)


class Following:
    """The events of a response for one reader.

    Attributes:
        ended: the terminal event was there.
    """

    def __init__(
        self,
        services: Services,
        principal: Principal,
        stored: StoredResponse,
        after: int,
        *,
        obfuscate: bool,
        until: float | None,
    ) -> None:
        self._services = services
        self._principal = principal
        self._stored = stored
        self._after = after
        self._obfuscate = obfuscate
        self._until = until
        self._decoder = Decoder(stored.response, obfuscate=obfuscate)
        self._fold = Fold()
        self._is_deleted = False
        self._is_refused = False
        self._checked = asyncio.get_running_loop().time()
        self.ended = False

    async def batches(self, idle: float) -> AsyncGenerator[list[Event], None]:
        """Yield events as they come; an empty list after ``idle`` seconds of silence."""
        loop = asyncio.get_running_loop()
        heard = loop.time()
        async for events in self._events():
            wanted = [event for event in events if event["sequence_number"] > self._after]
            if wanted or loop.time() - heard >= idle:
                heard = loop.time()
                yield wanted

    async def _events(self) -> AsyncGenerator[list[Event], None]:
        """Yield what there is, and an empty list now and then."""
        if not self._stored.has_ended:
            yield [self._decoded(FOLLOWS) for _ in self._opening()]
            async with contextlib.aclosing(self._live()) as live:
                async for entries in live:
                    async for part in _in_slices(entries):
                        yield [self._decoded(entry) for entry in part]
        if not self._is_refused and (self._is_deleted or (self._stored.has_ended and self._is_same_stream())):
            self.ended = True
            async for events in _in_slices(self._deletion() if self._is_deleted else await self._rest()):
                yield events

    def _is_same_stream(self) -> bool:
        """Return whether the ended response continues at this reader's event; one of another version may not."""
        version = self._stored.stream_version
        return version == VERSION or (version == 0 and self._next <= len(opening(self._stored.response)))

    def _decoded(self, entry: Entry) -> Event:
        event = self._decoder.event(entry)
        self._fold.put(event)
        return event

    def _opening(self) -> list[Event]:
        """Return the events that are known without a log: a queued response has not begun."""
        known = opening(self._stored.response)
        return known[:-1] if self._stored.status == QUEUED else known

    async def _rest(self) -> list[Event]:
        """Return what is left of a response that has ended.

        A reader may have seen more of a lost run than was logged: its ending is numbered after what it has seen.
        """
        stored = self._stored
        events = await aside_if_many(
            len(stored.cuts), lambda: replay(stored.response, stored.cuts, obfuscate=self._obfuscate)
        )
        known = max(stored.lost_after or 0, len(opening(stored.response)))  # the opening is sent without a log
        if stored.lost_after is not None and self._next >= known:
            return self._numbered(events[known:])
        return events[self._next :]

    def _deletion(self) -> list[Event]:
        """Return the ending for a reader whose response was deleted, perhaps before it began."""
        begun = [self._decoded(FOLLOWS) for _ in opening(self._stored.response)[self._decoder.number :]]
        closed = closing(self._decoder.open_item)
        for event in closed:
            self._fold.put(event)
        error = {"code": "response_not_found", "message": CODES["response_not_found"].message}
        output = self._fold.response()["output"]
        failed = {**self._stored.response, "status": "failed", "error": error, "output": output}
        return begun + self._numbered([*closed, error_event(error), {"type": "response.failed", "response": failed}])

    @property
    def _next(self) -> int:
        """The number of the first event that this reader has not seen."""
        return max(self._after + 1, self._decoder.number)

    def _numbered(self, events: list[Event]) -> list[Event]:
        """Number events after what this reader has seen."""
        return [{**event, "sequence_number": number} for number, event in enumerate(events, self._next)]

    async def _live(self) -> AsyncGenerator[list[Entry], None]:
        """Yield the entries of the log that follow, until the response has ended or the reader has to leave."""
        execution = running(self._stored.id)
        if execution is not None and execution.journal is not None:
            async for entries in self._here(execution.journal):
                yield entries
            await self._read()
        async for entries in self._elsewhere():
            yield entries

    async def _here(self, journal: Journal) -> AsyncGenerator[list[Entry], None]:
        while not await self._must_leave():
            visible = journal.visible
            yield journal.entries[self._decoder.number : visible]
            if journal.is_closing:
                return
            if journal.visible == visible:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await journal.changed()

    async def _elsewhere(self) -> AsyncGenerator[list[Entry], None]:
        log = Lines()
        loop = asyncio.get_running_loop()
        looked = loop.time()
        pause = 0
        while not (self._stored.has_ended or self._is_deleted or await self._must_leave()):
            before = log.count
            lines = log.read(await self._batches(log.next))
            yield [orjson.loads(line) for line in lines[max(0, self._decoder.number - before) :]]
            pause = 0 if lines else min(pause + 1, len(PAUSES) - 1)
            looked = loop.time() if lines else looked
            if log.has_ended or loop.time() - looked >= LOOK_SECONDS:
                looked = loop.time()
                await self._read()
            await asyncio.sleep(PAUSES[pause] if not self._stored.has_ended else 0)

    async def _batches(self, first: int) -> list[LogBatch]:
        """Read the log from a batch on; nothing while the store is out of order, or if nothing is logged."""
        if self._stored.logged:
            with contextlib.suppress(StorageUnavailable):
                return await self._services.runs.read(self._stored.owner, self._stored.id, first)
        return []

    async def _read(self) -> None:
        """Read the response as it is now."""
        with contextlib.suppress(StorageUnavailable):
            found = await self._services.responses.get(self._stored.owner, self._stored.id, self._services.clock())
            now = await settled(self._services, found) if found else None
            self._stored, self._is_deleted = now or self._stored, now is None

    async def _must_leave(self) -> bool:
        """Return whether this reader has to leave: its time is up, its process ends, or it may not see more.

        It leaves, too, if another version goes on with the response.
        """
        if (
            is_closing()
            or is_foreign(self._stored)
            or (self._until is not None and self._services.clock() >= self._until)
        ):
            return True
        now = asyncio.get_running_loop().time()
        if not self._is_refused and now - self._checked >= CHECK_SECONDS:
            self._checked = now
            with contextlib.suppress(StorageUnavailable):
                self._is_refused = not await are_visible(self._services, self._principal, [self._stored.agent])
        return self._is_refused


async def _in_slices(values: list[T]) -> AsyncGenerator[list[T], None]:
    """Yield values in slices, and let others run in between; one empty list if there are none."""
    for start in range(0, len(values) or 1, SLICE):
        yield values[start : start + SLICE]
        if start + SLICE < len(values):
            await asyncio.sleep(0)
