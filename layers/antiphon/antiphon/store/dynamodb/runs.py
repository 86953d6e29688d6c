"""Logs and runs for workers in the table ``responses``.

    append   put, if no batch has this number: a writer that was replaced finds its number taken
    read     one Query from a number on
    open     put; close: delete; all in one partition, which a sweeper reads once a minute

A batch is below 1 KB, one write unit. Its TTL removes it.
"""

from __future__ import annotations

from typing import Final

from antiphon.records import LogBatch, OpenRun, Owner
from antiphon.store.dynamodb import layout, rows
from antiphon.store.dynamodb.client import ConditionFailed, DynamoDB
from antiphon.store.dynamodb.layout import Row

_FREE: Final = "attribute_not_exists(pk)"
_DAYS_OPEN: Final = 7
_DAY: Final = 86_400


class DynamoDBRuns:
    """The port ``RunStore``.

    Args:
        database: how DynamoDB is called.
        table: the table's name.
    """

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table

    async def append(self, owner: Owner, response_id: str, batch: LogBatch, expires_at: int) -> bool:
        """Add a batch to the log of a response; one conditional write.

        Return whether it is the log's batch of this number, written now or by an earlier try.
        """
        row = {**_row(owner, response_id, batch), layout.TTL: {"N": str(expires_at)}}
        try:
            await self._database.call(
                "PutItem",
                TableName=self._table,
                Item=row,
                ConditionExpression=_FREE,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as failed:
            return _batch(failed.row) == batch
        return True

    async def read(self, owner: Owner, response_id: str, first: int) -> list[LogBatch]:
        """Read the batches of a log from a number on, in order, consistently; one trip for each MB."""
        where = "pk = :pk AND sk >= :first"
        pk = layout.log(owner, response_id)
        return [_batch(row) for row in await self._database.query(self._table, where, pk=pk, first=layout.depth(first))]

    async def latest(self, owner: Owner, response_id: str) -> LogBatch | None:
        """Read the last batch of a log, consistently; one trip. None if the log is empty."""
        answer = await self._database.call(
            "Query",
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": layout.log(owner, response_id)}},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=1,
        )
        return _batch(answer["Items"][0]) if answer["Items"] else None

    async def erase(self, owner: Owner, response_id: str) -> None:
        """Remove the log of a response."""
        await erase(self._database, self._table, owner, response_id)

    async def open(self, run: OpenRun) -> None:
        """Note a response for a worker; one write."""
        ttl = {layout.TTL: {"N": str(int(run.at) + _DAYS_OPEN * _DAY)}}
        await self._database.put(
            self._table, {**layout.run(run.owner, run.response_id), "at": {"N": str(run.at)}, **ttl}
        )

    async def close(self, owner: Owner, response_id: str) -> None:
        """Remove the note; one write."""
        await self._database.call("DeleteItem", TableName=self._table, Key=layout.run(owner, response_id))

    async def list_open(self, owner: Owner | None = None) -> list[OpenRun]:
        """List the noted responses of an owner, consistently, or those of all owners."""
        where, beginning = "pk = :pk", {}
        if owner is not None:
            where, beginning = f"{where} AND begins_with(sk, :owner)", {"owner": layout.runs_of(owner)}
        found = await self._database.query(self._table, where, pk=layout.RUNS, **beginning)
        return [OpenRun(*layout.run_of(row["sk"]["S"]), float(row["at"]["N"])) for row in found]


async def erase(database: DynamoDB, table: str, owner: Owner, response_id: str) -> None:
    """Remove the log of a response."""
    batches = await database.query(table, "pk = :pk", pk=layout.log(owner, response_id))
    await database.batch_delete(table, [layout.key(row["pk"]["S"], row["sk"]["S"]) for row in batches])


def _row(owner: Owner, response_id: str, batch: LogBatch) -> Row:
    return {
        **layout.key(layout.log(owner, response_id), layout.depth(batch.number)),
        "epoch": {"N": str(batch.epoch)},
        "at": {"N": repr(batch.at)},
        **({"data": {"B": batch.data}} if batch.data else {}),
        **({"last": {"N": "1"}} if batch.last else {}),
    }


def _batch(row: Row) -> LogBatch:
    return LogBatch(
        number=int(row["sk"]["S"]),
        epoch=rows.number(row, "epoch") or 0,
        at=float(row["at"]["N"]),
        data=bytes(row["data"]["B"]) if "data" in row else b"",
        last="last" in row,
    )
