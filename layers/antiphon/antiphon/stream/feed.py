"""The feed: what lies between a run and whoever listens to it.

The run never waits for the listener, so a stalled client cannot keep a response from being stored; what piles up is
bounded by the response itself. One producer and one consumer in one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from antiphon.stream.events import Event


class Feed:
    """A single-producer, single-consumer queue that hands over all that has come since the last time.

    Attributes:
        ended: when it is closed, the terminal event has been there.
    """

    ended: Final = True

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    def put(self, event: Event) -> None:
        """Add an event."""
        self._events.append(event)
        self._wake()

    def close(self) -> None:
        """Mark the end: no event follows."""
        self._closed = True
        self._wake()

    async def batches(self, idle: float) -> AsyncGenerator[list[Event], None]:
        """Yield what has come, in order, until the feed is closed.

        An empty list means that nothing came for ``idle`` seconds.
        """
        loop = asyncio.get_running_loop()
        heard = loop.time()

        timer: asyncio.TimerHandle

        def tick() -> None:
            nonlocal timer
            quiet = loop.time() - heard
            if quiet >= idle:
                self._wake()
            timer = loop.call_later(idle if quiet >= idle else idle - quiet, tick)

        timer = loop.call_later(idle, tick)
        try:
            while True:
                if self._events:
                    batch, self._events = self._events, []
                    heard = loop.time()
                    yield batch
                elif self._closed:
                    return
                else:
                    self._waiter = loop.create_future()
                    await self._waiter
                    if not self._events and not self._closed:
                        heard = loop.time()
                        yield []
        finally:
            timer.cancel()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
