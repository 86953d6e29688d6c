"""Reservations in the table ``responses``: which request was taken up, by which response. One item each, with a TTL.

reserve   put, if the name is free, has expired, or is held by the attempt to be replaced
release   delete, if it still is this one
bury      the response was deleted: its reservation stays, marked as deleted
"""

from __future__ import annotations

import contextlib
from typing import Final

from antiphon.records import Owner, Reservation
from antiphon.store.dynamodb import layout, rows
from antiphon.store.dynamodb.client import ConditionFailed, DynamoDB
from antiphon.store.dynamodb.layout import Row

_FREE: Final = "attribute_not_exists(pk) OR expires_at <= :now"
_SAME: Final = "response_id = :id"


class DynamoDBReservations:
    """The reservations of the port ``ResponseStore``.

    Args:
        database: how DynamoDB is called.
        table: the table's name.
    """

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table

    async def reserve(self, wanted: Reservation, now: float, replaced: Reservation | None = None) -> Reservation | None:
        """Take a request up if nobody has, or if ``replaced`` still has it; one conditional write.

        Return what is there instead; None if it is now the wanted one, whether or not it was sent before.
        """
        values: Row = {":now": {"N": str(int(now))}}
        if replaced is not None:
            values[":id"] = {"S": replaced.response_id}
        try:
            await self._database.call(
                "PutItem",
                TableName=self._table,
                Item=_row(wanted),
                ConditionExpression=_FREE if replaced is None else f"{_FREE} OR {_SAME}",
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as failed:
            there = _reservation(wanted.owner, wanted.name, failed.row)
            return None if there.response_id == wanted.response_id else there
        return None

    async def release(self, held: Reservation) -> None:
        """Remove a reservation, if it is still this one."""
        with contextlib.suppress(ConditionFailed):
            await self._database.call(
                "DeleteItem",
                TableName=self._table,
                Key=layout.reservation(held.owner, held.name),
                ConditionExpression=_SAME,
                ExpressionAttributeValues={":id": {"S": held.response_id}},
            )

    async def _bury(self, owner: Owner, name: str, response_id: str) -> None:
        """Note that the response was deleted, if the reservation is still that response's."""
        with contextlib.suppress(ConditionFailed):
            await self._database.call(
                "UpdateItem",
                TableName=self._table,
                Key=layout.reservation(owner, name),
                UpdateExpression="SET deleted = :deleted",
                ConditionExpression=_SAME,
                ExpressionAttributeValues={":id": {"S": response_id}, ":deleted": {"BOOL": True}},
            )


def _row(reservation: Reservation) -> Row:
    return {
        **layout.reservation(reservation.owner, reservation.name),
        **layout.owned(reservation.owner, layout.RESERVATION, reservation.name),
        "digest": {"S": reservation.digest},
        "response_id": {"S": reservation.response_id},
        "until": {"N": str(reservation.until)},
        layout.TTL: {"N": str(reservation.expires_at)},
    }


def _reservation(owner: Owner, name: str, row: Row) -> Reservation:
    return Reservation(
        owner=owner,
        name=name,
        digest=row["digest"]["S"],
        response_id=row["response_id"]["S"],
        until=float(row["until"]["N"]),
        expires_at=rows.number(row, layout.TTL) or 0,
        deleted="deleted" in row,
    )
