"""The stores in one SQLite file, over the standard library: the embedded default of a local service."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from antiphon.audit import AUDIT_DAYS, Trail
from antiphon.store.sqlite.approvals import SQLiteApprovals
from antiphon.store.sqlite.audit import SQLiteAudit
from antiphon.store.sqlite.conversations import SQLiteConversations
from antiphon.store.sqlite.database import SQLite
from antiphon.store.sqlite.directory import SQLiteDirectory
from antiphon.store.sqlite.keys import SQLiteKeys
from antiphon.store.sqlite.meter import SQLiteMeter
from antiphon.store.sqlite.runs import SQLiteRuns
from antiphon.store.sqlite.usage import SQLiteUsage


def open_stores(
    path: str | Path | SQLite, *, audit_days: int = AUDIT_DAYS
) -> tuple[
    SQLiteKeys,
    SQLiteDirectory,
    SQLiteConversations,
    SQLiteMeter,
    SQLiteRuns,
    SQLiteApprovals,
    SQLiteUsage,
    SQLiteAudit,
]:
    """Open the stores of one file, which is made if it does not exist, or of one that is open.

    Args:
        path: the file.
        audit_days: how long an entry of the audit log is kept.

    Raises:
        SettingsError: it cannot be opened.
    """
    database = path if isinstance(path, SQLite) else SQLite(path)
    trail = Trail(time.time, secrets.token_bytes, audit_days)
    return (
        SQLiteKeys(database, trail),
        SQLiteDirectory(database, trail),
        SQLiteConversations(database),
        SQLiteMeter(database),
        SQLiteRuns(database),
        SQLiteApprovals(database),
        SQLiteUsage(database),
        SQLiteAudit(database, trail),
    )
