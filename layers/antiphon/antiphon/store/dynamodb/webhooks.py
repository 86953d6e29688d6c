"""Webhooks in the table ``core``, and the deliveries to them that failed for good.

They have a partition for each tenant, which only the functions that send events and manage may read.
"""

from __future__ import annotations

from typing import Final

from antiphon.ports import Page
from antiphon.ports.webhooks import KEPT_SECONDS
from antiphon.records import EventDelivery, FailedAttempt, Webhook, dump, load
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.client import DynamoDB

_BEGUN: Final = "pk = :pk AND begins_with(sk, :begin)"


class DynamoDBWebhooks:
    """The port ``WebhookStore``."""

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table

    async def put(self, webhook: Webhook) -> None:
        """Store a webhook."""
        await self._database.put(
            self._table, {**layout.webhook(webhook.tenant, webhook.id), "document": {"S": dump(webhook).decode()}}
        )

    async def get(self, tenant: str, webhook: str) -> Webhook | None:
        """Read a webhook."""
        row = await self._database.get(self._table, layout.webhook(tenant, webhook)) if layout.is_id(webhook) else None
        return load(Webhook, row["document"]["S"]) if row else None

    async def list_all(self, tenant: str) -> list[Webhook]:
        """List a tenant's webhooks."""
        pk = layout.webhooks(tenant)
        rows = await self._database.query(self._table, _BEGUN, pk=pk, begin=layout.WEBHOOK)
        return [load(Webhook, row["document"]["S"]) for row in rows]

    async def delete(self, tenant: str, webhook: str) -> bool:
        """Remove a webhook; what failed goes with its time."""
        if not layout.is_id(webhook):
            return False
        key = layout.webhook(tenant, webhook)
        answer = await self._database.call("DeleteItem", TableName=self._table, Key=key, ReturnValues="ALL_OLD")
        return bool(answer.get("Attributes"))

    async def give_up(self, delivery: EventDelivery) -> None:
        """Keep a delivery that failed for good."""
        row = {
            **layout.failed_delivery(delivery),
            "document": {"S": dump(delivery).decode()},
            layout.TTL: {"N": str(delivery.created_at + KEPT_SECONDS)},
        }
        await self._database.put(self._table, row)

    async def note_attempt(self, attempt: FailedAttempt) -> None:
        """Keep the last attempt that failed."""
        row = {
            **layout.failed_attempt(attempt.tenant, attempt.webhook),
            "document": {"S": dump(attempt).decode()},
            layout.TTL: {"N": str(attempt.at + KEPT_SECONDS)},
        }
        await self._database.put(self._table, row)

    async def last_attempt(self, tenant: str, webhook: str) -> FailedAttempt | None:
        """Read the last attempt that failed."""
        row = await self._database.get(self._table, layout.failed_attempt(tenant, webhook))
        return load(FailedAttempt, row["document"]["S"]) if row else None

    async def failed(self, tenant: str, limit: int, after: EventDelivery | None = None) -> Page[EventDelivery]:
        """List deliveries that failed for good, newest first."""
        start = None if after is None else layout.failed_delivery(after)
        rows, more = await self._database.page(
            self._table, _BEGUN, limit, start=start, newest_first=True, pk=layout.webhooks(tenant), begin=layout.FAILED
        )
        return Page([load(EventDelivery, row["document"]["S"]) for row in rows], more)
