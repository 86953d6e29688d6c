"""How DynamoDB is called: in worker threads, with short time-outs, few retries, and errors of ours.

The client is a thin one of our own (docs/adr/0011-own-dynamodb-client.md): botocore's
takes longer to load than everything else that a reading function does. A call that DynamoDB throttles, or that gets no
answer, is tried again after a random pause while its budget lasts.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from typing import Any, Final, TypeVar

from antiphon import measures
from antiphon.aws.caller import is_without_credentials
from antiphon.errors import AntiphonError, StorageUnavailable
from antiphon.store.dynamodb.layout import Row
from antiphon.store.dynamodb.protocol import Refusal
from antiphon.store.dynamodb.sender import NO_ANSWER, Sender

T = TypeVar("T")

WORKERS: Final = 16
PAUSES: Final = (0.05, 0.1, 0.2, 0.4)
"""Upper bounds of the random pauses before a second and any later try, in seconds; the last one stays."""
BUDGET_SECONDS: Final = 4.0
"""No further try begins later than this after the first, or after the last that got a part of a batch done."""
BATCH_GET: Final = 100
BATCH_WRITE: Final = 25

_TRANSIENT: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceeded",
        "ThrottlingException",
        "ThrottlingError",
        "RequestLimitExceeded",
        "TransactionConflictException",
        "TransactionConflict",
        "TransactionInProgressException",
    }
)
_STALE: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException"}
)
"""A token that has expired, or a signature that was too old on its arrival: new ones may be taken."""
_log: Final = logging.getLogger("antiphon.store.dynamodb")
_RANDOM: Final = secrets.SystemRandom()


class ConditionFailed(AntiphonError):
    """A conditional write found something else.

    Attributes:
        row: what is there; empty for nothing, and for a transaction.
    """

    def __init__(self, row: Row) -> None:
        self.row = row
        super().__init__("the condition failed")


class _Transient(AntiphonError):
    """A call may succeed when sent again."""


class DynamoDB:
    """One DynamoDB client for all stores of a process.

    Args:
        endpoint_url: another endpoint than AWS's own, such as a local emulator.
    """

    def __init__(self, *, endpoint_url: str | None = None) -> None:
        self._sender: Sender | None = None
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(WORKERS, "dynamodb")

    def connect(self) -> Sender:
        """Return the sender, made on first use. Blocks, so call it while a function starts.

        Raises:
            BotoCoreError: the region or the profile is missing.
        """
        with self._lock:
            if self._sender is None:
                self._sender = Sender(self._endpoint_url)
            return self._sender

    def renew(self) -> None:
        """Close all connections and forget the credentials: the next call makes another."""
        with self._lock:
            if self._sender is not None:
                self._sender.close()
                self._sender = None

    def _drop(self, sender: Sender) -> None:
        """Forget a sender whose credentials were refused, unless another call has done so already."""
        with self._lock:
            if self._sender is sender:
                sender.close()
                self._sender = None

    async def work(self, job: Callable[..., T], *arguments: Any) -> T:
        """Run something slow in a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, job, *arguments)

    async def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Call one operation by its name, such as ``GetItem``.

        Raises:
            ConditionFailed: its condition did not hold.
            StorageUnavailable: no answer, or throttled, until the budget was used up.
            Refusal: nobody's passing trouble, such as rights, or a table that is missing.
        """
        patience = _Patience()
        while True:
            try:
                with measures.store_call(operation):
                    return await self.work(self._attempt, operation, arguments)
            except _Transient as error:
                measures.current().store_retries += 1
                await patience.pause(error)

    async def get(self, table: str, key: Row) -> Row | None:
        """Read one item, consistently."""
        answer = await self.call("GetItem", TableName=table, Key=key, ConsistentRead=True)
        row: Row | None = answer.get("Item")
        return row

    async def put(self, table: str, row: Row) -> None:
        """Write one item, whatever is there."""
        await self.call("PutItem", TableName=table, Item=row)

    async def query(self, table: str, where: str, *, index: str | None = None, **values: str) -> list[Row]:
        """Read all items of a key condition, every page of it; consistently, unless from an index.

        Args:
            table: the table's name.
            where: the key condition, such as ``pk = :pk``.
            index: the index to read.
            values: the condition's values by name, without the colon.
        """
        arguments: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": where,
            "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in values.items()},
            **({"IndexName": index} if index else {"ConsistentRead": True}),
        }
        rows: list[Row] = []
        while True:
            page = await self.call("Query", **arguments)
            rows += page["Items"]
            if "LastEvaluatedKey" not in page:
                return rows
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    async def page(
        self,
        table: str,
        where: str,
        limit: int,
        *,
        index: str | None = None,
        start: Row | None = None,
        newest_first: bool = False,
        **values: str,
    ) -> tuple[list[Row], bool]:
        """Read at most ``limit`` items of a key condition in one trip; consistently, unless from an index.

        Args:
            table: the table's name.
            where: the key condition, such as ``pk = :pk``.
            limit: the most items. Fewer come if they have more than a megabyte.
            index: the index to read.
            start: the key behind which the page begins, with the index's key if there is one; None for the beginning.
            newest_first: read from the end.
            values: the condition's values by name, without the colon.

        Returns:
            the items, and whether there are more behind them.
        """
        answer = await self.call(
            "Query",
            TableName=table,
            KeyConditionExpression=where,
            ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
            Limit=limit + 1,
            ScanIndexForward=not newest_first,
            **({"IndexName": index} if index else {"ConsistentRead": True}),
            **({"ExclusiveStartKey": start} if start else {}),
        )
        rows = answer["Items"]
        return rows[:limit], len(rows) > limit or "LastEvaluatedKey" in answer

    async def transact(self, writes: Sequence[dict[str, Any]]) -> None:
        """Write several items, all or none.

        Raises:
            ConditionFailed: the condition of one of them did not hold.
        """
        await self.call("TransactWriteItems", TransactItems=writes, ClientRequestToken=secrets.token_hex(16))

    async def batch_get(self, table: str, keys: Sequence[Row]) -> list[Row]:
        """Read items by their keys (no key twice), consistently, in one trip; in no particular order."""
        batches = [keys[start : start + BATCH_GET] for start in range(0, len(keys), BATCH_GET)]
        answers = await asyncio.gather(*(self._batch_get(table, batch) for batch in batches))
        return [row for rows in answers for row in rows]

    async def batch_delete(self, table: str, keys: Sequence[Row]) -> None:
        """Remove items by their keys (no key twice)."""
        batches = [keys[start : start + BATCH_WRITE] for start in range(0, len(keys), BATCH_WRITE)]
        await asyncio.gather(*(self._batch_delete(table, batch) for batch in batches))

    async def aclose(self) -> None:
        """Wait for running calls and close the connections; again without effect."""
        await asyncio.to_thread(self._workers.shutdown)
        if self._sender is not None:
            self._sender.close()

    async def _batch_get(self, table: str, keys: Sequence[Row]) -> list[Row]:
        rows: list[Row] = []
        patience = _Patience()
        while True:
            request = {table: {"Keys": keys, "ConsistentRead": True}}
            answer = await self.call("BatchGetItem", RequestItems=request)
            rows += answer["Responses"].get(table, [])
            if not answer.get("UnprocessedKeys"):
                return rows
            left = answer["UnprocessedKeys"][table]["Keys"]
            patience = patience if len(left) == len(keys) else _Patience()
            keys = left
            await patience.pause()

    async def _batch_delete(self, table: str, keys: Sequence[Row]) -> None:
        left: list[dict[str, Any]] = [{"DeleteRequest": {"Key": key}} for key in keys]
        patience = _Patience()
        while True:
            answer = await self.call("BatchWriteItem", RequestItems={table: left})
            before, left = len(left), answer.get("UnprocessedItems", {}).get(table, [])
            if not left:
                return
            patience = patience if len(left) == before else _Patience()
            await patience.pause()

    def _attempt(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Send a call once, in a worker thread; once more with new credentials if the first ones are stale."""
        try:
            sender = self.connect()
            try:
                return sender.send(operation, arguments)
            except Refusal as refusal:
                if not refusal.codes & _STALE:
                    raise
            self._drop(sender)
            return self.connect().send(operation, arguments)
        except Refusal as refusal:
            meaning = _translated(refusal)
            if meaning is refusal:
                raise
            raise meaning from refusal
        except NO_ANSWER as error:
            raise _Transient("no answer") from error
        except Exception as error:
            if not is_without_credentials(error):
                raise
            _log.warning("DynamoDB call failed", extra={"operation": operation, "code": type(error).__name__})
            raise _Transient("no credentials") from error


def _translated(refusal: Refusal) -> Exception:
    """Return what a refusal means for a caller; one that another try cannot change (rights, a missing table) itself."""
    if refusal.is_condition:
        return ConditionFailed(refusal.row)
    if refusal.codes & _TRANSIENT or refusal.is_fault:
        return _Transient("throttled, or out of order")
    return refusal


class _Patience:
    """The pauses between the tries of one call, as long as its budget lasts."""

    def __init__(self) -> None:
        self._pauses = chain(PAUSES, repeat(PAUSES[-1]))
        self._end = _time() + BUDGET_SECONDS

    async def pause(self, error: Exception | None = None) -> None:
        """Wait before the next try.

        Raises:
            StorageUnavailable: the budget is used up.
        """
        seconds = _RANDOM.uniform(0, next(self._pauses))
        if _time() + seconds >= self._end:
            raise StorageUnavailable("DynamoDB did not answer in time, or is throttling") from error
        await asyncio.sleep(seconds)


def _time() -> float:
    return asyncio.get_running_loop().time()
