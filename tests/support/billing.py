"""Counts what DynamoDB would bill on demand, by the rules of its "Read and write units", over a client's own events."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from antiphon.store.dynamodb.rows import weight

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_READ: Final = 4096
_WRITE: Final = 1024


class Billing:
    """Listens to a client whose reads are all consistent.

    An ``UpdateItem`` counts as one KB: only counters and marks are updated. A transaction is not known here.

    Attributes:
        calls: how many were sent.
        reads: read units: one for each 4 KB begun, of every item got or of a whole query, and one for nothing found.
        writes: write units: one for each KB begun of an item.
        items: the bytes of each item put, by its key.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self.reset()
        self._lock = threading.Lock()
        client.meta.events.register("provide-client-params.dynamodb.*", self._asked)
        client.meta.events.register("after-call.dynamodb.*", self._answered)

    def reset(self) -> None:
        """Begin anew."""
        self.calls = self.reads = self.writes = 0
        self.items: dict[tuple[str, str], int] = {}

    @property
    def stored(self) -> int:
        """The bytes that the puts left behind."""
        return sum(self.items.values())

    def _asked(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        with self._lock:
            self.calls += 1
            match model.name:
                case "PutItem":
                    size = weight(params["Item"])
                    self.items[params["Item"]["pk"]["S"], params["Item"]["sk"]["S"]] = size
                    self.writes += -(-size // _WRITE)
                case "UpdateItem":
                    self.writes += 1
                case "BatchGetItem":
                    self.reads += sum(len(asked["Keys"]) for asked in params["RequestItems"].values())
                case "GetItem" | "Query":
                    pass
                case other:
                    raise AssertionError(f"{other} has no rule here")

    def _answered(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        with self._lock:
            match model.name:
                case "GetItem":
                    self.reads += _units(weight(parsed.get("Item", {})))
                case "Query":
                    self.reads += _units(sum(map(weight, parsed.get("Items", ()))))
                case "BatchGetItem":
                    found = [row for rows in parsed["Responses"].values() for row in rows]
                    self.reads += sum(_units(weight(row)) - 1 for row in found)


def _units(size: int) -> int:
    return max(1, -(-size // _READ))
