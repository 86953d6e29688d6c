"""Shortcuts through moto's DynamoDB: it copies and sorts only what a call needs.

For each write of a transaction moto copies the whole table, to go back to if one fails; for each query it sorts the
whole table, and then what it found. Both take seconds for a few thousand items. All tables here have a range key.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

Write = Mapping[str, Mapping[str, Any]]
"""A write of a transaction, such as ``{"Put": {"TableName": ..., "Item": ...}}``."""


@contextmanager
def shortcuts(operation: str, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Change moto for the time of one call; there must be one at a time.

    Args:
        operation: the operation, such as ``Query``.
        arguments: its arguments, as they come by wire.
    """
    from moto.dynamodb.models.table import Table  # noqa: PLC0415 - only the emulator's process needs it

    every_item = Table.all_items
    if operation == "TransactWriteItems":
        copy_once = cache(partial(_copied, writes=arguments.get("TransactItems", ())))
        Table.__deepcopy__ = lambda table, _memo: copy_once(table)  # type: ignore[attr-defined]
    elif operation == "Query":
        Table.all_items = lambda table: _candidates(table, arguments)  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        Table.all_items = every_item  # type: ignore[method-assign]
        if "__deepcopy__" in vars(Table):
            del Table.__deepcopy__  # type: ignore[attr-defined]


def _copied(table: Any, writes: Sequence[Write]) -> Any:
    """Return a copy of a table that shares with it what no write changes."""
    from moto.dynamodb.models.dynamo_type import DynamoType  # noqa: PLC0415 - as above

    result = copy.copy(table)
    result.items = table.items.copy()
    for write in writes:
        ((kind, wanted),) = write.items()
        key = wanted.get("Key") or wanted["Item"]
        if wanted["TableName"] != table.name or table.hash_key_attr not in key:
            continue
        partition, place = (DynamoType(key[name]) for name in (table.hash_key_attr, table.range_key_attr))
        if partition in table.items:
            result.items[partition] = items = dict(result.items[partition])
            if kind == "Update" and place in items:  # which moto changes where it is
                items[place] = copy.deepcopy(items[place])
    return result


def _candidates(table: Any, arguments: Mapping[str, Any]) -> list[Any]:
    """Return the items that a query may find, in no order.

    The partition is one of the expression's values; an index has no partitions in moto.
    """
    from moto.dynamodb.models.dynamo_type import DynamoType  # noqa: PLC0415 - as above

    if "IndexName" in arguments:
        partitions = list(table.items.values())
    else:
        values = [
            DynamoType(value) for value in arguments.get("ExpressionAttributeValues", {}).values() if "S" in value
        ]
        partitions = [table.items[value] for value in values if value in table.items]
    return [item for partition in partitions for item in partition.values()]
