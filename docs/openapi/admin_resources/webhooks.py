"""Webhooks, and what never reached them."""

from __future__ import annotations

from typing import Literal

from docs.openapi.admin_resources.pages import AdminList
from docs.openapi.shown import Shown


class AdminWebhook(Shown):
    """A webhook, without its secret."""

    object: Literal["admin.webhook"]
    id: str
    name: str
    url: str
    event_types: list[str]
    """The types of events that are sent, such as `response.completed`."""
    created_at: int
    updated_at: int


class AdminNewSecret(AdminWebhook):
    """A webhook whose secret was just made."""

    signing_secret: str
    """The secret. Keep it now."""


class Delivery(Shown):
    """A delivery that failed for good."""

    id: str
    event: str
    """The id of the event, which is the same for all webhooks."""
    webhook: str
    """The id of the webhook."""
    type: str
    response: str
    """The id of the response or approval."""
    user: str
    created_at: int
    attempts: int
    failure: str
    """The status of the last answer, or a word for why there was none."""


class LastFailure(Shown):
    """The last attempt to reach a webhook that failed, also if later ones arrived."""

    type: str
    at: int
    """When it was, in seconds since the epoch."""
    attempts: int
    """How often sending this event had been tried by then."""
    failure: str
    """The status of the answer, or a word for why there was none."""
    advice: str | None
    """What the operator can do about it."""


class AdminWebhookDetails(AdminWebhook):
    """A webhook with what did not reach it."""

    last_failure: LastFailure | None
    failed: list[Delivery]


class AdminWebhookDeleted(Shown):
    """A webhook is gone."""

    object: Literal["admin.webhook.deleted"]
    id: str
    result: Literal["deleted"]


class AdminWebhookTested(Shown):
    """What came of a test."""

    object: Literal["admin.webhook.tested"]
    id: str
    result: Literal["arrived", "failed"]
    failure: str | None
    """The status of the answer, or a word for why there was none."""
    advice: str | None
    """What the operator can do about it."""


class AdminDelivery(Delivery):
    """A delivery in a list."""

    object: Literal["admin.delivery"]


class AdminWebhookList(AdminList):
    """Webhooks by id."""

    data: list[AdminWebhook]


class AdminDeliveryList(AdminList):
    """Deliveries that failed for good, newest first."""

    data: list[AdminDelivery]


WEBHOOK_RESOURCES = (
    AdminWebhook,
    AdminNewSecret,
    AdminWebhookDetails,
    AdminWebhookDeleted,
    AdminWebhookTested,
    AdminWebhookList,
    AdminDeliveryList,
)
