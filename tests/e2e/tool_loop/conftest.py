"""A service whose agent has three tools of one server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Upstream


@pytest.fixture
def tools() -> Tools:
    return Tools(find=says("Ada Lovelace"), count=says("3"), update=says("done"))


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, tools: Tools) -> Iterator[Service]:
    with Service(tmp_path, upstream, runner=tools, check_streams=True) as running:
        running.agent("agent", servers=(server("find", "count", "update"),))
        yield running
