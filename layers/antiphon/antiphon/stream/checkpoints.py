"""Checkpoints: an item is stored before its ``response.output_item.done`` is sent, so no done item is lost.

    done ......................... held, and what came of a tool's call before it
    done, and something follows    CHECKPOINT -> both leave; what has come meanwhile leaves with them
    done, and the run ends         the commit stores it: no write of its own

One write for each item but the last, however long it is, and none for the usual answer of one item. While a store is
out of order the events wait for the commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from antiphon.errors import StorageUnavailable
from antiphon.stream.events import Event, Sink

DONE: Final = "response.output_item.done"
_HOLDING: Final = frozenset(
    {
        DONE,
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.web_search_call.completed",
        "response.file_search_call.completed",
    }
)
"""Events that say what has to be stored first."""


class Checkpoints:
    """Lies between a run and its feed. It belongs to one event loop.

    Args:
        save: stores the response with all items that are done.
        to: takes the events that may leave.
    """

    def __init__(self, save: Callable[[], Awaitable[object]], to: Sink) -> None:
        self._save = save
        self._to = to
        self._held: list[Event] = []
        self._writing: asyncio.Task[None] | None = None
        self._over = False

    def put(self, event: Event) -> None:
        """Pass an event on, now or once its content is stored."""
        if self._over or not (self._held or event["type"] in _HOLDING):
            self._to(event)
            return
        self._held.append(event)
        if self._writing is None and len(self._held) > 1:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def flush(self) -> None:
        """Wait until what is being stored is stored, if the store answers."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    def stop(self) -> None:
        """Begin no further checkpoint, and wait for none: the ending is about to be stored. Events are held on."""
        if self._writing is not None:
            self._writing.cancel()

    def release(self) -> None:
        """Let everything leave, now and from now on: all is stored."""
        self._over = True
        self._leave(len(self._held))

    async def _write(self) -> None:
        """Store, and let leave what the store has, for as long as something waits."""
        while len(self._held) > 1:
            known = sum(event["type"] == DONE for event in self._held)
            try:
                await self._save()
            except StorageUnavailable:
                return  # no other checkpoint is tried: the commit decides
            self._leave(self._up_to(known))
        self._writing = None

    def _up_to(self, known: int) -> int:
        """Count the events before the first item that was done after the store was asked."""
        done = 0
        for place, event in enumerate(self._held):
            if done == known and event["type"] in _HOLDING:
                return place
            done += event["type"] == DONE
        return len(self._held)

    def _leave(self, count: int) -> None:
        leaving, self._held = self._held[:count], self._held[count:]
        for event in leaving:
            self._to(event)
