from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.audit import Trail
from antiphon.store.dynamodb.approvals import DynamoDBApprovals
from antiphon.store.dynamodb.audit import DynamoDBAudit
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.conversations import DynamoDBConversations
from antiphon.store.dynamodb.directory import DynamoDBDirectory
from antiphon.store.dynamodb.keys import DynamoDBKeys
from antiphon.store.dynamodb.meter import DynamoDBMeter
from antiphon.store.dynamodb.runs import DynamoDBRuns
from antiphon.store.dynamodb.usage import DynamoDBUsage
from antiphon.store.sqlite.approvals import SQLiteApprovals
from antiphon.store.sqlite.audit import SQLiteAudit
from antiphon.store.sqlite.conversations import SQLiteConversations
from antiphon.store.sqlite.database import SQLite
from antiphon.store.sqlite.directory import SQLiteDirectory
from antiphon.store.sqlite.keys import SQLiteKeys
from antiphon.store.sqlite.meter import SQLiteMeter
from antiphon.store.sqlite.runs import SQLiteRuns
from antiphon.store.sqlite.usage import SQLiteUsage
from local.lambda_host.dynamodb import Emulator
from tests.support.dynamodb import dynamodb as emulated
from tests.support.dynamodb import sign_as_anyone
from tests.support.stored import AUDIT_DAYS, NOW, Stores
from tests.support.tables import CORE, RESPONSES, create_tables


class SetClock:
    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now

    def set(self, now: float) -> None:
        self.now = now


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A DynamoDB on a socket of this process, with both tables."""
    sign_as_anyone(monkeypatch)
    with emulated() as emulator:
        create_tables(emulator)
        yield emulator


@pytest.fixture
def dynamodb(aws: Emulator) -> Iterator[Stores]:
    clock, database = SetClock(), DynamoDB(endpoint_url=aws.url)
    trail = Trail(clock, secrets.token_bytes, AUDIT_DAYS)
    yield Stores(
        DynamoDBKeys(database, CORE, trail),
        DynamoDBDirectory(database, CORE, trail),
        DynamoDBConversations(database, RESPONSES, clock),
        DynamoDBMeter(database, CORE),
        DynamoDBRuns(database, RESPONSES),
        DynamoDBApprovals(database, RESPONSES),
        DynamoDBUsage(database, CORE),
        DynamoDBAudit(database, CORE, trail),
        clock.set,
    )
    asyncio.run(database.aclose())


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Stores]:
    clock, database = SetClock(), SQLite(tmp_path / "antiphon.db")
    trail = Trail(clock, secrets.token_bytes, AUDIT_DAYS)
    yield Stores(
        SQLiteKeys(database, trail),
        SQLiteDirectory(database, trail),
        SQLiteConversations(database, clock),
        SQLiteMeter(database),
        SQLiteRuns(database),
        SQLiteApprovals(database),
        SQLiteUsage(database),
        SQLiteAudit(database, trail),
        clock.set,
    )
    asyncio.run(database.aclose())


@pytest.fixture(params=["sqlite", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Each adapter in turn: what is said of a store here holds for both."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Stores)
    return found
