"""Writes of SQLite that share a transaction: those of the logs of running responses."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.store.sqlite.database import SQLite
from antiphon.store.sqlite.gathered import Gathered

ADD = "INSERT INTO used (tenant, digest, at) VALUES ('acme', ?, 1)"


class Counted(SQLite):
    """A database that counts its transactions."""

    transactions = 0

    async def write(self, work: Callable[[sqlite3.Connection], Any], *, erases: bool = False) -> Any:
        self.transactions += 1
        return await super().write(work, erases=erases)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Counted]:
    opened = Counted(tmp_path / "antiphon.db")
    yield opened
    asyncio.run(opened.aclose())


def add(db: sqlite3.Connection, names: list[str]) -> list[int]:
    return [db.execute(ADD, (name,)).rowcount for name in names]


@pytest.fixture
def gathered(database: Counted) -> Gathered[str, int]:
    return Gathered(database, add)


async def names(database: SQLite) -> list[str]:
    rows = await database.read(lambda db: db.execute("SELECT digest FROM used ORDER BY digest").fetchall())
    return [name for (name,) in rows]


async def test_writes_of_a_moment_are_one_transaction_and_the_first_one_waits_for_nothing(
    database: Counted, gathered: Gathered[str, int]
) -> None:
    assert await asyncio.gather(*(gathered.write(f"{n:02}") for n in range(40))) == [1] * 40
    assert await names(database) == [f"{n:02}" for n in range(40)]
    assert database.transactions == 2


async def test_a_write_that_cannot_wait_takes_those_along_that_wait(
    database: Counted, gathered: Gathered[str, int]
) -> None:
    await gathered.write("a")
    waiting = asyncio.create_task(gathered.write("b"))
    await asyncio.sleep(0)
    await gathered.write("c", at_once=True)
    assert waiting.done()
    assert database.transactions == 2


async def test_what_its_caller_gave_up_while_it_waited_is_not_written(
    database: Counted, gathered: Gathered[str, int]
) -> None:
    await gathered.write("a")
    given_up = asyncio.create_task(gathered.write("b"))
    await asyncio.sleep(0)
    given_up.cancel()
    await gathered.write("c")
    assert await names(database) == ["a", "c"]


async def test_of_a_transaction_that_fails_nothing_is_done_and_each_caller_has_the_error(
    database: Counted, gathered: Gathered[str, int]
) -> None:
    await gathered.write("a")
    good, bad = (asyncio.create_task(gathered.write(name)) for name in ("b", "a"))
    failures = await asyncio.gather(good, bad, return_exceptions=True)
    assert [type(failure) for failure in failures] == [sqlite3.IntegrityError] * 2
    assert await names(database) == ["a"]
    assert await gathered.write("b") == 1


def test_what_a_loop_left_behind_does_not_keep_the_next_one_from_writing(
    database: Counted, gathered: Gathered[str, int]
) -> None:
    async def leave() -> None:
        await gathered.write("a")
        waiting = asyncio.create_task(gathered.write("b"))
        await asyncio.sleep(0)
        assert not waiting.done()

    asyncio.run(leave())
    assert asyncio.run(gathered.write("c")) == 1
    assert asyncio.run(names(database)) == ["a", "c"]
