"""One service and one scripted upstream for each test that asks for them; `--through` says which service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.caller import Caller
from tests.support.functions import Functions
from tests.support.service import Service
from tests.support.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def through(request: pytest.FixtureRequest) -> str:
    """What tests call: this ``process``, or the functions by ``rest`` or ``url``."""
    return str(request.config.getoption("--through"))


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, through: str) -> Iterator[Caller]:
    here = through == "process"
    with Service(tmp_path, upstream) if here else Functions(tmp_path, upstream, door=through) as running:
        yield running


@pytest.fixture
def key(service: Caller) -> str:
    return service.key()
