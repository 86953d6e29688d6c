"""A service with a server of tools, and a manager who may decide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.records import Role
from tests.support.caller import TENANT
from tests.support.server_tools import Tools, says
from tests.support.service import Service
from tests.support.upstream import Upstream


@pytest.fixture
def tools() -> Tools:
    return Tools(update=says("updated"), find=says("Ada"))


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, tools: Tools) -> Iterator[Service]:
    with Service(tmp_path, upstream, runner=tools, check_streams=True) as running:
        running.put(Role(TENANT, "MANAGER", remote_agents=frozenset({"USE"})))
        running.user("max", role="MANAGER")
        yield running
