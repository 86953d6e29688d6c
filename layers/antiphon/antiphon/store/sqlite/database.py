"""One SQLite file with two connections: one for a thread of its own, one for what is too small to need a thread.

A trip to another thread costs more than reading or writing a few rows (ADR 38). What is small is done at once, on the
event loop's thread, unless somebody else writes just then. It waits neither for a lock nor for the disk.

Durability: WAL with ``synchronous=NORMAL``. What was acknowledged survives the death of the process at any instruction,
for the operating system has it. A power cut may take the last moments with it, and never damages the file; ``FULL``
would add a disk flush to the time to the first token. If that is not enough, use DynamoDB.

Privacy: the file is readable by its owner alone. What is deleted is overwritten in the file, and the write-ahead log is
emptied afterwards, so the text is in neither any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from antiphon.errors import SettingsError, StorageUnavailable

T = TypeVar("T")

VERSION: Final = 8
BUSY_SECONDS: Final = 5.0
"""How long a call waits for another process, such as the command line, to finish its write."""

CHECKPOINT_WRITES: Final = 500
"""How many small writes the write-ahead log takes before the thread writes them to the file."""

PRIVATE: Final = 0o600

_PRIMARY: Final = 0xFF
"""The part of an error code of SQLite that names its kind (SQLite, "Result and Error Codes")."""

_READING: Final = "BEGIN"
_WRITING: Final = "BEGIN IMMEDIATE"
_EMPTY_LOG: Final = "PRAGMA wal_checkpoint(TRUNCATE)"

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA secure_delete = ON",  # what a caller deletes is overwritten
)
_FIRST: Final = (
    """CREATE TABLE keys (
        digest TEXT PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL, document BLOB NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX keys_by_tenant ON keys (tenant, id)",
    "CREATE TABLE used (tenant TEXT, digest TEXT, at INTEGER NOT NULL, PRIMARY KEY (tenant, digest)) WITHOUT ROWID",
    """CREATE TABLE directory (
        tenant TEXT, kind TEXT, id TEXT, document BLOB NOT NULL, PRIMARY KEY (tenant, kind, id)
    ) WITHOUT ROWID""",
    """CREATE TABLE grants (
        tenant TEXT, agent TEXT, principal TEXT, bits INTEGER NOT NULL, PRIMARY KEY (tenant, agent, principal)
    ) WITHOUT ROWID""",
    "CREATE INDEX grants_by_principal ON grants (tenant, principal)",
    """CREATE TABLE responses (
        tenant TEXT, user TEXT, segment TEXT, depth INTEGER, id TEXT NOT NULL,
        status TEXT NOT NULL, lease TEXT NOT NULL, tag TEXT NOT NULL, size INTEGER NOT NULL, expires_at INTEGER,
        document BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (tenant, user, segment, depth)
    )""",
    "CREATE INDEX responses_by_expiry ON responses (expires_at)",
)
_SECOND: Final = (
    """CREATE TABLE reservations (
        tenant TEXT, user TEXT, name TEXT, digest TEXT NOT NULL, response_id TEXT NOT NULL, until REAL NOT NULL,
        expires_at INTEGER NOT NULL, deleted INTEGER NOT NULL, PRIMARY KEY (tenant, user, name)
    ) WITHOUT ROWID""",
    "CREATE INDEX reservations_by_expiry ON reservations (expires_at)",
)
_THIRD: Final = (
    """CREATE TABLE meters (
        tenant TEXT, user TEXT, name TEXT, amount INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, user, name)
    ) WITHOUT ROWID""",
    "CREATE INDEX meters_by_expiry ON meters (expires_at)",
)
_FOURTH: Final = (
    """CREATE TABLE logs (
        tenant TEXT, user TEXT, response_id TEXT, number INTEGER, epoch INTEGER NOT NULL, at REAL NOT NULL,
        data BLOB NOT NULL, last INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, user, response_id, number)
    ) WITHOUT ROWID""",
    "CREATE INDEX logs_by_expiry ON logs (expires_at)",
    """CREATE TABLE runs (
        tenant TEXT, user TEXT, response_id TEXT, at REAL NOT NULL, PRIMARY KEY (tenant, user, response_id)
    ) WITHOUT ROWID""",
)
_FIFTH: Final = (
    "ALTER TABLE keys ADD COLUMN user TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE keys ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0",
    """UPDATE keys SET user = json_extract(CAST(document AS TEXT), '$.user'),
        created_at = coalesce(json_extract(CAST(document AS TEXT), '$.created_at'), 0)""",
    "CREATE INDEX keys_by_age ON keys (tenant, created_at, id)",
    "CREATE INDEX keys_by_user ON keys (tenant, user, created_at, id)",
    "ALTER TABLE responses ADD COLUMN listed_at INTEGER",
    "CREATE INDEX responses_by_age ON responses (tenant, user, listed_at, id) WHERE listed_at IS NOT NULL",
)
_SIXTH: Final = (
    """CREATE TABLE usage (
        tenant TEXT, kind TEXT, id TEXT, day TEXT, name TEXT, amount INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        PRIMARY KEY (tenant, kind, id, day, name)
    ) WITHOUT ROWID""",
    "CREATE INDEX usage_by_expiry ON usage (expires_at)",
)
_SEVENTH: Final = (
    """CREATE TABLE approvals (
        tenant TEXT, id TEXT, revision INTEGER NOT NULL, is_pending INTEGER NOT NULL, created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, document BLOB NOT NULL, PRIMARY KEY (tenant, id)
    ) WITHOUT ROWID""",
    "CREATE INDEX approvals_pending ON approvals (tenant, created_at, id) WHERE is_pending",
)
_EIGHTH: Final = (
    """CREATE TABLE agent_versions (
        tenant TEXT, agent TEXT, version INTEGER, document BLOB NOT NULL, PRIMARY KEY (tenant, agent, version)
    ) WITHOUT ROWID""",
    """CREATE TABLE deleted_agents (
        tenant TEXT, id TEXT, document BLOB NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (tenant, id)
    ) WITHOUT ROWID""",
    """CREATE TABLE audit (
        tenant TEXT, id TEXT, actor TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, document BLOB NOT NULL,
        expires_at INTEGER NOT NULL, PRIMARY KEY (tenant, id)
    ) WITHOUT ROWID""",
    "CREATE INDEX audit_by_actor ON audit (tenant, actor, id)",
    "CREATE INDEX audit_by_kind ON audit (tenant, kind, id)",
    "CREATE INDEX audit_by_target ON audit (tenant, target, id)",
    "CREATE INDEX audit_by_expiry ON audit (expires_at)",
    """CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is not changed'); END""",
    """CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
    WHEN old.expires_at > CAST(strftime('%s', 'now') AS INTEGER)
    BEGIN SELECT RAISE(ABORT, 'the audit log is kept until its time is up'); END""",
)
_SCHEMAS: Final = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH, _SEVENTH, _EIGHTH)
"""What each schema has beyond the one before; a file of an earlier one gets the rest when it is opened."""


class SQLite:
    """One database file for all stores of a process; it is made if it does not exist.

    Raises:
        SettingsError: it cannot be opened, or was made by another version.
    """

    def __init__(self, path: str | Path) -> None:
        self._connection = _open(path)
        self._here = _open_beside(path)
        self._worker = ThreadPoolExecutor(1, "sqlite")
        self._thread: int | None = None
        self._writes = 0
        self._erasing = False

    async def read(self, work: Callable[[sqlite3.Connection], T], *, small: bool = False) -> T:
        """Run some reading on one snapshot.

        Args:
            work: does the reading.
            small: it reads a few rows of a few KB. It may be called twice.

        Raises:
            StorageUnavailable: SQLite could not serve it.
        """
        return await self._run(_READING, work, small=small)

    async def write(self, work: Callable[[sqlite3.Connection], T], *, small: bool = False, erases: bool = False) -> T:
        """Run some writing as one transaction: all of it, or nothing if ``work`` raises or the caller is cancelled.

        Args:
            work: does the writing.
            small: it reads and writes a few rows of a few KB.
            erases: what it deletes must leave the disk: the write-ahead log is emptied afterwards.

        Raises:
            StorageUnavailable: SQLite could not serve it.
        """
        return await self._run(_WRITING, work, small=small, erases=erases)

    async def aclose(self) -> None:
        """Finish what was begun and close the file; calling it again has no effect."""
        await asyncio.to_thread(self._worker.shutdown)
        self._here.close()
        self._connection.close()

    async def _run(
        self, begin: str, work: Callable[[sqlite3.Connection], T], *, small: bool, erases: bool = False
    ) -> T:
        if small and self._is_home():
            with contextlib.suppress(_Locked):
                return self._do_here(begin, work)
        abandoned = threading.Event()
        run = partial(self._do_there, begin, work, abandoned, erases)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, run)
        except asyncio.CancelledError:
            abandoned.set()  # the caller has reported a failure: a later write would contradict it
            raise

    def _is_home(self) -> bool:
        """Return whether this is the one thread that may use the second connection: the first one that asks."""
        thread = threading.get_ident()
        if self._thread is None:
            self._thread = thread
        return self._thread == thread

    def _do_here(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        done = _transaction(self._here, begin, work)
        if begin == _WRITING:
            self._writes += 1
            if self._writes % CHECKPOINT_WRITES == 0:
                self._worker.submit(self._checkpoint)
        return done

    def _do_there(
        self, begin: str, work: Callable[[sqlite3.Connection], T], abandoned: threading.Event, erases: bool
    ) -> T:
        def wanted(db: sqlite3.Connection) -> T:
            done = work(db)
            if abandoned.is_set():
                raise StorageUnavailable("the caller has given up")
            return done

        done = _transaction(self._connection, begin, wanted)
        self._erase(erases)
        return done

    def _erase(self, erases: bool) -> None:
        """Empty the log if something was deleted; if another process reads just now, after the next call."""
        self._erasing = self._erasing or erases
        if self._erasing:
            with contextlib.suppress(sqlite3.OperationalError):
                (busy, _, _) = self._connection.execute(_EMPTY_LOG).fetchone()
                self._erasing = bool(busy)

    def _checkpoint(self) -> None:
        with contextlib.suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


class _Locked(StorageUnavailable):
    """Somebody else writes."""


def _transaction(connection: sqlite3.Connection, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
    try:
        with connection:
            connection.execute(begin)
            done = work(connection)
            if isinstance(done, sqlite3.Cursor):
                done.close()  # elsewhere it would reset a statement that this thread may be using by then
            return done
    except sqlite3.OperationalError as error:
        is_locked = error.sqlite_errorcode & _PRIMARY in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
        raise (_Locked if is_locked else StorageUnavailable)("SQLite did not serve the call") from error


def _open(path: str | Path) -> sqlite3.Connection:
    _make_private(Path(path))
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.Error:
        raise SettingsError("ANTIPHON_DATABASE: the file cannot be opened") from None
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        _prepare(connection)
    except sqlite3.Error:
        connection.close()
        raise SettingsError("ANTIPHON_DATABASE: the file is no database, or cannot be written") from None
    except SettingsError:
        connection.close()
        raise
    _keep_private(Path(path))
    return connection


def _open_beside(path: str | Path) -> sqlite3.Connection:
    """Open a file that is open once more, for what must wait for nothing: no other writer, and no flush to the disk."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    for pragma in (*_PRAGMAS, "PRAGMA wal_autocheckpoint = 0"):
        connection.execute(pragma)
    return connection


def _make_private(path: Path) -> None:
    """Create a missing file that only its owner can read. If that fails, opening it fails too, and is refused there."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE))


def _keep_private(path: Path) -> None:
    """Restrict a file of an earlier version to its owner. SQLite's log and index get the mode of the file."""
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        with contextlib.suppress(OSError):
            file.chmod(PRIVATE)


def _prepare(connection: sqlite3.Connection) -> None:
    """Bring the file to the present schema. If it has that, nothing is written, even on a full disk or under a lock."""
    if _version(connection) == VERSION:
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement in itertools.chain(*_SCHEMAS[_version(connection) :]):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if not 0 <= version <= VERSION:
        raise SettingsError(f"ANTIPHON_DATABASE: the file has schema {version}, this version reads {VERSION}")
    return version
