"""Webhooks in the table ``core``, and the deliveries to them that failed for good.

They have a partition for each tenant, which only the function that sends events may read.
"""

from __future__ import annotations

from antiphon.ports.webhooks import KEPT_SECONDS, MAX_LISTED
from antiphon.records import EventDelivery, Webhook, dump, load
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.layout import Row


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
        rows = await self._begun(tenant, layout.WEBHOOK)
        return [load(Webhook, row["document"]["S"]) for row in rows]

    async def delete(self, tenant: str, webhook: str) -> bool:
        """Remove a webhook; the deliveries that failed go with their time."""
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

    async def list_failed(self, tenant: str) -> list[EventDelivery]:
        """List the deliveries that failed for good, newest first."""
        rows = await self._begun(tenant, layout.FAILED)
        return [load(EventDelivery, row["document"]["S"]) for row in reversed(rows)][:MAX_LISTED]

    async def _begun(self, tenant: str, begin: str) -> list[Row]:
        where = "pk = :pk AND begins_with(sk, :begin)"
        return await self._database.query(self._table, where, pk=layout.webhooks(tenant), begin=begin)
