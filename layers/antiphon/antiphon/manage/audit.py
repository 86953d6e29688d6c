"""The audit log: who changed what."""

from __future__ import annotations

import re
from typing import Final

from antiphon.audit import AuditEntry
from antiphon.manage.audit_words import in_api_words
from antiphon.manage.changes import Document
from antiphon.manage.operator import Operator
from antiphon.manage.pages import no_cursor
from antiphon.ports import AuditFilter, Page, Services

_ID: Final = re.compile(r"[0-9]{16}[0-9a-f]{8}")


async def list_audit(
    services: Services,
    operator: Operator,
    *,
    limit: int,
    after: str = "",
    wanted: AuditFilter = AuditFilter(),  # noqa: B008 (frozen)
    since: float = 0,
) -> Page[Document]:
    """List what was changed, newest first.

    Args:
        services: the adapters.
        operator: who asks, with the right to read the log.
        limit: the most entries.
        after: the id of the entry that they follow; empty for the newest.
        wanted: which entries.
        since: none before this time, in seconds since the epoch.

    Raises:
        ApiError: 403, or there is no entry ``after``.
    """
    operator.require("audit")
    if after and not _ID.fullmatch(after):
        raise no_cursor()
    page = await services.audit.some(operator.tenant, limit, wanted, since=since, after=after or None)
    return Page([entry_document(entry) for entry in page.entries], page.more)


def entry_document(entry: AuditEntry) -> Document:
    """Return an entry as it is shown."""
    actor = entry.actor
    before, after = in_api_words(entry.kind, entry.before, entry.after)
    return {
        "id": entry.id,
        "at": entry.at,
        "actor": {
            "user": actor.user,
            "via": actor.via,
            "key_id": actor.key_id or None,
            "address": actor.address or None,
            "host": actor.host or None,
        },
        "action": entry.action,
        "target": entry.target,
        "before": before,
        "after": after,
        "expires_at": entry.expires_at,
    }
