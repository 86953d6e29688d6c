"""Counts what an emulated DynamoDB is asked: operations, items read and written, and their bytes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from antiphon.store.dynamodb.rows import weight
from tests.support.tables import row_of

if TYPE_CHECKING:
    from local.lambda_host.dynamodb import Command, Emulator, Reply


class Counting:
    """Listens to an emulator.

    Attributes:
        operations: the calls so far, by operation name.
        read_bytes: the bytes of the items that came back.
        written: the bytes of each item put; twice if it was put in a transaction, which costs double.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.operations: list[str] = []
        self.read_bytes = 0
        self.written: list[int] = []
        self._lock = threading.Lock()
        self._emulator, self._handle = emulator, emulator.handle
        emulator.handle = self._count

    def stop(self) -> None:
        """Listen no longer."""
        self._emulator.handle = self._handle

    @property
    def read_units(self) -> int:
        """Consistent read units, at one for each 4 KB begun (DynamoDB, "Read capacity unit")."""
        return -(-self.read_bytes // 4096)

    @property
    def write_units(self) -> int:
        """Write units, at one for each KB begun of an item (DynamoDB, "Write capacity unit")."""
        return sum(-(-size // 1024) for size in self.written)

    def _count(self, call: Command) -> Reply:
        with self._lock:
            self.operations.append(call.operation)
            if call.operation == "PutItem":
                self.written.append(weight(row_of(call.arguments["Item"])))
            for write in call.arguments.get("TransactItems", ()):
                if "Put" in write:
                    self.written += 2 * [weight(row_of(write["Put"]["Item"]))]
        status, document = self._handle(call)
        items = [document["Item"]] if "Item" in document else document.get("Items", [])
        with self._lock:
            self.read_bytes += sum(weight(row_of(item)) for item in items)
        return status, document
