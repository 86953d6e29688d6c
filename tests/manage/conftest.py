"""A DynamoDB for the tests of management."""

from __future__ import annotations

import pytest

from antiphon.store.dynamodb import client
from tests.support.dynamodb import dynamodb, sign_as_anyone
from tests.support.tables import create_tables


@pytest.fixture
def emulator(monkeypatch):
    """Serve both tables. They may be slow on a busy machine: each answer is waited for."""
    sign_as_anyone(monkeypatch)
    monkeypatch.setattr(client, "BUDGET_SECONDS", 60.0)
    with dynamodb() as emulator:
        create_tables(emulator)
        yield emulator
