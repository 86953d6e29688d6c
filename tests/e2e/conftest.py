"""One service for each test that asks for it; `--through` selects which one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.caller import Caller
from tests.support.durable import SOON, Open
from tests.support.functions import Functions
from tests.support.service import Service
from tests.support.upstream import Upstream


@pytest.fixture
def opened(tmp_path: Path, upstream: Upstream) -> Iterator[Open]:
    """Open one more process with the same store, in which losses show soon; it has nothing of the others' memory."""
    with contextlib.ExitStack() as stack:

        def open_service(**settings: Any) -> Service:
            return stack.enter_context(Service(tmp_path, upstream, **{**SOON, **settings}))

        yield open_service


@pytest.fixture
def other(opened: Open) -> Service:
    """Open a second process with the same store."""
    return opened()


@pytest.fixture
def through(request: pytest.FixtureRequest) -> str:
    """What tests call: this ``process``, or the functions by ``rest`` or ``url``."""
    return str(request.config.getoption("--through"))


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, through: str) -> Iterator[Caller]:
    here = through == "process"
    with Service(tmp_path, upstream) if here else Functions(tmp_path, upstream, door=through) as running:
        yield running
