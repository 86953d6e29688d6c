"""Entries of the audit log."""

from __future__ import annotations

from typing import Any, Literal

from docs.openapi.admin_resources.pages import AdminList
from docs.openapi.shown import Shown


class AdminActor(Shown):
    """Who did something, with which credentials, and from where."""

    user: str
    """The user of the key; of the command line the account of whoever ran it."""
    via: Literal["http", "cli", "console", "server"]
    key_id: str | None
    address: str | None
    host: str | None


class AdminAuditEntry(Shown):
    """One change."""

    object: Literal["admin.audit.entry"]
    id: str
    at: float
    actor: AdminActor
    action: str
    """Such as `key.revoked`."""
    target: str
    """Such as `key:key_0123`."""
    before: dict[str, Any] | None
    """The fields that changed, as they were; null if there was nothing."""
    after: dict[str, Any] | None
    """The same fields, as they are; null if there is nothing any more."""
    expires_at: int


class AdminAuditList(AdminList):
    """Entries of the audit log, newest first."""

    data: list[AdminAuditEntry]
