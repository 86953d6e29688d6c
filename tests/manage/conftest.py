"""A service and its office, and a DynamoDB, for the tests of management."""

from __future__ import annotations

import pytest

from antiphon.store.dynamodb import client
from tests.support.dynamodb import dynamodb, sign_as_anyone
from tests.support.managing import Office
from tests.support.service import Service
from tests.support.tables import create_tables


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("state"), cache_seconds=0) as running:
        yield running


@pytest.fixture(scope="module")
def office(service):
    return Office(service)


@pytest.fixture
def emulator(monkeypatch):
    """Serve both tables. They may be slow on a busy machine: each answer is waited for."""
    sign_as_anyone(monkeypatch)
    monkeypatch.setattr(client, "BUDGET_SECONDS", 60.0)
    with dynamodb() as emulator:
        create_tables(emulator)
        yield emulator
