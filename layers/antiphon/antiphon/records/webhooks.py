"""Webhooks, their secrets, and the deliveries of events to them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A secret that signs what is sent to a webhook.

    Attributes:
        text: in the form of Standard Webhooks, ``whsec_`` and base64.
        expires_at: seconds since the epoch; None for the newest.
    """

    text: str = field(repr=False)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint of another system that events are sent to.

    Attributes:
        event_types: the types of events that are sent, such as ``response.completed``.
        secrets: the newest first; each signs until it expires.
    """

    tenant: str
    id: str
    url: str
    event_types: tuple[str, ...]
    secrets: tuple[WebhookSecret, ...]
    created_at: int
    updated_at: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class EventDelivery:
    """An event on its way to a webhook.

    Attributes:
        webhook: the webhook's id.
        user: the id of the user who owns the response.
        subject: the id of the response, or of the approval.
        type: the event's type, such as ``response.completed``.
        created_at: when it happened, in seconds since the epoch.
        attempts: how often sending it was tried.
        failure: why the last attempt failed: a status code or a word; empty if none has failed.
    """

    tenant: str
    webhook: str
    user: str
    subject: str
    type: str
    created_at: int
    attempts: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """The last attempt to send an event to a webhook that failed. It names no user and no response.

    Attributes:
        webhook: the webhook's id.
        type: the event's type, such as ``response.completed``.
        at: when it was, in seconds since the epoch.
        attempts: how often sending this event had been tried by then.
        failure: a status code or a word.
    """

    tenant: str
    webhook: str
    type: str
    at: int
    attempts: int
    failure: str
