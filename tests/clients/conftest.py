"""One service on the demo model, as a newcomer has it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.records import Fallback
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Gate, Request, Script, Upstream, finish, text, usage

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Its agent answers by a fallback: so clients see what Antiphon adds to a response, too.

    The agent ``acting`` has a tool that runs on the server; of ``asking`` it needs the caller's approval.
    """
    runner = Tools(get_population=says("2.1 million people"))
    with Service(tmp_path, runner=runner) as running:
        running.agent("agent", provider="nowhere", fallbacks=(Fallback("demo", "demo"),))
        running.agent("acting", servers=(server("get_population", label="atlas", parameters=CITY),))
        asking = server("get_population", label="atlas", parameters=CITY, approval="caller")
        running.agent("asking", servers=(asking,))
        yield running


def clients_python(environment: str = "clients") -> str:
    """Return the Python of an environment of clients; skip if there is none, unless this is CI."""
    python = ROOT / f".venv-{environment}/bin/python"
    if not os.environ.get("CI") and not python.exists():
        pytest.skip("needs the clients: `make clients`")
    return str(python)


def outcomes(script: str, service: Service, key: str, api: str, environment: str = "clients") -> dict[str, str]:
    """Run the cases of a script in ``python/`` on an API, each of which must pass; return what each gave, by name."""
    environ = {**os.environ, "BASE_URL": service.base_url, "API_KEY": key, "API": api}
    command = [clients_python(environment), str(HERE / f"python/{script}.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    outcome: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    failed = {name: report for name, report in outcome.items() if report != "passed"}
    assert not failed, "\n".join(failed.values())
    return outcome


def node() -> str:
    """Return Node.js; skip if it or the packages of ``node/`` are not installed, unless this is CI."""
    found = shutil.which("node")
    if not os.environ.get("CI") and (found is None or not (HERE / "node/node_modules/ai").exists()):
        pytest.skip("needs Node.js and its packages: `make clients`")
    assert found is not None
    return found


class HoldingUpstream(Upstream):
    """A model that answers "One two three", and holds it after "One " if its input says "Hold".

    Whoever says "Release" lets it go on, so a client in another process can do so. It may be said too early: the worker
    of a background response asks its model later than the client has its answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: list[Gate] = []
        self._early = 0

    def take(self, request: Request) -> Script:
        self.requests.append(request)
        said = str(request.body["messages"][-1]["content"])
        held: list[Any] = []
        if "Hold" in said and self._early:
            self._early -= 1
        elif "Hold" in said:
            held = [Gate()]
            self._held += held
        elif "Release" in said and self._held:
            self._held.pop().open()
        elif "Release" in said:
            self._early += 1
        return Script.stream(text("One "), *held, text("two "), text("three"), finish(), usage(3, 3))


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[Service]:
    """A service whose model can be held in the middle of an answer."""
    with HoldingUpstream() as upstream, Service(tmp_path, upstream, watch_seconds=0.05) as running:
        yield running
