"""Read the stream of the table ``responses``: which responses have ended, and which calls wait for an approval."""

from __future__ import annotations

import base64
from typing import Any, Final

from antiphon.records import Approval, EventDelivery, load
from antiphon.store.dynamodb import layout

RUNNING: Final = frozenset({"queued", "in_progress", "cancelling"})
ENDED: Final = frozenset({"completed", "failed", "incomplete", "cancelled"})
"""What the attribute ``status`` is before and after the end; the filter of the template has the same."""


def event_in(record: dict[str, Any]) -> EventDelivery | None:
    """Return the event of a record of the stream, for no webhook yet; None if nothing happened that is one.

    Args:
        record: as Lambda passes it, with the images before and after.
    """
    change = record.get("dynamodb", {})
    before, after = change.get("OldImage", {}), change.get("NewImage", {})
    if not before and _text(after, "pk").startswith(layout.PENDING):
        asked = load(Approval, base64.b64decode(after["document"]["B"]))
        return EventDelivery(asked.owner.tenant, "", asked.owner.user, asked.id, "approval.requested", asked.created_at)
    status = _text(after, "status")
    if _text(before, "status") not in RUNNING or status not in ENDED:
        return None
    owner = layout.owner_of(_text(after, "pk"))
    at = int(change.get("ApproximateCreationDateTime", 0))
    return EventDelivery(owner.tenant, "", owner.user, _text(after, "id"), f"response.{status}", at)


def _text(image: dict[str, Any], name: str) -> str:
    found: str = image.get(name, {}).get("S", "")
    return found
