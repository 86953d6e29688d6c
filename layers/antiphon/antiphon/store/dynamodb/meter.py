"""Counters in the table ``core``: one item for each owner and period, which its TTL removes. They know no limits."""

from __future__ import annotations

from typing import Final

from antiphon.records import Owner, Period
from antiphon.store.dynamodb import layout, rows
from antiphon.store.dynamodb.client import ConditionFailed, DynamoDB
from antiphon.store.dynamodb.layout import Row

_ADD: Final = "SET #expires_at = :expires_at ADD #amount :amount"
_ROOM: Final = "attribute_not_exists(#amount) OR #amount < :limit"
_NAMES: Final = {"#expires_at": layout.TTL, "#amount": "amount"}


class DynamoDBMeter:
    """The port ``Meter``.

    A call that is sent again, because no answer came, may count twice: never too little, and rarely one too much.
    """

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table

    async def take(self, owner: Owner, period: Period, limit: int) -> bool:
        """Count one, unless ``limit`` (at least 1) is reached; one conditional write. Whether it was counted."""
        try:
            await self._add(owner, period, 1, {":limit": {"N": str(limit)}}, ConditionExpression=_ROOM)
        except ConditionFailed:
            return False
        return True

    async def add(self, owner: Owner, period: Period, amount: int) -> None:
        """Count more, whatever was counted; one write."""
        await self._add(owner, period, amount, {})

    async def count(self, owner: Owner, period: Period) -> int:
        """Read what was counted, consistently; one trip."""
        row = await self._database.get(self._table, layout.meter(owner, period))
        return (rows.number(row, "amount") or 0) if row else 0

    async def _add(self, owner: Owner, period: Period, amount: int, values: Row, **condition: str) -> None:
        own = {":amount": {"N": str(amount)}, ":expires_at": {"N": str(period.ends)}}
        await self._database.call(
            "UpdateItem",
            TableName=self._table,
            Key=layout.meter(owner, period),
            UpdateExpression=_ADD,
            ExpressionAttributeNames=_NAMES,
            ExpressionAttributeValues=own | values,
            **condition,
        )
