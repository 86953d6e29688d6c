"""Listens to what a process asks of SQLite, on each of its connections."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from sqlite3 import Connection

from antiphon.store.sqlite.database import SQLite


async def on_each(database: SQLite, work: Callable[[Connection], None]) -> None:
    """Do something with each connection to a file."""
    await database.read(work, small=True)
    await database.read(work)


@asynccontextmanager
async def statements(database: SQLite) -> AsyncGenerator[list[str], None]:
    """Collect the statements that run meanwhile, with their values."""
    asked: list[str] = []
    await on_each(database, lambda db: db.set_trace_callback(asked.append))
    yield asked
    await on_each(database, lambda db: db.set_trace_callback(None))
