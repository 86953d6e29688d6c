"""The journal of a run: logs the events of a response while it runs, and never holds them back.

The first delta is written at once, then what came in 250 ms or 900 bytes is one write. While nothing is said, an empty
batch shows that the writer lives. Only the writer with the lease can write: see ``RunStore.append``. While the store is
out of order, what is said waits, and the run goes on.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, NamedTuple

import orjson

from antiphon.errors import StorageUnavailable
from antiphon.ports import Services
from antiphon.records import LogBatch, StoredResponse
from antiphon.stream.events import Event, Sink, opening
from antiphon.stream.fold import ENDINGS
from antiphon.stream.log import Encoder, Entry, is_change

log: Final = logging.getLogger("antiphon.run")

FLUSH_SECONDS: Final = 0.25
FLUSH_BYTES: Final = 900
"""With its keys such a batch is below 1 KB, one write unit of DynamoDB."""

MAX_BATCH_BYTES: Final = 300_000
KEEP_SECONDS: Final = 86_400
"""How long a batch is kept after it was written: longer than any run. After its end the stored response is read."""

BEATS: Final = 3
"""How often a writer shows within its lease that it is running."""


_LAST_EVENTS: Final = ENDINGS | {"error"}
_DELTA_BYTES: Final = 3
_EVENT_BYTES: Final = 100
"""About the bytes of an entry in the log; of a delta, without its text."""


class Logged(NamedTuple):
    """What other writers have logged of a response.

    Attributes:
        lines: one for each event, without its end.
        next: the number of the next batch.
    """

    lines: Sequence[bytes] = ()
    next: int = 0


NOTHING: Final = Logged()


class Journal:
    """The stage that logs what is sent.

    Args:
        services: for the store and the clock.
        record: the response, as its writer has it.
        to: takes each event; None if nobody in this process listens to the run itself.
        lost: called if another writer has taken the response over, or if what is said differs from what was logged.
        beat: shows in another way that the writer lives, while the log cannot be written.
        logged: what earlier writers have logged; it is not logged again.

    Attributes:
        has_diverged: what was said again differs from what was logged.
        was_late: something was still being written when the response had ended.
    """

    def __init__(
        self,
        services: Services,
        record: StoredResponse,
        to: Sink | None,
        lost: Callable[[], None],
        beat: Callable[[], Awaitable[None]],
        logged: Logged = NOTHING,
    ) -> None:
        self._services = services
        self._record = record
        self._to = to
        self._lost = lost
        self._beat = beat
        self._number = logged.next
        self._known = logged.lines
        self.has_diverged = False
        self.was_late = False
        self._is_writing = False
        self._encoder = Encoder(record.response)
        self._is_repeating = bool(logged.lines)
        self._before_due = len(opening(record.response))
        self._size = 0
        self._full_at = FLUSH_BYTES
        self._offset = 0
        self._unsure: LogBatch | None = None
        self._written = len(logged.lines)
        self._due = asyncio.Event()
        self._is_due = False
        self._full = asyncio.Event()
        self._readers: set[asyncio.Future[None]] = set()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write, in a task of its own."""
        self._task = asyncio.get_running_loop().create_task(self._write())

    def put(self, event: Event) -> None:
        """Log the next event, and pass it on. The terminal event is passed on alone: it is in the stored response."""
        delta = event.get("delta")
        if delta is not None or event["type"] not in _LAST_EVENTS:
            self._encoder.put(event)
            self._size += _EVENT_BYTES if delta is None else _DELTA_BYTES + len(delta)
            if self._size >= self._full_at or self._readers or not self._is_due or self._is_repeating:
                self._attend()
        if self._to is not None:
            self._to(event)

    def _attend(self) -> None:
        """Do what an event needs in addition to its entry."""
        if self._is_repeating:
            self._compare()
        if not self._is_due:
            self._become_due()
        if self._size >= self._full_at:
            self._full_at = sys.maxsize
            self._full.set()
        self._wake()

    @property
    def entries(self) -> list[Entry]:
        """The log so far, one entry for each event."""
        return self._encoder.entries

    def _become_due(self) -> None:
        """Have the log written soon, unless only the opening was sent: readers know it without a log."""
        if self._before_due:
            self._before_due -= 1
        else:
            self._is_due = True
            self._due.set()

    def _compare(self) -> None:
        """Hold the newest event against what an earlier writer has logged of it: an item may have been sealed anew."""
        entry = self.entries.pop()
        known = orjson.loads(self._known[len(self.entries)])
        if not self.has_diverged and (entry == known or (is_change(entry) and is_change(known))):
            self.entries.append(known)
            self._size = 0
            self._is_repeating = len(self.entries) < len(self._known)
        elif not self.has_diverged:
            self.has_diverged = True
            # Not at once: a task that cancelled itself and has nothing to wait for would be cancelled at its ending.
            asyncio.get_running_loop().call_soon(self._lost)

    @property
    def visible(self) -> int:
        """How many events a reader may see: of a run that a worker may begin again, only what is stored."""
        return len(self.entries) if self._record.job is None else min(self._written, len(self.entries))

    @property
    def is_closing(self) -> bool:
        """Whether the response has ended."""
        return self._closing

    async def changed(self) -> None:
        """Wait until there is more to see, or the response has ended."""
        reader = asyncio.get_running_loop().create_future()
        self._readers.add(reader)
        try:
            await reader
        finally:
            self._readers.discard(reader)

    async def finish(self, seconds: float) -> None:
        """Note in the log that the response has ended, and write nothing more.

        Args:
            seconds: the longest that this may take; without the note a reader finds the ending a little later.
        """
        self._closing, self.was_late = True, self._is_writing or self._unsure is not None
        self._due.set()
        self._full.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)
            self._task.cancel()
        self._wake()

    def abandon(self) -> None:
        """Write nothing more, and no ending: another writer continues."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
        self._wake()

    def _wake(self) -> None:
        readers, self._readers = self._readers, set()
        for reader in readers:
            if not reader.done():
                reader.set_result(None)

    async def _write(self) -> None:
        beat = self._services.settings.lease_seconds / BEATS
        while not self._closing:
            await _wait(self._due, beat)
            if self._closing:
                break
            self._due.clear()
            self._is_due = False
            if not await self._append():
                return
            if self._unsure is None:
                await _wait(self._full, FLUSH_SECONDS)
            else:  # the store is out of order: however much is said, it is not asked more often
                await asyncio.sleep(FLUSH_SECONDS)
        await self._append(last=True)

    async def _append(self, *, last: bool = False) -> bool:
        """Write what is pending, or that the response has ended; return whether this is still the writer.

        A batch that may have been stored is sent again as it was.
        """
        record, now = self._record, self._services.clock()
        batch = self._unsure or LogBatch(self._number, record.epoch, now, b"" if last else self._next_bytes(), last)
        self._is_writing = True
        try:
            ours = await self._services.runs.append(record.owner, record.id, batch, int(now) + KEEP_SECONDS)
        except StorageUnavailable:
            self._unsure = batch
            self._due.set()
            await self._beat()
            return True
        finally:
            self._is_writing = False
        self._unsure = None
        if not ours:
            log.warning("response taken over", extra={"response_id": record.id})
            self._lost()
            return False
        self._note(batch)
        return await self._append(last=True) if last and not batch.last else True

    def _next_bytes(self) -> bytes:
        lines = [*map(orjson.dumps, self.entries[self._written :]), b""]
        return b"\n".join(lines)[self._offset : self._offset + MAX_BATCH_BYTES]

    def _note(self, batch: LogBatch) -> None:
        """Count what is stored now; a line may be stored in part."""
        self._number += 1
        self._size = max(0, self._size - len(batch.data))
        ended = batch.data.count(b"\n")
        rest = len(batch.data) - (batch.data.rfind(b"\n") + 1)
        self._offset = rest if ended else self._offset + rest
        self._written += ended
        if self._written < len(self.entries):
            self._due.set()
        else:
            self._size = 0
        if self._size < FLUSH_BYTES and not self._closing:
            self._full.clear()
            self._full_at = FLUSH_BYTES
        self._wake()


class Lines:
    """Reads the lines of a log from its batches.

    Attributes:
        next: the number of the next batch.
        count: how many lines were read.
        has_ended: whether the log has the end of the response.
    """

    def __init__(self) -> None:
        self.next = 0
        self.count = 0
        self.has_ended = False
        self._epoch = 0
        self._begun = b""

    def read(self, batches: Iterable[LogBatch]) -> list[bytes]:
        """Return the lines that batches end. A line that its writer did not come to end is dropped.

        What follows a batch that is missing is not read: the log has begun to expire.
        """
        lines: list[bytes] = []
        for batch in batches:
            if batch.number != self.next:
                break
            if batch.epoch != self._epoch:
                self._epoch, self._begun = batch.epoch, b""
            *ended, self._begun = (self._begun + batch.data).split(b"\n")
            lines += ended
            self.next = batch.number + 1
            self.has_ended = batch.last
        self.count += len(lines)
        return lines


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, and set it after a number of seconds."""
    timer = asyncio.get_running_loop().call_later(seconds, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()
