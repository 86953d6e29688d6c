"""Counts what DynamoDB would bill on demand, by the rules of its "Read and write units": what passes an emulator."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from antiphon.store.dynamodb.rows import weight
from tests.support.tables import row_of

if TYPE_CHECKING:
    from antiphon.store.dynamodb.layout import Row
    from local.lambda_host.dynamodb import Command, Emulator, Reply

_READ: Final = 4096
_WRITE: Final = 1024


class Billing:
    """Listens to an emulator whose reads are all consistent.

    An ``UpdateItem`` and a ``DeleteItem`` count as one KB: only counters, marks and notes are updated and removed. A
    transaction is not known here.

    Attributes:
        calls: how many were sent.
        reads: read units: one for each 4 KB begun, of every item got or of a whole query, and one for nothing found.
        writes: write units: one for each KB begun of an item, and one for its key in an index, when it is new.
        items: the bytes of each item put, by its key.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.reset()
        self._lock = threading.Lock()
        self._handle, emulator.handle = emulator.handle, self._bill

    def reset(self) -> None:
        """Begin anew."""
        self.calls = self.reads = self.writes = 0
        self.items: dict[tuple[str, str], int] = {}

    @property
    def stored(self) -> int:
        """The bytes that the puts left behind."""
        return sum(self.items.values())

    def _bill(self, call: Command) -> Reply:
        with self._lock:
            self._asked(call.operation, call.arguments)
        status, document = self._handle(call)
        with self._lock:
            self._answered(call.operation, document)
        return status, document

    def _asked(self, operation: str, arguments: dict[str, Any]) -> None:
        self.calls += 1
        match operation:
            case "PutItem":
                row = row_of(arguments["Item"])
                size, place = weight(row), (row["pk"]["S"], row["sk"]["S"])
                self.writes += "gsi1pk" in row and place not in self.items
                self.items[place] = size
                self.writes += -(-size // _WRITE)
            case "UpdateItem" | "DeleteItem":
                self.writes += 1
            case "BatchGetItem":
                self.reads += sum(len(asked["Keys"]) for asked in arguments["RequestItems"].values())
            case "GetItem" | "Query":
                pass
            case other:
                raise AssertionError(f"{other} has no rule here")

    def _answered(self, operation: str, document: dict[str, Any]) -> None:
        match operation:
            case "GetItem":
                self.reads += _units(_size(document.get("Item", {})))
            case "Query":
                self.reads += _units(sum(map(_size, document.get("Items", ()))))
            case "BatchGetItem":
                found = [row for rows in document["Responses"].values() for row in rows]
                self.reads += sum(_units(_size(row)) - 1 for row in found)


def _size(wired: Row) -> int:
    return weight(row_of(wired))


def _units(size: int) -> int:
    return max(1, -(-size // _READ))
