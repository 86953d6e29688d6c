"""Counts what is asked of DynamoDB, by botocore's own events: operations, items read and written, and their bytes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from antiphon.store.dynamodb.rows import weight

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Counting:
    """Listens to a client.

    Attributes:
        operations: the calls so far, by operation name.
        read_bytes: the bytes of the items that came back.
        written: the bytes of each item put.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self.operations: list[str] = []
        self.read_bytes = 0
        self.written: list[int] = []
        self._lock = threading.Lock()
        self._client = client
        client.meta.events.register("provide-client-params.dynamodb.*", self._asked)
        client.meta.events.register("after-call.dynamodb.*", self._answered)

    def stop(self) -> None:
        """Listen no longer."""
        self._client.meta.events.unregister("provide-client-params.dynamodb.*", self._asked)
        self._client.meta.events.unregister("after-call.dynamodb.*", self._answered)

    @property
    def read_units(self) -> int:
        """Consistent read units, at one for each 4 KB begun (DynamoDB, "Read capacity unit")."""
        return -(-self.read_bytes // 4096)

    @property
    def write_units(self) -> int:
        """Write units, at one for each KB begun of an item (DynamoDB, "Write capacity unit")."""
        return sum(-(-size // 1024) for size in self.written)

    def _asked(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        with self._lock:
            self.operations.append(model.name)
            if model.name == "PutItem":
                self.written.append(weight(params["Item"]))

    def _answered(self, parsed: dict[str, Any], **_: Any) -> None:
        items = [parsed["Item"]] if "Item" in parsed else parsed.get("Items", [])
        with self._lock:
            self.read_bytes += sum(weight(item) for item in items)
