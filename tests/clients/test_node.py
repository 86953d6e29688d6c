"""Clients for Node.js, unchanged, against the service on a real socket: each runs a file in ``node/``."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.clients.conftest import HERE, node
from tests.support.service import Service


@pytest.mark.node
@pytest.mark.parametrize("client", ["openai", "openai_chat", "ai_sdk"])
def test_a_node_client_works_unchanged(service: Service, key: str, client: str) -> None:
    environ = {**os.environ, "BASE_URL": service.base_url, "API_KEY": key, "ACTING": "acting"}
    command = [node(), "--test", f"{client}.test.mjs"]
    run = subprocess.run(command, cwd=HERE / "node", env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "# fail 0" in run.stdout


@pytest.mark.node
def test_openai_node_runs_in_the_background_resumes_and_cancels(holding: Service) -> None:
    environ = {**os.environ, "BASE_URL": holding.base_url, "API_KEY": holding.key()}
    command = [node(), "--test", "openai_durable.test.mjs"]
    run = subprocess.run(command, cwd=HERE / "node", env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "# fail 0" in run.stdout
