"""The two DynamoDB tables, as ``template.yaml`` makes them: the one place where tests take them from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antiphon.store.dynamodb.layout import GSI, TTL

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

CORE = "core"
RESPONSES = "responses"


def create_tables(client: DynamoDBClient) -> None:
    """Create both tables, the TTL included."""
    key: Any = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    index: Any = [{"AttributeName": "gsi1pk", "KeyType": "HASH"}, {"AttributeName": "gsi1sk", "KeyType": "RANGE"}]
    client.create_table(
        TableName=CORE,
        KeySchema=key,
        AttributeDefinitions=[{"AttributeName": row["AttributeName"], "AttributeType": "S"} for row in (*key, *index)],
        GlobalSecondaryIndexes=[{"IndexName": GSI, "KeySchema": index, "Projection": {"ProjectionType": "ALL"}}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.create_table(
        TableName=RESPONSES,
        KeySchema=key,
        AttributeDefinitions=[{"AttributeName": row["AttributeName"], "AttributeType": "S"} for row in key],
        BillingMode="PAY_PER_REQUEST",
    )
    client.update_time_to_live(TableName=RESPONSES, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL})
