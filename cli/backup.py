"""`antiphon backup` and `restore`: a copy of all that is stored, in one file for its owner alone.

Of a local database the file is an SQLite database; of tables it is what ``cli.table_backup`` writes. A backup can be
made while a server runs. Restoring a database needs that no process uses it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from argparse import Namespace
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Final

from antiphon.store.sqlite.database import VERSION
from cli import target
from cli.output import Output, Refused, Unreachable
from cli.private_files import require_new, written
from local.state import ASIDE, alone, make_private

_FILES: Final = ("", "-wal", "-shm")
"""How the names of a database and of its logs end."""

_MOST_ASIDE: Final = 100


async def back_up(args: Namespace) -> Output:
    """Write a file with all that is stored, check it, and return its digest."""
    where, file = _target(args), Path(args.file)
    require_new(file)
    with written(file) as part:
        if where.database is None:
            from cli.table_backup import save  # noqa: PLC0415 (the client of the tables)

            await save(where.settings, part)
        else:
            _save(where.database, part)
    digest, place = _digest(file), _place(where)
    return Output({"file": str(file), "sha256": digest, "of": place}, f"{digest}  {file}", (f"a backup of {place}",))


async def restore(args: Namespace) -> Output:
    """Put the content of a backup in the place of a database, or into empty tables."""
    where, file = _target(args), Path(args.file)
    _require_same(file, args.sha256)
    if where.database is None:
        from cli.table_backup import load  # noqa: PLC0415 (as above)

        rows = await load(where.settings, file)
        return Output({"file": str(file), "rows": rows}, f"restored  {_place(where)}  ({rows} rows)")
    _check(file)
    before = _restore(where, where.database, file)
    notes = (f"what was there before is in {before}",) if before else ()
    return Output({"file": str(file), "before": str(before) if before else None}, f"restored  {_place(where)}", notes)


def _require_same(file: Path, digest: str | None) -> None:
    if not file.is_file():
        raise Refused(f"{file}: there is no such file")
    if digest is not None and _digest(file) != digest.lower():
        raise Refused(f"{file} is not the backup of this digest: it was changed or is cut off")


def _target(args: Namespace) -> target.Target:
    target.use_region(args, os.environ)
    return target.find(args, os.environ)


def _place(where: target.Target) -> str:
    if where.database is not None:
        return f"the database {where.database}"
    return f"the tables {where.settings.core_table} and {where.settings.responses_table}"


def _save(database: Path, part: Path) -> None:
    """Copy a database as it is at one moment. Its writers do not wait."""
    if not database.is_file():
        raise Refused(f"there is no database at {database}")
    try:
        with (
            closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True)) as source,
            closing(sqlite3.connect(part)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise Unreachable(f"the database {database} cannot be read: {error}") from None
    _check(part)


def _check(file: Path) -> None:
    """Check that a file is a whole database of a version that this program reads.

    Raises:
        Refused: it is not.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            found = [row[0] for row in database.execute("PRAGMA integrity_check")]
    except sqlite3.DatabaseError:
        raise Refused(f"{file} is not the backup of a database") from None
    if found != ["ok"]:
        raise Refused(f"{file} is damaged: {found[0]}")
    if not 1 <= version <= VERSION:
        raise Refused(f"{file} has schema {version}; this version reads 1 to {VERSION}")


def _restore(where: target.Target, database: Path, file: Path) -> Path | None:
    """Replace a database by a backup. Return the new name of the earlier database; None if there was none."""
    if where.is_local:
        make_private(database.parent)
    with alone(database.parent) if where.is_local else nullcontext(True) as free:
        if not free or not _is_free(database):
            raise Refused(f"a server or another program uses {database}: stop it first")
        restored = database.with_name(f"{database.name}.restored")
        with written(restored) as part:
            shutil.copyfile(file, part)
        before = _set_aside(database)
        restored.replace(database)
    return before


def _is_free(database: Path) -> bool:
    """Return whether no process has a database open; what is in its write-ahead log is in the file then."""
    if not database.exists():
        return True
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:
            return False
        except sqlite3.DatabaseError:
            return True  # it is damaged, which is why it is restored
    return True


def _set_aside(database: Path) -> Path | None:
    """Rename a database, and its write-ahead log, which SQLite would otherwise apply to the restored file.

    Return the new name; None if there was no database.
    """
    aside = _free_name(database)
    for end in _FILES:
        file = database.with_name(database.name + end)
        if file.exists():
            file.replace(aside.with_name(aside.name + end))
    return aside if aside.exists() else None


def _free_name(database: Path) -> Path:
    """Return a name under which no database was set aside before.

    Raises:
        Refused: there is none.
    """
    for number in range(1, _MOST_ASIDE + 1):
        name = database.with_name(f"{database.name}{ASIDE}" + (f"-{number}" if number > 1 else ""))
        if not any(name.with_name(name.name + end).exists() for end in _FILES):
            return name
    raise Refused(f"{_MOST_ASIDE} databases were set aside beside {database}: remove those that nobody needs")


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
