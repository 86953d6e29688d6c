"""The two DynamoDB tables, as ``template.yaml`` makes them: the one place where tests take them from."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from antiphon.store.dynamodb.layout import GSI, TTL
from local.lambda_host.dynamodb import REGION, Command

if TYPE_CHECKING:
    from antiphon.store.dynamodb.layout import Row
    from local.lambda_host.dynamodb import Emulator

CORE = "core"
RESPONSES = "responses"


def create_tables(emulator: Emulator, region: str = REGION) -> None:
    """Create both tables, the TTL included."""
    key = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    index = [{"AttributeName": "gsi1pk", "KeyType": "HASH"}, {"AttributeName": "gsi1sk", "KeyType": "RANGE"}]
    indexes = [{"IndexName": GSI, "KeySchema": index, "Projection": {"ProjectionType": "ALL"}}]
    _create(emulator, region, CORE, key, [*key, *index], GlobalSecondaryIndexes=indexes)
    listed = [{"IndexName": GSI, "KeySchema": index, "Projection": {"ProjectionType": "KEYS_ONLY"}}]
    _create(emulator, region, RESPONSES, key, [*key, *index], GlobalSecondaryIndexes=listed)
    ttl = {"TableName": RESPONSES, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": TTL}}
    assert emulator.ask(Command("UpdateTimeToLive", ttl, region))[0] == 200


def _create(
    emulator: Emulator, region: str, name: str, key: list[dict[str, str]], attributes: list[dict[str, str]], **more: Any
) -> None:
    arguments = {
        "TableName": name,
        "KeySchema": key,
        "AttributeDefinitions": [{"AttributeName": row["AttributeName"], "AttributeType": "S"} for row in attributes],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }
    assert emulator.ask(Command("CreateTable", arguments, region))[0] == 200


def row_of(wired: Row) -> Row:
    """Return an item as it was before it was written for the wire."""
    return {name: {"B": b64decode(value["B"])} if "B" in value else value for name, value in wired.items()}
