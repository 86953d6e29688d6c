"""What every test stands on: in CI, hypothesis tries the same examples each time; `--through` says what is called."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("here", deadline=None)  # how long an example takes is for benchmarks to tell
settings.register_profile("ci", derandomize=True, database=None, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the end-to-end tests call the real functions, through one of their front doors."""
    parser.addoption("--through", choices=("process", "rest", "url"), default="process", help="what tests/e2e calls")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run every async test on asyncio, each in an event loop of its own."""
    return "asyncio"
