"""Counters in the table ``core``: one item for each subject and period, which its TTL removes. They know no limits."""

from __future__ import annotations

from typing import Final

from antiphon.ports.usage import Subject
from antiphon.records import Period
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.client import ConditionFailed, DynamoDB

_ADD: Final = "SET #expires_at = :expires_at ADD #amount :one"
_ROOM: Final = "attribute_not_exists(#amount) OR #amount < :limit"
_NAMES: Final = {"#expires_at": layout.TTL, "#amount": "amount"}


class DynamoDBMeter:
    """The port ``Meter``.

    A call that is sent again, because no answer came, may count twice: never too little, and rarely one too much.
    """

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table

    async def take(self, subject: Subject, period: Period, limit: int) -> bool:
        """Count one, unless ``limit`` (at least 1) is reached; one conditional write. Whether it was counted."""
        values = {":one": {"N": "1"}, ":expires_at": {"N": str(period.ends)}, ":limit": {"N": str(limit)}}
        try:
            await self._database.call(
                "UpdateItem",
                TableName=self._table,
                Key=layout.meter(subject, period),
                UpdateExpression=_ADD,
                ConditionExpression=_ROOM,
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues=values,
            )
        except ConditionFailed:
            return False
        return True
