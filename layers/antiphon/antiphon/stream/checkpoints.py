"""Checkpoints: an item is stored before its ``response.output_item.done`` leaves, so what was said to be done is kept.

    done ......................... held
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


class Checkpoints:
    """Lies between a run and its feed. It belongs to one event loop.

    Args:
        save: stores the response with all items that are done.
        to: takes the events that may leave.
    """

    def __init__(self, save: Callable[[], Awaitable[None]], to: Sink) -> None:
        self._save = save
        self._to = to
        self._held: list[Event] = []
        self._writing: asyncio.Task[None] | None = None
        self._over = False

    def put(self, event: Event) -> None:
        """Pass an event on, now or once what it says is stored."""
        if self._over or not (self._held or event["type"] == DONE):
            self._to(event)
            return
        self._held.append(event)
        if self._writing is None and len(self._held) > 1:
            self._writing = asyncio.get_running_loop().create_task(self._write())

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
        places = [place for place, event in enumerate(self._held) if event["type"] == DONE]
        return places[known] if len(places) > known else len(self._held)

    def _leave(self, count: int) -> None:
        leaving, self._held = self._held[:count], self._held[count:]
        for event in leaving:
            self._to(event)
