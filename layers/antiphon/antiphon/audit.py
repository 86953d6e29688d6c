"""What is kept of every change: who made it, of what, how it was before and after, and when. Never a secret.

A store writes the entry together with the change, in one transaction: both are there, or neither.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from antiphon.ids import Entropy
from antiphon.records import DAY, Actor, Agent, Grant, Group, Key, Role, Tenant, User, dump

Audited = Tenant | Role | Group | User | Key | Grant | Agent
"""A record whose changes are audited."""

Document = dict[str, Any]

AUDIT_DAYS: Final = 400
"""How long an entry is kept, unless the settings say otherwise."""

KINDS: Final = ("key", "user", "role", "group", "grant", "agent", "tenant", "response", "approval", "webhook")
"""What changes: the limits of a tenant, role or user are among its fields."""

_LEFT_OUT: Final = frozenset({"tenant", "digest", "created_at", "updated_at"})


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change, or one look at what an operator may not look at unseen.

    Attributes:
        id: sorts by time: microseconds since the epoch, then random.
        at: seconds since the epoch.
        actor: who did it.
        action: what was done, such as ``key.revoked``.
        target: what it was done to, such as ``key:key_0123``; of a grant, the agent.
        before, after: the fields that changed; None for what did not exist before, or does not exist any more.
        expires_at: when the entry is removed, in seconds since the epoch.
    """

    tenant: str
    id: str
    at: float
    actor: Actor
    action: str
    target: str
    before: Document | None
    after: Document | None
    expires_at: int

    @property
    def kind(self) -> str:
        """What changed: one of ``KINDS``."""
        return self.action.partition(".")[0]


class Trail:
    """Makes the entries of one process.

    Args:
        clock: returns seconds since the epoch.
        entropy: returns random bytes.
        days: how long an entry is kept.
    """

    def __init__(self, clock: Callable[[], float], entropy: Entropy, days: int = AUDIT_DAYS) -> None:
        self._clock = clock
        self._entropy = entropy
        self._days = days
        self._lock = threading.Lock()
        self._last = 0

    def now(self) -> int:
        """Return the time, in seconds since the epoch."""
        return int(self._clock())

    def entry(
        self,
        by: Actor,
        what: str,
        before: Audited | None,
        after: Audited | None,
        **more: Any,
    ) -> AuditEntry:
        """Return the entry of a change.

        Args:
            by: who makes it.
            what: what is done, such as ``revoked``.
            before: the record as it was; None if there was none.
            after: the record as it is; None if there is none any more.
            more: what else to show of ``after``.
        """
        record = after or before
        assert record is not None
        kind = type(record).__name__.lower()
        shown = None if after is None else document_of(after)
        was = None if before is None else document_of(before)
        if was is not None and shown is not None:
            was, shown = _differing(was, shown)
        if shown is not None:
            shown |= more
        tenant = record.id if isinstance(record, Tenant) else record.tenant
        return self.note(by, tenant, f"{kind}.{what}", _target(record), was, shown)

    def note(
        self, by: Actor, tenant: str, action: str, target: str, before: Document | None, after: Document | None
    ) -> AuditEntry:
        """Return an entry of documents; see ``AuditEntry``."""
        from antiphon.redaction import shown

        micros = self._next()
        return AuditEntry(
            tenant=tenant,
            id=f"{micros:016}{self._entropy(4).hex()}",
            at=micros / 1_000_000,
            actor=by,
            action=action,
            target=target,
            before=None if before is None else shown(before),
            after=None if after is None else shown(after),
            expires_at=micros // 1_000_000 + self._days * DAY,
        )

    def _next(self) -> int:
        """Return the time in microseconds, later than any before: entries of one process are in their order."""
        with self._lock:
            self._last = max(self._last + 1, int(self._clock() * 1_000_000))
            return self._last


def document_of(record: Audited) -> Document:
    """Return the fields of a record by which a change of it is shown."""
    document: Document = json.loads(dump(record))
    if isinstance(record, Agent):
        document["version"] = record.version
    return {name: value for name, value in document.items() if name not in _LEFT_OUT}


def _differing(before: Document, after: Document) -> tuple[Document, Document]:
    """Return what differs; a field that only one has is null in the other."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def _target(record: Audited) -> str:
    if isinstance(record, Grant):
        return f"agent:{record.agent}"
    return f"{type(record).__name__.lower()}:{record.id}"
