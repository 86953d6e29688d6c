"""The interface of the audit log. Changes write their own entries, with the change; see ``stores``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from antiphon.audit import AuditEntry, Document
from antiphon.records import Actor


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are meant: those that have all of these; None for any.

    Attributes:
        actor: the user or account that did it.
        kind: what changed: one of ``audit.KINDS``.
        target: what it was done to, such as ``agent:guide``.
    """

    actor: str | None = None
    kind: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A part of the log, newest first.

    Attributes:
        more: whether there are others behind the last one.
    """

    entries: list[AuditEntry]
    more: bool


class AuditLog(Protocol):
    """What was changed, and by whom. Entries are added and read, never changed, and removed when their time is up."""

    async def note(
        self,
        tenant: str,
        by: Actor,
        action: str,
        target: str,
        before: Document | None = None,
        after: Document | None = None,
    ) -> None:
        """Add an entry for what is not a change of keys, people, agents or grants; one conditional write.

        It is called before what it notes, so that nothing happens unnoted.

        Args:
            tenant: whose.
            by: who does it.
            action: what is done, such as ``response.read``.
            target: what it is done to, such as ``response:resp_1``.
            before: what it was, if that changes.
            after: what it will be, if that changes.
        """

    async def some(
        self,
        tenant: str,
        limit: int,
        wanted: AuditFilter = AuditFilter(),
        *,
        since: float = 0,
        after: str | None = None,
    ) -> AuditPage:
        """List at most ``limit`` entries, newest first, consistently; one trip, or two with a filter.

        Args:
            tenant: whose.
            limit: the most entries.
            wanted: which entries.
            since: none before this time, in seconds since the epoch.
            after: the id of the entry that they follow; None for the newest.
        """
