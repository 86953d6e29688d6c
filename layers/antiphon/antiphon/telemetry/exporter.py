"""Sends spans in batches in the background. No request waits for it; spans that cannot be sent are dropped and counted.

Source: OpenTelemetry Protocol Specification 1.x, "OTLP/HTTP": what may be sent again, and when.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

MOST_QUEUED: Final = 2048
MOST_AT_ONCE: Final = 512
PAUSE_SECONDS: Final = 5.0
"""How many spans are kept, how many are sent at once, and how long the first one waits for others: the defaults of the
specification's batching processor."""

SEND_SECONDS: Final = 10.0
"""How long one attempt may take."""

LONGEST_BACKOFF: Final = 300.0
_AGAIN: Final = frozenset({429, 502, 503, 504})
_OK: Final = range(200, 300)

_log: Final = logging.getLogger("antiphon.telemetry")


class ExportResult(NamedTuple):
    """The result of an attempt.

    Attributes:
        status: the status of the answer; 0 if none came.
        retry_after: the seconds after which the receiver can be asked again; None if it named none.
        rejected: how many of the spans it did not take.
        reason: why no answer came.
    """

    status: int = 0
    retry_after: float | None = None
    rejected: int = 0
    reason: str = ""


class SpanPost(Protocol):
    """Sends spans."""

    async def __call__(self, spans: Sequence[bytes], seconds: float) -> ExportResult:
        """Send spans once, within a time. Raises nothing but a cancellation."""

    async def aclose(self) -> None:
        """Close the connections."""


class Exporter:
    """A queue of spans, and what empties it.

    Args:
        post: sends a batch.
        clock: seconds that never go back.

    Attributes:
        dropped: how many spans were lost.
    """

    def __init__(self, post: SpanPost, clock: Callable[[], float] = time.monotonic) -> None:
        self._post = post
        self._clock = clock
        self._queue: deque[bytes] = deque()
        self._came = asyncio.Event()
        self._many = asyncio.Event()
        self._sending = asyncio.Lock()
        self._failures = 0
        self._not_before = 0.0
        self._reported = 0
        self.dropped = 0

    def add(self, span: bytes) -> None:
        """Take a span; it is dropped if too many wait."""
        if len(self._queue) >= MOST_QUEUED:
            self.dropped += 1
            return
        self._queue.append(span)
        self._came.set()
        if len(self._queue) >= MOST_AT_ONCE:
            self._many.set()

    async def flush(self, seconds: float) -> None:
        """Send what waits, within a time; not at all while the receiver has asked for a pause or does not answer."""
        until = self._clock() + seconds
        try:
            async with asyncio.timeout(seconds):
                await self._sending.acquire()
        except TimeoutError:
            return
        try:
            while self._queue and self._not_before <= self._clock() < until:
                await self._send(min(until - self._clock(), SEND_SECONDS))
        finally:
            self._sending.release()
        self._report()

    async def run(self) -> None:
        """Send what comes until it is cancelled."""
        while True:
            await self._came.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._many.wait(), PAUSE_SECONDS)
            await self.flush(SEND_SECONDS)
            await asyncio.sleep(max(self._not_before - self._clock(), 0))

    async def aclose(self, seconds: float) -> None:
        """Send what waits once more, within a time, and close the connections. What is left is dropped."""
        self._not_before = 0.0
        await self.flush(seconds)
        self.dropped += len(self._queue)
        self._queue.clear()
        self._report()
        await self._post.aclose()

    async def _send(self, seconds: float) -> None:
        batch = [self._queue[index] for index in range(min(len(self._queue), MOST_AT_ONCE))]
        answer = await self._post(batch, seconds)
        if answer.status in _AGAIN or not answer.status:
            self._back_off(answer.retry_after, answer.reason or str(answer.status))
            return
        for _ in batch:
            self._queue.popleft()
        self._failures = 0
        self.dropped += min(answer.rejected, len(batch)) if answer.status in _OK else len(batch)
        if answer.status not in _OK:
            _log.warning("spans refused", extra={"code": str(answer.status)})
        if not self._queue:
            self._came.clear()
        if len(self._queue) < MOST_AT_ONCE:
            self._many.clear()

    def _back_off(self, asked: float | None, reason: str) -> None:
        """Do not send for a while: as long as the receiver asked, else longer after each failure."""
        if not self._failures:
            _log.warning("spans not sent", extra={"code": reason})
        self._failures += 1
        pause = 2.0 ** min(self._failures - 1, 6) if asked is None else asked
        self._not_before = self._clock() + min(pause, LONGEST_BACKOFF)

    def _report(self) -> None:
        if self.dropped > self._reported:
            _log.warning("spans dropped", extra={"count": self.dropped - self._reported})
            self._reported = self.dropped
