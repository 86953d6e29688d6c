"""What moto's DynamoDB answers is the same with our shortcuts through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto.dynamodb.models.table import Table

from local.lambda_host.dynamodb import Command, Emulator
from tests.support.dynamodb import dynamodb, sign_as_anyone
from tests.support.tables import CORE, RESPONSES, create_tables


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with pytest.MonkeyPatch.context() as patch:
        sign_as_anyone(patch)
        with dynamodb() as emulator:
            create_tables(emulator)
            yield emulator


def row(partition: str, place: str, **attributes: str) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in {"pk": partition, "sk": place, **attributes}.items()}


def put(emulator: Emulator, *rows: dict[str, Any], table: str = CORE) -> None:
    for each in rows:
        assert emulator.ask(Command("PutItem", {"TableName": table, "Item": each}))[0] == 200


def query(emulator: Emulator, value: str, **more: Any) -> list[str]:
    name = "gsi1pk" if "IndexName" in more else "pk"
    where = {"KeyConditionExpression": f"{name} = :pk", "ExpressionAttributeValues": {":pk": {"S": value}}}
    status, found = emulator.ask(Command("Query", {"TableName": CORE, **where, **more}))
    assert status == 200, found
    return [item["sk"]["S"] for item in found["Items"]]


def everything(emulator: Emulator) -> list[list[dict[str, Any]]]:
    return [emulator.ask(Command("Scan", {"TableName": table}))[1]["Items"] for table in (CORE, RESPONSES)]


def transaction(failing: str) -> list[dict[str, Any]]:
    """Change items in every way, and require of an item of a table that it does not exist."""
    key = row("t", "updated")
    wanted = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "new"}}}
    return [
        {"Update": {"TableName": CORE, "Key": key, **wanted}},
        {"Update": {"TableName": RESPONSES, "Key": key, **wanted}},
        {"Update": {"TableName": CORE, "Key": row("t", "made by an update"), **wanted}},
        {"Put": {"TableName": CORE, "Item": row("t", "replaced", a="new")}},
        {"Put": {"TableName": CORE, "Item": row("new", "made")}},
        {"Delete": {"TableName": CORE, "Key": row("t", "deleted")}},
        {
            "ConditionCheck": {
                "TableName": failing,
                "Key": row("t", "kept"),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        },
    ]


@pytest.mark.parametrize("failing", [CORE, RESPONSES])
def test_a_transaction_that_fails_leaves_every_item_as_it_was(emulator: Emulator, failing: str) -> None:
    for table in (CORE, RESPONSES):
        put(emulator, *(row("t", name, a="old") for name in ("updated", "replaced", "deleted", "kept")), table=table)
    before = everything(emulator)
    status, answer = emulator.ask(Command("TransactWriteItems", {"TransactItems": transaction(failing)}))
    assert (status, [reason["Code"] for reason in answer["CancellationReasons"]]) == (
        400,
        ["None"] * 6 + ["ConditionalCheckFailed"],
    )
    assert everything(emulator) == before
    assert emulator.ask(Command("TransactWriteItems", {"TransactItems": transaction(failing)[:-1]}))[0] == 200
    assert query(emulator, "t") == ["kept", "made by an update", "replaced", "updated"]
    assert query(emulator, "new") == ["made"]


def test_a_query_returns_its_partition_alone_in_the_order_of_its_range_key(emulator: Emulator) -> None:
    put(emulator, *(row(partition, place) for place in "cab" for partition in ("q", "r", ":pk")))
    assert query(emulator, "q") == ["a", "b", "c"]
    assert query(emulator, "q", ScanIndexForward=False, Limit=2) == ["c", "b"]
    assert query(emulator, "none") == []


def test_a_query_of_an_index_returns_what_is_in_it_in_the_order_of_its_range_key(emulator: Emulator) -> None:
    for place, order in {"a": "2", "b": "1", "c": "3"}.items():
        put(emulator, row(f"i{place}", place, gsi1pk="index", gsi1sk=order))
    put(emulator, row("ia", "without the index"), row("ib", "of another", gsi1pk="other", gsi1sk="0"))
    assert query(emulator, "index", IndexName="gsi1") == ["b", "a", "c"]
    assert query(emulator, "index", IndexName="gsi1", ScanIndexForward=False) == ["c", "a", "b"]


def test_a_scan_returns_all_items_in_order_and_moto_is_unchanged_after_a_call(emulator: Emulator) -> None:
    put(emulator, *(row(partition, place) for place in "ba" for partition in ("s2", "s1")))
    keys = [(item["pk"]["S"], item["sk"]["S"]) for item in everything(emulator)[0]]
    assert keys == sorted(keys)
    assert "__deepcopy__" not in vars(Table)
    assert Table.all_items.__module__ == Table.__module__
