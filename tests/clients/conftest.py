"""One service on the demo model, as a newcomer has it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.records import Fallback
from tests.support.service import Service

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Its agent answers by a fallback: so clients see what Antiphon adds to a response, too."""
    with Service(tmp_path) as running:
        running.agent("agent", provider="nowhere", fallbacks=(Fallback("demo", "demo"),))
        yield running


@pytest.fixture
def key(service: Service) -> str:
    return service.key()


def clients_python(environment: str = "clients") -> str:
    """Return the Python of an environment of clients; skip if there is none, unless this is CI."""
    python = ROOT / f".venv-{environment}/bin/python"
    if not os.environ.get("CI") and not python.exists():
        pytest.skip("needs the clients: `make clients`")
    return str(python)


def node() -> str:
    """Return Node.js; skip if it or the packages of ``node/`` are not installed, unless this is CI."""
    found = shutil.which("node")
    if not os.environ.get("CI") and (found is None or not (HERE / "node/node_modules/ai").exists()):
        pytest.skip("needs Node.js and its packages: `make clients`")
    assert found is not None
    return found
