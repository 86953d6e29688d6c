"""The stores on Amazon DynamoDB: the two tables ``core`` and ``responses``, their keys on one page in ``layout``."""

from __future__ import annotations

from antiphon.store.dynamodb.approvals import DynamoDBApprovals
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.conversations import DynamoDBConversations
from antiphon.store.dynamodb.directory import DynamoDBDirectory
from antiphon.store.dynamodb.keys import DynamoDBKeys
from antiphon.store.dynamodb.meter import DynamoDBMeter
from antiphon.store.dynamodb.runs import DynamoDBRuns
from antiphon.store.dynamodb.usage import DynamoDBUsage


def open_stores(
    core: str, responses: str, *, endpoint_url: str | None = None, database: DynamoDB | None = None
) -> tuple[
    DynamoDBKeys,
    DynamoDBDirectory,
    DynamoDBConversations,
    DynamoDBMeter,
    DynamoDBRuns,
    DynamoDBApprovals,
    DynamoDBUsage,
]:
    """Put the stores together over one client, which connects at the first call.

    Args:
        core: the name of the table of keys, people, agents, grants and counters.
        responses: the name of the table of responses.
        endpoint_url: another endpoint than AWS's own, such as a local emulator.
        database: the client to use; by default one is made.
    """
    database = database or DynamoDB(endpoint_url=endpoint_url)
    return (
        DynamoDBKeys(database, core),
        DynamoDBDirectory(database, core),
        DynamoDBConversations(database, responses),
        DynamoDBMeter(database, core),
        DynamoDBRuns(database, responses),
        DynamoDBApprovals(database, responses),
        DynamoDBUsage(database, core),
    )
