"""Agent frameworks for Python, unchanged, against the service on a real socket: each runs a script in ``python/``.

They stand on other versions of what Antiphon stands on, so they live in an environment of their own (``make clients``).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import clients_python
from tests.support.service import Service

SCRIPTS = Path(__file__).parent / "python"


@pytest.mark.clients
@pytest.mark.parametrize(
    ("client", "transport"),
    [("openai_agents", "http"), ("openai_agents", "websocket"), ("langchain", "http"), ("pydantic_ai", "http")],
)
def test_a_framework_works_unchanged(service: Service, key: str, client: str, transport: str) -> None:
    environ = {**os.environ, "BASE_URL": service.base_url, "API_KEY": key, "TRANSPORT": transport}
    command = [clients_python(), str(SCRIPTS / f"with_{client}.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    failed = {name: report for name, report in outcome.items() if report != "passed"}
    assert not failed, "\n".join(failed.values())
    assert {"text", "streaming", "tools_over_several_turns", "memory_by_items"} <= outcome.keys()
