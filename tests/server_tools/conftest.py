"""AWS, for the tests of its tools."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.answering import Answering
from tests.support.aws_tools import serve_aws


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """Serve AWS: a server that notes what it is asked."""
    with serve_aws(monkeypatch) as server:
        yield server
