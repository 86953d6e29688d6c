"""Approvals in DynamoDB: a row each and, while nobody has decided, the same once more for lists.

Both are written together. A list reads only what waits, however many approvals were decided.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.ports import Page
from antiphon.records import DAY, Approval, dump, load
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.client import ConditionFailed, DynamoDB
from antiphon.store.dynamodb.layout import Row

KEEP_SECONDS: Final = 30 * DAY
"""How long an approval is kept after it has expired."""


class DynamoDBApprovals:
    """The port ``ApprovalStore``."""

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table

    async def save(self, approval: Approval) -> bool:
        """Store an approval, if the stored one has the revision before it, or none is stored and it is the first."""
        try:
            await self._database.transact([self._put(approval), *self._listed(approval)])
        except ConditionFailed:
            return await self.get(approval.owner.tenant, approval.id) == approval
        return True

    async def get(self, tenant: str, approval_id: str) -> Approval | None:
        """Read an approval, consistently; one trip."""
        key = layout.approval(tenant, approval_id)
        answer = await self._database.call("GetItem", TableName=self._table, Key=key, ConsistentRead=True)
        return _approval(answer["Item"]) if "Item" in answer else None

    async def delete(self, tenant: str, approval_id: str) -> None:
        """Remove an approval; nothing happens if there is none. Two trips."""
        found = await self.get(tenant, approval_id)
        if found is not None:
            keys = [layout.approval(tenant, approval_id), layout.pending_approval(found)]
            await self._database.batch_delete(self._table, keys)

    async def pending(
        self, tenant: str, limit: int, after: Approval | None = None, *, since: int = 0
    ) -> Page[Approval]:
        """List approvals that nobody has decided, oldest first, from a time on; one trip."""
        begin = {"ExclusiveStartKey": layout.pending_approval(after)} if after is not None else {}
        answer = await self._database.call(
            "Query",
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk >= :since",
            ExpressionAttributeValues={
                ":pk": {"S": layout.pending_approvals(tenant)},
                ":since": {"S": layout.moment(since, "")},
            },
            ConsistentRead=True,
            Limit=limit,
            **begin,
        )
        return Page([_approval(row) for row in answer["Items"]], "LastEvaluatedKey" in answer)

    def _put(self, approval: Approval) -> dict[str, Any]:
        row = {
            **layout.approval(approval.owner.tenant, approval.id),
            **layout.owned(approval.owner, layout.APPROVAL, approval.id),
            "revision": {"N": str(approval.revision)},
            "document": {"B": dump(approval)},
            layout.TTL: {"N": str(approval.expires_at + KEEP_SECONDS)},
        }
        put: dict[str, Any] = {"TableName": self._table, "Item": row, "ConditionExpression": "attribute_not_exists(pk)"}
        if approval.revision:
            put["ConditionExpression"] = "revision = :before"
            put["ExpressionAttributeValues"] = {":before": {"N": str(approval.revision - 1)}}
        return {"Put": put}

    def _listed(self, approval: Approval) -> list[dict[str, Any]]:
        key = layout.pending_approval(approval)
        if approval.state != "pending":
            return [{"Delete": {"TableName": self._table, "Key": key}}]
        if approval.revision:
            return []
        row = {**key, "document": {"B": dump(approval)}, layout.TTL: {"N": str(approval.expires_at)}}
        return [{"Put": {"TableName": self._table, "Item": row}}]


def _approval(row: Row) -> Approval:
    return load(Approval, bytes(row["document"]["B"]))
