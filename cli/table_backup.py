"""A backup of both tables: gzipped lines of JSON, each an item in DynamoDB's form, with a line before and one behind.

It is read item by item while others write, so it is not one moment: what was written meanwhile may be in it or not. A
table as it was at one second comes from point-in-time recovery.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from antiphon.settings import Settings
from antiphon.store.dynamodb.client import BATCH_WRITE, DynamoDB
from cli.output import Refused

FORMAT: Final = 1
PAUSE: Final = 0.2
"""Seconds before what DynamoDB did not take is sent again."""

Row = dict[str, Any]


async def save(settings: Settings, file: Path) -> None:
    """Write all items of both tables."""
    database, count = DynamoDB(endpoint_url=settings.aws_endpoint_url), 0
    try:
        with gzip.open(file, "wt", encoding="utf-8") as out:
            out.write(json.dumps({"antiphon_backup": FORMAT}) + "\n")
            for name, table in _tables(settings).items():
                begin: dict[str, Any] = {}
                while True:
                    page = await database.call("Scan", TableName=table, ConsistentRead=True, **begin)
                    for row in page["Items"]:
                        out.write(json.dumps({"table": name, "item": row}, default=_text) + "\n")
                    count += len(page["Items"])
                    if "LastEvaluatedKey" not in page:
                        break
                    begin = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
            out.write(json.dumps({"rows": count}) + "\n")
    finally:
        await database.aclose()


async def load(settings: Settings, file: Path) -> int:
    """Write the items of a backup into both tables, which must be empty. Return how many.

    Raises:
        Refused: the file is not a whole backup, or a table is not empty.
    """
    rows = sum(1 for _ in _rows(file))
    database, tables = DynamoDB(endpoint_url=settings.aws_endpoint_url), _tables(settings)
    try:
        for table in tables.values():
            if (await database.call("Scan", TableName=table, Limit=1))["Items"]:
                raise Refused(f"table {table} is not empty: restore into new tables")
        batch: list[tuple[str, Row]] = []
        for name, row in _rows(file):
            batch.append((tables[name], row))
            if len(batch) == BATCH_WRITE:
                await _put(database, batch)
                batch = []
        await _put(database, batch)
    finally:
        await database.aclose()
    return rows


async def _put(database: DynamoDB, batch: list[tuple[str, Row]]) -> None:
    left: dict[str, Any] = {}
    for table, row in batch:
        left.setdefault(table, []).append({"PutRequest": {"Item": row}})
    while left:
        answer = await database.call("BatchWriteItem", RequestItems=left)
        left = answer.get("UnprocessedItems") or {}
        if left:
            await asyncio.sleep(PAUSE)


def _rows(file: Path) -> Iterator[tuple[str, Row]]:
    """Yield the items of a backup with their tables.

    Raises:
        Refused: it is not a whole backup.
    """
    count, ended = 0, False
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            if json.loads(next(lines, "{}")).get("antiphon_backup") != FORMAT:
                raise Refused(f"{file} is not a backup of tables")
            for line in lines:
                found = json.loads(line)
                ended = found.get("rows") == count
                if "item" in found:
                    count += 1
                    yield found["table"], {name: _value(value) for name, value in found["item"].items()}
    except (OSError, EOFError, zlib.error, ValueError, AttributeError):
        raise Refused(f"{file} is not a backup of tables, or is damaged") from None
    if not ended:
        raise Refused(f"{file} is cut off")


def _tables(settings: Settings) -> dict[str, str]:
    core, responses = settings.core_table, settings.responses_table
    if core is None or responses is None:
        raise Refused("there are no tables")
    return {"core": core, "responses": responses}


def _text(value: bytes) -> str:
    return b64encode(value).decode()


def _value(value: Row) -> Row:
    return {"B": b64decode(value["B"])} if "B" in value else value
