"""What an event is: its type, its id, its body, and the headers that sign it.

The form is that of Standard Webhooks (github.com/standard-webhooks/standard-webhooks) with the body of OpenAI's events,
so that ``client.webhooks.unwrap`` of OpenAI's packages verifies and reads it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import orjson

from antiphon.ids import Entropy
from antiphon.records import EventDelivery, WebhookSecret

ENDED: Final = ("completed", "failed", "incomplete", "cancelled")
"""The statuses with which a response ends."""

TYPES: Final = (*(f"response.{status}" for status in ENDED), "approval.requested")
"""All types of events."""

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def event_id(delivery: EventDelivery) -> str:
    """Return the id of an event: the same in each attempt and for each webhook, so that a repetition is noticed."""
    happened = f"{delivery.tenant}\n{delivery.user}\n{delivery.subject}\n{delivery.type}"
    return f"evt_{hashlib.sha256(happened.encode()).hexdigest()[:32]}"


def event_body(delivery: EventDelivery) -> bytes:
    """Return the body: what happened to which response, and nothing of its content."""
    return orjson.dumps(
        {
            "id": event_id(delivery),
            "object": "event",
            "created_at": delivery.created_at,
            "type": delivery.type,
            "data": {"id": delivery.subject},
        }
    )


def signed_headers(
    delivery: EventDelivery, body: bytes, secrets: Sequence[WebhookSecret], now: float
) -> dict[str, str]:
    """Return the headers of an attempt, signed by every secret that has not expired."""
    signed = f"{event_id(delivery)}.{int(now)}.".encode() + body
    valid = [secret for secret in secrets if secret.expires_at is None or secret.expires_at > now]
    return {
        "content-type": "application/json",
        "webhook-id": event_id(delivery),
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in valid),
    }


def new_secret(entropy: Entropy) -> WebhookSecret:
    """Draw a secret."""
    return WebhookSecret(_PREFIX + base64.b64encode(entropy(_SECRET_BYTES)).decode())


def _signature(secret: WebhookSecret, signed: bytes) -> str:
    key = base64.b64decode(secret.text.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
