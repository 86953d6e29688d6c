"""Webhooks in SQLite, and the outbox of what is to be sent to them.

Triggers put an event into the outbox when a response ends or a call waits for an approval, in the transaction that
stores that, whoever does it. Tables and triggers are made with the first webhook: without one, nothing costs more.
"""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any, Final

from antiphon.ports import Page
from antiphon.ports.webhooks import KEPT_SECONDS
from antiphon.records import EventDelivery, FailedAttempt, Webhook, dump, load
from antiphon.store.sqlite.database import SQLite

_MAKE: Final = (
    """CREATE TABLE IF NOT EXISTS webhooks (
        tenant TEXT, id TEXT, types TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (tenant, id)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS outbox (
        tenant TEXT, webhook TEXT, subject TEXT, type TEXT, user TEXT NOT NULL, created_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL, failure TEXT NOT NULL, due REAL, PRIMARY KEY (tenant, webhook, subject, type)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS outbox_by_due ON outbox (due)",
    """CREATE INDEX IF NOT EXISTS outbox_failed ON outbox (tenant, created_at, webhook, subject, type)
    WHERE due IS NULL""",
    """CREATE TRIGGER IF NOT EXISTS response_ended AFTER UPDATE OF status ON responses
    WHEN NEW.status IN ('completed', 'failed', 'incomplete', 'cancelled')
        AND OLD.status IN ('queued', 'in_progress', 'cancelling')
    BEGIN
        INSERT OR IGNORE INTO outbox
        SELECT NEW.tenant, id, NEW.id, 'response.' || NEW.status, NEW.user, unixepoch(), 0, '', unixepoch()
        FROM webhooks WHERE tenant = NEW.tenant AND instr(types, ' response.' || NEW.status || ' ');
    END""",
    """CREATE TRIGGER IF NOT EXISTS approval_requested AFTER INSERT ON approvals WHEN NEW.is_pending
    BEGIN
        INSERT OR IGNORE INTO outbox
        SELECT NEW.tenant, id, NEW.id, 'approval.requested',
            json_extract(CAST(NEW.document AS TEXT), '$.owner.user'), NEW.created_at, 0, '', unixepoch()
        FROM webhooks WHERE tenant = NEW.tenant AND instr(types, ' approval.requested ');
    END""",
)
_MAKE_ATTEMPTS: Final = """CREATE TABLE IF NOT EXISTS failed_attempts (
        tenant TEXT, webhook TEXT, at INTEGER NOT NULL, document BLOB NOT NULL, PRIMARY KEY (tenant, webhook)
    ) WITHOUT ROWID"""
_ATTEMPTS_ARE_MADE: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'failed_attempts'"
_NOTE_ATTEMPT: Final = "INSERT OR REPLACE INTO failed_attempts (tenant, webhook, at, document) VALUES (?, ?, ?, ?)"
_LAST_ATTEMPT: Final = """
    SELECT document FROM failed_attempts WHERE tenant = ? AND webhook = ? AND at >= unixepoch() - ?"""
_ARE_MADE: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'outbox'"
_PUT: Final = "INSERT OR REPLACE INTO webhooks (tenant, id, types, document) VALUES (?, ?, ?, ?)"
_DUE: Final = """
    SELECT tenant, webhook, user, subject, type, created_at, attempts, failure FROM outbox
    WHERE due <= ? ORDER BY due LIMIT ?"""
_FAILED: Final = """
    SELECT tenant, webhook, user, subject, type, created_at, attempts, failure FROM outbox
    WHERE tenant = :tenant AND due IS NULL
        AND (created_at, webhook, subject, type) < (:created_at, :webhook, :subject, :type)
    ORDER BY created_at DESC, webhook DESC, subject DESC, type DESC LIMIT :limit"""
_UPDATE: Final = """
    UPDATE outbox SET attempts = :attempts, failure = :failure, due = :due
    WHERE tenant = :tenant AND webhook = :webhook AND subject = :subject AND type = :type"""
_DONE: Final = """
    DELETE FROM outbox WHERE tenant = :tenant AND webhook = :webhook AND subject = :subject AND type = :type"""
_NEVER: Final = 2**62
"""Later than any time."""
_SWEEP: Final = "DELETE FROM outbox WHERE tenant = ? AND due IS NULL AND created_at < unixepoch() - ?"


class SQLiteWebhooks:
    """The ports ``WebhookStore`` and ``Outbox``."""

    def __init__(self, database: SQLite) -> None:
        self._database = database

    async def put(self, webhook: Webhook) -> None:
        """Store a webhook."""
        values = (webhook.tenant, webhook.id, f" {' '.join(webhook.event_types)} ", dump(webhook))

        def work(db: Connection) -> None:
            for statement in _MAKE:
                db.execute(statement)
            db.execute(_PUT, values)

        await self._database.write(work)

    async def get(self, tenant: str, webhook: str) -> Webhook | None:
        """Read a webhook."""
        rows = await self._rows("SELECT document FROM webhooks WHERE tenant = ? AND id = ?", (tenant, webhook))
        return load(Webhook, rows[0][0]) if rows else None

    async def list_all(self, tenant: str) -> list[Webhook]:
        """List a tenant's webhooks."""
        rows = await self._rows("SELECT document FROM webhooks WHERE tenant = ? ORDER BY id", (tenant,))
        return [load(Webhook, document) for (document,) in rows]

    async def delete(self, tenant: str, webhook: str) -> bool:
        """Remove a webhook with its deliveries."""

        def work(db: Connection) -> bool:
            if not _are_made(db):
                return False
            db.execute("DELETE FROM outbox WHERE tenant = ? AND webhook = ?", (tenant, webhook))
            if db.execute(_ATTEMPTS_ARE_MADE).fetchone():
                db.execute("DELETE FROM failed_attempts WHERE tenant = ? AND webhook = ?", (tenant, webhook))
            return db.execute("DELETE FROM webhooks WHERE tenant = ? AND id = ?", (tenant, webhook)).rowcount > 0

        return await self._database.write(work, erases=True)

    async def give_up(self, delivery: EventDelivery) -> None:
        """Keep a delivery that failed for good, and drop those that were kept long enough."""

        def work(db: Connection) -> None:
            db.execute(_SWEEP, (delivery.tenant, KEPT_SECONDS))
            db.execute(_UPDATE, {**_values(delivery), "due": None})

        await self._database.write(work)

    async def note_attempt(self, attempt: FailedAttempt) -> None:
        """Keep the last attempt that failed. Its table is made with the first one."""
        values = (attempt.tenant, attempt.webhook, attempt.at, dump(attempt))

        def work(db: Connection) -> None:
            db.execute(_MAKE_ATTEMPTS)
            db.execute(_NOTE_ATTEMPT, values)

        await self._database.write(work)

    async def last_attempt(self, tenant: str, webhook: str) -> FailedAttempt | None:
        """Read the last attempt that failed."""

        def work(db: Connection) -> Any:
            if db.execute(_ATTEMPTS_ARE_MADE).fetchone() is None:
                return None
            return db.execute(_LAST_ATTEMPT, (tenant, webhook, KEPT_SECONDS)).fetchone()

        row = await self._database.read(work)
        return load(FailedAttempt, row[0]) if row else None

    async def failed(self, tenant: str, limit: int, after: EventDelivery | None = None) -> Page[EventDelivery]:
        """List deliveries that failed for good, newest first."""
        last = after or EventDelivery(tenant, "", "", "", "", _NEVER)
        values = {**_values(last), "tenant": tenant, "created_at": last.created_at, "limit": limit + 1}
        rows = await self._rows(_FAILED, values)
        return Page([EventDelivery(*row) for row in rows[:limit]], len(rows) > limit)

    async def due(self, now: float, limit: int) -> list[EventDelivery]:
        """List what is due."""
        return [EventDelivery(*row) for row in await self._rows(_DUE, (now, limit))]

    async def put_off(self, delivery: EventDelivery, until: float) -> None:
        """Note a failed attempt, and when the next one is."""
        await self._database.write(lambda db: db.execute(_UPDATE, {**_values(delivery), "due": until}))

    async def done(self, delivery: EventDelivery) -> None:
        """Remove a delivery that arrived."""
        await self._database.write(lambda db: db.execute(_DONE, _values(delivery)))

    async def aclose(self) -> None:
        """Close the file, which all stores of the process share."""
        await self._database.aclose()

    async def _rows(self, sql: str, values: Any) -> list[Any]:
        return await self._database.read(lambda db: db.execute(sql, values).fetchall() if _are_made(db) else [])


def _are_made(db: Connection) -> bool:
    return db.execute(_ARE_MADE).fetchone() is not None


def _values(delivery: EventDelivery) -> dict[str, Any]:
    names = ("tenant", "webhook", "subject", "type", "attempts", "failure")
    return {name: getattr(delivery, name) for name in names}
