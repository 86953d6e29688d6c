"""The real functions behind the local Runtime API, one host for each module that asks for it; and the template."""

from __future__ import annotations

import pytest

from tests.support.hosted import database, hosted
from tests.support.translated import of_type, translated, written
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


@pytest.fixture(scope="module", name="written")
def as_written():
    return written()


@pytest.fixture(scope="module")
def template():
    return translated()


@pytest.fixture(scope="module")
def api(template):
    [api] = of_type(template, "AWS::ApiGateway::RestApi").values()
    return api["Properties"]
