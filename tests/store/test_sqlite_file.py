from __future__ import annotations

import asyncio
import itertools
import sqlite3
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from antiphon.audit import Trail
from antiphon.errors import SettingsError, StorageUnavailable
from antiphon.records import Key, User, dump
from antiphon.store.sqlite import open_stores
from antiphon.store.sqlite import responses as module
from antiphon.store.sqlite.database import _SCHEMAS, VERSION, SQLite
from antiphon.store.sqlite.keys import SQLiteKeys
from antiphon.store.sqlite.responses import SQLiteResponses
from tests.support.stored import DAY, NOW, OWNER, Stores, add_turn, claimed, ended, entropy, noise

ROOT = Path(__file__).parents[2]


def count(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        found: int = connection.execute("SELECT count(*) FROM responses").fetchone()[0]
        return found
    finally:
        connection.close()


async def test_everything_acknowledged_before_a_kill_is_readable_after_it(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.support.sqlite_writer", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(40)]
    writer.kill()
    acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    writer.stdout.close()
    assert writer.wait() == -9
    _, _, responses, *_ = open_stores(path)

    async def story() -> list[bool]:
        found = [await responses.get(OWNER, response, NOW) for response in acknowledged]
        await responses.aclose()
        return [turn is not None and turn.status == "completed" for turn in found]

    assert await story() == [True] * len(acknowledged)


async def test_what_one_process_wrote_another_reads_at_once(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
    _, here, *_ = open_stores(path)
    _, there, *_ = open_stores(path)

    async def story() -> list[User]:
        await here.put(User("acme", "ann"))
        found = await there.list_users("acme")
        await here.aclose()
        await there.aclose()
        return found

    assert await story() == [User("acme", "ann")]


async def test_expired_rows_are_removed_at_the_first_claim_and_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_EVERY", 3)
    path = tmp_path / "antiphon.db"
    database = SQLite(path)
    clock = iter([NOW, NOW + DAY, NOW + DAY])
    store = SQLiteResponses(database, lambda: next(clock))

    async def story() -> list[int]:
        counts = []
        for seed in range(4):
            await store.claim(claimed(seed=seed, expires_at=NOW + DAY - 1))
            counts.append(count(path))
        await store.aclose()
        return counts

    assert await story() == [1, 2, 3, 1]


async def test_deleted_content_is_not_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
    _, _, responses, *_ = open_stores(path)
    canary = "canary-4711"

    turn = await add_turn(responses, text=canary)
    await responses.delete(turn.owner, turn.id)
    await responses.aclose()
    assert canary.encode() not in path.read_bytes()


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_deleted_content_is_gone_from_the_disk_while_the_file_is_open(tmp_path: Path) -> None:
    """The text stayed in the write-ahead log until an orderly stop."""
    _, _, responses, *_ = open_stores(tmp_path / "antiphon.db")
    canary = "canary-4711"

    turn = await add_turn(responses, text=canary)
    before = everything(tmp_path)
    await responses.delete(turn.owner, turn.id)
    after = everything(tmp_path)
    await responses.aclose()
    assert canary.encode() in before
    assert canary.encode() not in after


async def test_deleted_content_that_a_reader_holds_is_gone_after_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.store.sqlite.database.BUSY_SECONDS", 0.01)
    path = tmp_path / "antiphon.db"
    _, _, responses, *_ = open_stores(path)
    canary = "canary-4711"

    turn = await add_turn(responses, text=canary)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM responses").fetchone()
    await responses.delete(turn.owner, turn.id)
    held = everything(tmp_path)
    reader.close()
    await responses.get(turn.owner, turn.id, NOW)
    after = everything(tmp_path)
    await responses.aclose()
    assert canary.encode() in held
    assert canary.encode() not in after


@pytest.mark.parametrize("there", [False, True], ids=["new", "old"])
async def test_the_file_and_its_log_are_for_their_owner_alone(tmp_path: Path, *, there: bool) -> None:
    path = tmp_path / "antiphon.db"
    if there:
        await SQLite(path).aclose()
        path.chmod(0o644)
    _, _, responses, *_ = open_stores(path)

    async def story() -> dict[str, int]:
        await add_turn(responses)
        found = modes(tmp_path)
        await responses.aclose()
        return found

    assert await story() == dict.fromkeys(("antiphon.db", "antiphon.db-wal", "antiphon.db-shm"), 0o600)


async def test_a_write_whose_caller_gave_up_is_not_written_later(tmp_path: Path) -> None:
    """A run that was told of a failure may not be stored as completed after it."""
    database = SQLite(tmp_path / "antiphon.db")
    begun, go = threading.Event(), threading.Event()

    def work(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO used (tenant, digest, at) VALUES ('acme', 'x', 1)")
        begun.set()
        go.wait(10)

    async def story() -> int:
        writing = asyncio.create_task(database.write(work))
        await asyncio.to_thread(begun.wait, 10)
        writing.cancel()
        await asyncio.wait([writing])
        go.set()
        found: int = await database.read(lambda db: db.execute("SELECT count(*) FROM used").fetchone()[0])
        await database.aclose()
        return found

    assert await story() == 0


async def test_a_write_that_fails_half_way_leaves_nothing(sqlite: Stores, tmp_path: Path) -> None:
    turn = claimed()
    await sqlite.responses.claim(turn)
    with pytest.raises(TypeError):
        await sqlite.responses.commit(replace(ended(turn), response={"what": object()}))
    found = await sqlite.responses.get(OWNER, turn.id, NOW)
    assert found is not None
    assert found.status == "in_progress"


async def test_a_file_locked_by_another_process_for_too_long_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.store.sqlite.database.BUSY_SECONDS", 0.01)
    path = tmp_path / "antiphon.db"
    _, _, responses, *_ = open_stores(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable):
        await responses.claim(claimed())
    await responses.aclose()
    other.close()


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"),
        ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    ],
    ids=["full", "read-only"],
)
async def test_a_full_or_read_only_file_is_unavailable_and_serves_again_without_a_restart(
    tmp_path: Path, breaks: str, mends: str
) -> None:
    database = SQLite(tmp_path / "antiphon.db")
    store = SQLiteResponses(database, lambda: NOW)
    large = claimed(seed=2, input=[{"text": noise(100_000)}])

    async def set_to(pragma: str) -> None:
        for connection in (database._connection, database._here):
            await asyncio.wrap_future(database._worker.submit(connection.execute, pragma))

    first = await add_turn(store, seed=1)
    await set_to(breaks)
    with pytest.raises(StorageUnavailable):
        await store.claim(large)
    assert await store.get(OWNER, large.id, NOW) is None
    assert await store.get(OWNER, first.id, NOW) == first
    await set_to(mends)
    await store.claim(large)
    assert await store.get(OWNER, large.id, NOW) is not None
    assert await store.delete(OWNER, first.id)
    await store.aclose()


async def test_a_file_that_another_process_is_writing_opens_and_is_read(tmp_path: Path) -> None:
    """Opening wrote the schema's number anew, so a restart was refused on a full disk or beside a long write."""
    path = tmp_path / "antiphon.db"
    await SQLite(path).aclose()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    _, directory, *_ = open_stores(path)

    async def story() -> list[User]:
        found = await directory.list_users("acme")
        await directory.aclose()
        return found

    assert await story() == []
    other.close()


@pytest.mark.parametrize("content", [b"this is no database, it is a letter to the editor" * 100])
def test_a_file_that_is_no_database_fails_at_start_naming_the_variable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="ANTIPHON_DATABASE"):
        SQLite(path)
    assert path.read_bytes() == content


def test_a_folder_that_does_not_exist_fails_at_start_naming_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ANTIPHON_DATABASE"):
        SQLite(tmp_path / "nowhere" / "antiphon.db")


def test_a_file_of_another_version_fails_at_start_and_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SettingsError, match="99"):
        SQLite(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()


async def test_a_large_body_is_compressed(sqlite: Stores) -> None:
    turn = await add_turn(sqlite.responses, text="the same words again " * 5000)
    assert turn.size < 3000
    assert (await add_turn(sqlite.responses, seed=1, text=noise(100_000))).size < 90_000


@pytest.mark.parametrize("version", range(1, VERSION))
async def test_a_file_of_an_earlier_schema_is_brought_to_the_present_one(tmp_path: Path, version: int) -> None:
    path = tmp_path / "antiphon.db"
    connection = sqlite3.connect(path)
    for statement in itertools.chain(*_SCHEMAS[:version]):
        connection.execute(statement)
    connection.commit()
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    await SQLite(path).aclose()
    await SQLite(tmp_path / "new.db").aclose()
    assert _tables(path) == _tables(tmp_path / "new.db")


def _tables(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return rows


async def test_keys_of_an_earlier_schema_are_listed(tmp_path: Path) -> None:
    path, key = tmp_path / "antiphon.db", Key("d", "key_1", "acme", "ann", "ap_", created_at=5)
    connection = sqlite3.connect(path)
    for statement in itertools.chain(*_SCHEMAS[:4]):
        connection.execute(statement)
    connection.execute("INSERT INTO keys VALUES ('d', 'acme', 'key_1', ?)", (dump(key),))
    connection.execute("PRAGMA user_version = 4")
    connection.commit()
    connection.close()
    database = SQLite(path)
    page = await SQLiteKeys(database, Trail(lambda: NOW, entropy(0))).some("acme", 9, user="ann")
    await database.aclose()
    assert page.records == [key]


async def test_a_cursor_is_closed_before_it_leaves_the_thread_of_the_connection(tmp_path: Path) -> None:
    """Its end resets its statement, and SQLite refuses with "API misuse" what the thread does with it just then."""
    database = SQLite(tmp_path / "antiphon.db")
    cursor = await database.write(lambda db: db.execute("DELETE FROM used"))
    with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
        cursor.fetchone()
    await database.aclose()
