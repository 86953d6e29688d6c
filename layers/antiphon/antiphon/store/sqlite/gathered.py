"""Writes that wait for each other: those of a moment are one transaction and one trip to SQLite's thread.

Each statement there takes the interpreter's lock from the event loop, which costs more than the row itself. The first
write after a pause waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from sqlite3 import Connection
from typing import Final, Generic, TypeVar

from antiphon.errors import StorageUnavailable
from antiphon.store.sqlite.database import SQLite

V = TypeVar("V")
R = TypeVar("R")

GATHER_SECONDS: Final = 0.025
"""The least time between two such transactions, unless a write cannot wait."""


class Gathered(Generic[V, R]):
    """Writes values to a database, those of a moment together.

    Args:
        database: where to.
        work: writes some values in one transaction, all or none, and returns the result of each.
    """

    def __init__(self, database: SQLite, work: Callable[[Connection, list[V]], list[R]]) -> None:
        self._database = database
        self._work = work
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[tuple[V, asyncio.Future[R]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, value: V, *, at_once: bool = False) -> R:
        """Write a value. If the caller is cancelled while it waits for others, nothing is written.

        Args:
            value: what to write.
            at_once: it does not wait, and neither does what waits already.

        Raises:
            StorageUnavailable: SQLite could not serve it, or what it shared its transaction with.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # what another loop left behind has no caller any more
            self._loop, self._waiting, self._timer = loop, [], None
        done: asyncio.Future[R] = loop.create_future()
        self._waiting.append((value, done))
        if at_once or loop.time() >= self._next:
            self._begin()
        elif self._timer is None:
            self._timer = loop.call_at(self._next, self._begin)
        return await done

    def _begin(self) -> None:
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        writes, self._waiting = [each for each in self._waiting if not each[1].done()], []
        if not writes:
            return
        self._next = self._loop.time() + GATHER_SECONDS
        task = self._loop.create_task(self._write(writes))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, writes: list[tuple[V, asyncio.Future[R]]]) -> None:
        try:
            results = await self._database.write(lambda db: self._work(db, [value for value, _ in writes]))
        except BaseException as error:
            failure = error if isinstance(error, Exception) else StorageUnavailable("the process ends")
            for _, done in writes:
                if not done.done():
                    done.set_exception(failure)
            if failure is not error:
                raise
        else:
            for (_, done), result in zip(writes, results, strict=True):
                if not done.done():
                    done.set_result(result)
