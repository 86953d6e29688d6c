"""The real functions behind the local Runtime API: one host for each module that asks for it."""

from __future__ import annotations

import pytest

from tests.support.hosted import database, hosted
from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def stored():
    with database() as stored:
        yield stored


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def host(stored, upstream, tmp_path_factory):
    with hosted(stored.url, tmp_path_factory.mktemp("logs"), upstream) as host:
        yield host
