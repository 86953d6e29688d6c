"""The interfaces of webhooks: where they are kept, what is on its way to them, and what sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from antiphon.ports.stores import Page
from antiphon.records import EventDelivery, FailedAttempt, Webhook


class WebhookStore(Protocol):
    """Webhooks, and the deliveries to them that failed for good."""

    async def put(self, webhook: Webhook) -> None:
        """Store a webhook; it replaces an earlier one of the same id."""

    async def get(self, tenant: str, webhook: str) -> Webhook | None:
        """Read a webhook; None if there is none."""

    async def list_all(self, tenant: str) -> list[Webhook]:
        """List a tenant's webhooks, by id."""

    async def delete(self, tenant: str, webhook: str) -> bool:
        """Remove a webhook with its deliveries; return whether it existed."""

    async def give_up(self, delivery: EventDelivery) -> None:
        """Keep a delivery that failed for good, for ``KEPT_SECONDS``."""

    async def note_attempt(self, attempt: FailedAttempt) -> None:
        """Keep the last attempt to reach a webhook that failed, in place of an earlier one, for ``KEPT_SECONDS``."""

    async def last_attempt(self, tenant: str, webhook: str) -> FailedAttempt | None:
        """Read the last attempt to reach a webhook that failed; None if there is none."""

    async def failed(self, tenant: str, limit: int, after: EventDelivery | None = None) -> Page[EventDelivery]:
        """List at most ``limit`` deliveries that failed for good, newest first, in one trip.

        Args:
            tenant: whose webhooks they were for.
            limit: the most deliveries.
            after: the delivery that they follow, which need not be stored any more; None for the newest.
        """


@runtime_checkable
class Outbox(WebhookStore, Protocol):
    """The same, with what is still to be sent. Ending a response puts its events there, in the same transaction."""

    async def due(self, now: float, limit: int) -> list[EventDelivery]:
        """List the deliveries whose time has come, the longest due first."""

    async def put_off(self, delivery: EventDelivery, until: float) -> None:
        """Keep a delivery that failed until its next attempt."""

    async def done(self, delivery: EventDelivery) -> None:
        """Remove a delivery that arrived."""


class Post(Protocol):
    """Sends a request to a URL that somebody else chose."""

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> str:
        """Send a body once, and wait for an answer at most so long.

        Return an empty text for an answer with a status of 2xx; else the status, or a word for why there was none.
        """


KEPT_SECONDS = 30 * 86_400
"""How long a delivery that failed for good is kept."""
