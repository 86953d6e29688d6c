"""The stores in one SQLite file, over the standard library: the embedded default of a local service."""

from __future__ import annotations

from pathlib import Path

from antiphon.store.sqlite.approvals import SQLiteApprovals
from antiphon.store.sqlite.conversations import SQLiteConversations
from antiphon.store.sqlite.database import SQLite
from antiphon.store.sqlite.directory import SQLiteDirectory
from antiphon.store.sqlite.keys import SQLiteKeys
from antiphon.store.sqlite.meter import SQLiteMeter
from antiphon.store.sqlite.runs import SQLiteRuns
from antiphon.store.sqlite.usage import SQLiteUsage


def open_stores(
    path: str | Path,
) -> tuple[SQLiteKeys, SQLiteDirectory, SQLiteConversations, SQLiteMeter, SQLiteRuns, SQLiteApprovals, SQLiteUsage]:
    """Open the stores of one file, which is made if it does not exist.

    Raises:
        SettingsError: it cannot be opened.
    """
    database = SQLite(path)
    return (
        SQLiteKeys(database),
        SQLiteDirectory(database),
        SQLiteConversations(database),
        SQLiteMeter(database),
        SQLiteRuns(database),
        SQLiteApprovals(database),
        SQLiteUsage(database),
    )
