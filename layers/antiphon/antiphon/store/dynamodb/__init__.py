"""The stores on Amazon DynamoDB: the two tables ``core`` and ``responses``, their keys on one page in ``layout``."""

from __future__ import annotations

import secrets
import time

from antiphon.audit import AUDIT_DAYS, Trail
from antiphon.store.dynamodb.approvals import DynamoDBApprovals
from antiphon.store.dynamodb.audit import DynamoDBAudit
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.conversations import DynamoDBConversations
from antiphon.store.dynamodb.directory import DynamoDBDirectory
from antiphon.store.dynamodb.keys import DynamoDBKeys
from antiphon.store.dynamodb.meter import DynamoDBMeter
from antiphon.store.dynamodb.runs import DynamoDBRuns
from antiphon.store.dynamodb.usage import DynamoDBUsage


def open_stores(
    core: str,
    responses: str,
    *,
    endpoint_url: str | None = None,
    database: DynamoDB | None = None,
    audit_days: int = AUDIT_DAYS,
) -> tuple[
    DynamoDBKeys,
    DynamoDBDirectory,
    DynamoDBConversations,
    DynamoDBMeter,
    DynamoDBRuns,
    DynamoDBApprovals,
    DynamoDBUsage,
    DynamoDBAudit,
]:
    """Put the stores together over one client, which connects at the first call.

    Args:
        core: the name of the table of keys, people, agents, grants and counters.
        responses: the name of the table of responses.
        endpoint_url: another endpoint than AWS's own, such as a local emulator.
        database: the client to use; by default one is made.
        audit_days: how long an entry of the audit log is kept.
    """
    database = database or DynamoDB(endpoint_url=endpoint_url)
    trail = Trail(time.time, secrets.token_bytes, audit_days)
    return (
        DynamoDBKeys(database, core, trail),
        DynamoDBDirectory(database, core, trail),
        DynamoDBConversations(database, responses),
        DynamoDBMeter(database, core),
        DynamoDBRuns(database, responses),
        DynamoDBApprovals(database, responses),
        DynamoDBUsage(database, core),
        DynamoDBAudit(database, core, trail),
    )
