"""Small reads and writes in SQLite: done on the caller's thread, and in the other one only if somebody else writes."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from antiphon.store.sqlite.database import CHECKPOINT_WRITES, SQLite
from antiphon.store.turns import SMALL, is_small, pack
from tests.support.stored import claimed

ADD = "INSERT INTO used (tenant, digest, at) VALUES ('acme', ?, 1)"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[SQLite, None]:
    opened = SQLite(tmp_path / "antiphon.db")
    yield opened
    await opened.aclose()


async def thread_of(database: SQLite, *, small: bool) -> int:
    return await database.read(lambda _: threading.get_ident(), small=small)


async def names(database: SQLite) -> list[str]:
    rows = await database.read(lambda db: db.execute("SELECT digest FROM used ORDER BY digest").fetchall())
    return [name for (name,) in rows]


async def test_what_is_small_is_done_on_the_thread_of_its_caller_and_the_rest_is_not(database: SQLite) -> None:
    assert await thread_of(database, small=True) == threading.get_ident()
    assert await thread_of(database, small=False) != threading.get_ident()


async def test_only_the_first_thread_that_asks_uses_the_connection_without_a_thread(database: SQLite) -> None:
    await thread_of(database, small=True)
    elsewhere = await asyncio.to_thread(lambda: asyncio.run(thread_of(database, small=True)))
    assert elsewhere == await thread_of(database, small=False)


async def test_a_small_write_waits_in_the_other_thread_while_another_process_writes(
    database: SQLite, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "antiphon.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(database.write(lambda db: db.execute(ADD, ("a",)).rowcount, small=True))
    for _ in range(20):
        await asyncio.sleep(0.01)
        assert await database.read(lambda db: db.execute("SELECT * FROM used").fetchall(), small=True) == []
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()
    assert await writing == 1
    assert await names(database) == ["a"]


async def test_small_writes_beside_large_ones_are_all_stored(database: SQLite) -> None:
    def many(db: sqlite3.Connection) -> None:
        db.executemany(ADD, [(f"large{n:05}",) for n in range(5_000)])

    large = asyncio.create_task(database.write(many))
    for n in range(200):
        await database.write(lambda db, n=n: db.execute(ADD, (f"small{n:03}",)), small=True)
        await asyncio.sleep(0)
    await large
    stored = await names(database)
    assert [name for name in stored if name.startswith("small")] == [f"small{n:03}" for n in range(200)]
    assert len(stored) == 5_200


async def test_a_small_write_that_raises_leaves_nothing_behind(database: SQLite) -> None:
    def breaks(db: sqlite3.Connection) -> None:
        db.execute(ADD, ("a",))
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(breaks, small=True)
    assert await names(database) == []


async def test_the_log_of_small_writes_does_not_grow_without_end(database: SQLite, tmp_path: Path) -> None:
    log = tmp_path / "antiphon.db-wal"
    sizes = []
    for _ in range(6):
        for n in range(CHECKPOINT_WRITES):
            await database.write(
                lambda db, n=n: db.execute("REPLACE INTO used VALUES ('acme', ?, 1)", (n,)), small=True
            )
        await thread_of(database, small=False)  # the thread has written the log to the file by then
        sizes.append(log.stat().st_size)
    assert sizes[-1] <= sizes[0] * 1.5


def test_a_turn_is_small_if_its_content_is() -> None:
    assert is_small(claimed(input=[{"role": "user", "content": "Hi"}]))
    assert not is_small(claimed(input=[{"role": "user", "content": "x" * SMALL}]))
    assert not is_small(claimed(input=[{"role": "user", "content": [{"type": "input_text", "text": "x" * SMALL}]}]))
    assert not is_small(claimed(input=[{}] * SMALL))
    largest = claimed(input=[{"n": "\u20ac" * 9}] * (SMALL // 12 - 100))
    assert is_small(largest)
    assert len(pack(largest).body) < 5 * SMALL
