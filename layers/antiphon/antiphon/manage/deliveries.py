"""Deliveries to webhooks that failed for good; they are kept for 30 days."""

from __future__ import annotations

from typing import Final

from antiphon.manage.changes import Document
from antiphon.manage.operator import Operator
from antiphon.manage.pages import no_cursor, shown
from antiphon.ports import Page, Services
from antiphon.records import EventDelivery, Webhook
from antiphon.webhooks.events import event_id

LOOKED_AT: Final = 100
"""How many of a tenant's deliveries are read to find those of one webhook."""

_PARTS: Final = 4
_DIGITS: Final = 11


async def list_failed(
    services: Services, operator: Operator, *, limit: int, after: str | None = None
) -> Page[Document]:
    """List the deliveries that failed for good, newest first.

    Raises:
        ApiError: 403, or ``after`` is not the id of a delivery.
    """
    operator.require("webhooks")
    last = None if after is None else _delivery(operator.tenant, after)
    return shown(await services.webhooks().failed(operator.tenant, limit, last), delivery_document)


async def failed_for(services: Services, webhook: Webhook) -> list[Document]:
    """Return the deliveries to a webhook among the newest ``LOOKED_AT`` that failed for good."""
    page = await services.webhooks().failed(webhook.tenant, LOOKED_AT)
    return [delivery_document(each) for each in page.records if each.webhook == webhook.id]


def delivery_document(delivery: EventDelivery) -> Document:
    """Return a delivery as it is shown."""
    return {
        "id": f"{delivery.created_at}.{delivery.webhook}.{delivery.subject}.{delivery.type}",
        "event": event_id(delivery),
        "webhook": delivery.webhook,
        "type": delivery.type,
        "response": delivery.subject,
        "user": delivery.user,
        "created_at": delivery.created_at,
        "attempts": delivery.attempts,
        "failure": delivery.failure,
    }


def _delivery(tenant: str, id: str) -> EventDelivery:
    """Return the delivery that an id of ``delivery_document`` names, as far as the order of the list needs it."""
    parts = id.split(".", _PARTS - 1)
    at = parts[0]
    if len(parts) != _PARTS or not (at.isascii() and at.isdecimal() and len(at) <= _DIGITS):
        raise no_cursor()
    return EventDelivery(tenant, parts[1], "", parts[2], parts[3], int(at))
