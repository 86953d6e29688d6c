"""Deliver events: one attempt, and when the next one is.

An event is delivered at least once, and in no particular order. Each attempt is signed anew, with its own time.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import lru_cache
from typing import Final

from antiphon.errors import StorageUnavailable, trace
from antiphon.ports.services import Clock
from antiphon.ports.webhooks import Outbox, Post, WebhookStore
from antiphon.records import EventDelivery, FailedAttempt
from antiphon.webhooks.events import event_body, event_id, signed_headers

SECONDS: Final = 15.0
"""How long a receiver may take to answer, as Standard Webhooks advises."""

PAUSES: Final = (5, 60, 300, 1800, 7200, 18_000, 36_000, 43_200)
"""Seconds before each further attempt: nine in about 30 hours."""

AT_ONCE: Final = 16
"""How many deliveries one process sends at the same time."""

LOOK_SECONDS: Final = 1.0
"""How often a process looks for what is due."""

HOSTS: Final = "ANTIPHON_WEBHOOK_HOSTS (on AWS: WebhookHosts)"
"""The setting that names the hosts of webhooks."""

NOT_ALLOWED: Final = "not_allowed"
"""The failure of an attempt that ``HOSTS`` does not allow."""

_LOGGED: Final = 1024
"""How many webhooks a process remembers as logged."""

log: Final = logging.getLogger("antiphon.webhooks")


async def attempt(webhooks: WebhookStore, post: Post, delivery: EventDelivery, now: float) -> EventDelivery | None:
    """Send a delivery once. Return it with its failure, which is noted; None if it arrived, or its webhook is gone."""
    webhook = await webhooks.get(delivery.tenant, delivery.webhook)
    if webhook is None:
        return None
    body = event_body(delivery)
    failure = await post(webhook.url, signed_headers(delivery, body, webhook.secrets, now), body, SECONDS)
    if not failure:
        return None
    failed = replace(delivery, attempts=delivery.attempts + 1, failure=failure)
    if failure == NOT_ALLOWED:
        _log_refusal(webhook.tenant, webhook.id)
    await webhooks.note_attempt(
        FailedAttempt(webhook.tenant, webhook.id, failed.type, int(now), failed.attempts, failure)
    )
    return failed


@lru_cache(_LOGGED)
def _log_refusal(tenant: str, webhook: str) -> None:
    """Log that a webhook is not called, once in a process."""
    names = {"tenant": tenant, "webhook": webhook}
    log.warning("webhook not called: its host is not allowed by %s", HOSTS, extra=names)


def pause_after(failed: EventDelivery) -> int | None:
    """Return the seconds until the next attempt; None if there is none."""
    return PAUSES[failed.attempts - 1] if failed.attempts <= len(PAUSES) else None


async def give_up(webhooks: WebhookStore, failed: EventDelivery) -> None:
    """Keep a delivery that failed for good, and log it."""
    names = {"webhook": failed.webhook, "event_id": event_id(failed), "failure": failed.failure}
    log.error("webhook not delivered", extra=names)
    await webhooks.give_up(failed)


async def deliver_due(outbox: Outbox, post: Post, clock: Clock) -> int:
    """Send what is due, and return how much that was."""
    due = await outbox.due(clock(), AT_ONCE)
    await asyncio.gather(*(_deliver(outbox, post, delivery, clock) for delivery in due))
    return len(due)


async def deliver_forever(outbox: Outbox, post: Post, clock: Clock, look_seconds: float = LOOK_SECONDS) -> None:
    """Send what is due until it is cancelled. What was not sent by then is sent by the next process."""
    while True:
        try:
            sent = await deliver_due(outbox, post, clock)
        except StorageUnavailable as error:
            log.warning("webhooks wait", extra={"error": trace(error)})
            sent = 0
        if sent < AT_ONCE:
            await asyncio.sleep(look_seconds)


async def _attempted(outbox: Outbox, post: Post, delivery: EventDelivery, now: float) -> EventDelivery | None:
    """Make an attempt. A webhook that cannot be used fails like any other, and does not stop the others."""
    try:
        return await attempt(outbox, post, delivery, now)
    except StorageUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a stored webhook makes go wrong
        log.error("delivery not attempted", extra={"error": trace(error)})  # noqa: TRY400 (its message may hold a secret)
        return replace(delivery, attempts=delivery.attempts + 1, failure="internal_error")


async def _deliver(outbox: Outbox, post: Post, delivery: EventDelivery, clock: Clock) -> None:
    failed = await _attempted(outbox, post, delivery, clock())
    if failed is None:
        await outbox.done(delivery)
        return
    pause = pause_after(failed)
    if pause is None:
        await give_up(outbox, failed)
    else:
        await outbox.put_off(failed, clock() + pause)
