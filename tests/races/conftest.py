"""The service over each kind of store: SQLite, and DynamoDB as its emulator on a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dynamodb import dynamodb as emulated
from tests.support.dynamodb import sign_as_anyone
from tests.support.service import Service
from tests.support.tables import CORE, RESPONSES, create_tables
from tests.support.upstream import Upstream


@pytest.fixture(params=["sqlite", "dynamodb"])
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """What makes a service use this store."""
    if request.param == "sqlite":
        yield {}
        return
    sign_as_anyone(monkeypatch)
    with emulated() as emulator:
        create_tables(emulator)
        yield {
            "database": None,
            "core_table": CORE,
            "responses_table": RESPONSES,
            "aws_endpoint_url": emulator.url,
        }


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, settings: dict[str, object]) -> Iterator[Service]:
    with Service(tmp_path, upstream, watch_seconds=0.05, **settings) as running:
        yield running


@pytest.fixture
def other(tmp_path: Path, upstream: Upstream, settings: dict[str, object], service: Service) -> Iterator[Service]:
    """Another process, as far as it can be told from here: its own loop, server and connections."""
    assert service.base_url
    with Service(tmp_path, upstream, **settings) as running:
        yield running
