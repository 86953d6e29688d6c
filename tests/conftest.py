"""Fixtures and options of all tests: in CI, hypothesis tries the same examples each time."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.answering import Answering
from tests.support.mcp_server import McpServer, find
from tests.support.upstream import Upstream

if TYPE_CHECKING:
    from tests.support.caller import Caller
    from tests.support.websocket import Socket

settings.register_profile("here", deadline=None)  # how long an example takes is for benchmarks to tell
settings.register_profile("ci", derandomize=True, database=None, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the end-to-end tests call the real functions, through one of their front doors."""
    parser.addoption("--through", choices=("process", "rest", "url"), default="process", help="what tests/e2e calls")


def pytest_collection_finish() -> None:
    """Collect garbage seldom, and keep what has been imported out of it: it took a quarter of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run every async test on asyncio, each in an event loop of its own."""
    return "asyncio"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """Serve a scripted model."""
    with Upstream() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Answering]:
    """Serve a receiver of webhooks."""
    with Answering() as server:
        yield server


@pytest.fixture
def mcp_server() -> Iterator[McpServer]:
    """Serve a tool, ``find``, over MCP."""
    with McpServer(find()) as server:
        yield server


@pytest.fixture
def key(service: Caller) -> str:
    """Return a key of the service that the test or its folder has."""
    return service.key()


@pytest.fixture
def socket(service: Caller, key: str) -> Iterator[Socket]:
    """Open a WebSocket to the service."""
    from tests.support.websocket import Socket

    with Socket(service.root, key) as connection:
        yield connection
