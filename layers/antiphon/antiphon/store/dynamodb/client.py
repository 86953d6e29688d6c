"""How DynamoDB is called: in worker threads, with short time-outs, few retries, and errors of ours.

It must not know what is stored. botocore is imported at the first call, and boto3 never: it would add nothing here but
the time it takes to load. A call that DynamoDB throttles, or that gets no answer, is tried again after a random pause
while its budget lasts; botocore's own retries stay off, because they would sleep in a worker thread and know no budget.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from antiphon.errors import AntiphonError, StorageUnavailable
from antiphon.store.dynamodb.layout import Row

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from types_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

WORKERS: Final = 16
CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 3.0
PAUSES: Final = (0.05, 0.1, 0.2, 0.4)
"""Upper bounds of the random pauses before a second and any later try, in seconds."""
BUDGET_SECONDS: Final = 4.0
"""No further try begins later than this after the first."""
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
_SERVER_FAULT: Final = 500
_CONDITION: Final = frozenset({"ConditionalCheckFailedException", "ConditionalCheckFailed"})
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
        client: a client of botocore's or boto3's; by default one is made at the first call, from the environment.
        endpoint_url: another endpoint than AWS's own, such as a local emulator.
    """

    def __init__(self, client: DynamoDBClient | None = None, *, endpoint_url: str | None = None) -> None:
        self._client = client
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(WORKERS, "dynamodb")

    def connect(self) -> DynamoDBClient:
        """Give the boto3 client, made on first use. It blocks: worth calling while a function starts."""
        with self._lock:
            if self._client is None:
                self._client = _new_client(self._endpoint_url)
            return self._client

    def renew(self) -> None:
        """Close all connections and forget the client with its credentials: the next call makes another."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    async def work(self, job: Callable[..., T], *arguments: Any) -> T:
        """Run something slow in a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, job, *arguments)

    async def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Call one operation by boto3's name for it, such as ``get_item``.

        Raises:
            ConditionFailed: its condition did not hold.
            StorageUnavailable: no answer, or throttled, until the budget was used up.
        """
        pauses, end = iter(PAUSES), _time() + BUDGET_SECONDS
        while True:
            try:
                return await self.work(self._send, operation, arguments)
            except _Transient as error:
                if _time() >= end:
                    raise StorageUnavailable("DynamoDB did not answer in time") from error
            await _pause(pauses)

    async def get(self, table: str, key: Row) -> Row | None:
        """Read one item, consistently."""
        answer = await self.call("get_item", TableName=table, Key=key, ConsistentRead=True)
        row: Row | None = answer.get("Item")
        return row

    async def put(self, table: str, row: Row) -> None:
        """Write one item, whatever is there."""
        await self.call("put_item", TableName=table, Item=row)

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
            page = await self.call("query", **arguments)
            rows += page["Items"]
            if "LastEvaluatedKey" not in page:
                return rows
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

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
        if self._client is not None:
            self._client.close()

    async def _batch_get(self, table: str, keys: Sequence[Row]) -> list[Row]:
        rows: list[Row] = []
        pauses = iter(PAUSES)
        while True:
            request = {table: {"Keys": keys, "ConsistentRead": True}}
            answer = await self.call("batch_get_item", RequestItems=request)
            rows += answer["Responses"].get(table, [])
            if not answer.get("UnprocessedKeys"):
                return rows
            keys = answer["UnprocessedKeys"][table]["Keys"]
            await _pause(pauses)

    async def _batch_delete(self, table: str, keys: Sequence[Row]) -> None:
        request: dict[str, Any] = {table: [{"DeleteRequest": {"Key": key}} for key in keys]}
        pauses = iter(PAUSES)
        while True:
            request = (await self.call("batch_write_item", RequestItems=request)).get("UnprocessedItems", {})
            if not request:
                return
            await _pause(pauses)

    def _send(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's own name

        try:
            answer: dict[str, Any] = getattr(self.connect(), operation)(**arguments)
        except ClientError as error:
            raise _translated(error) from error
        except (ConnectionError, HTTPClientError) as error:
            raise _Transient("no answer") from error
        return answer


def _new_client(endpoint_url: str | None) -> DynamoDBClient:
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=WORKERS,
    )
    client = botocore.session.Session().create_client("dynamodb", endpoint_url=endpoint_url, config=config)
    return cast("DynamoDBClient", client)


def _translated(error: ClientError) -> Exception:
    """Say what an answer means for us; what is nobody's passing trouble (rights, a missing table) stays what it is."""
    answer: dict[str, Any] = dict(error.response)
    codes = {answer["Error"]["Code"]} | {reason.get("Code") for reason in answer.get("CancellationReasons", ())}
    if codes & _CONDITION:
        return ConditionFailed(answer.get("Item", {}))
    if codes & _TRANSIENT or answer["ResponseMetadata"]["HTTPStatusCode"] >= _SERVER_FAULT:
        return _Transient("throttled, or out of order")
    return error


async def _pause(pauses: Iterator[float]) -> None:
    longest = next(pauses, None)
    if longest is None:
        raise StorageUnavailable("DynamoDB is throttling")
    await asyncio.sleep(_RANDOM.uniform(0, longest))


def _time() -> float:
    return asyncio.get_running_loop().time()
