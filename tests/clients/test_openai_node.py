"""The OpenAI SDK for Node.js, unchanged, against the service on a real socket: runs ``node/openai.test.mjs``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.service import Service

HERE = Path(__file__).parent / "node"


@pytest.mark.node
def test_the_node_sdk_works_unchanged(service: Service, key: str) -> None:
    node = shutil.which("node")
    if not os.environ.get("CI") and (node is None or not (HERE / "node_modules/openai").exists()):
        pytest.skip("needs node, and `npm ci` in tests/clients/node")
    assert node is not None
    environ = {**os.environ, "BASE_URL": service.base_url, "API_KEY": key}
    run = subprocess.run(
        [node, "--test", "openai.test.mjs"], cwd=HERE, env=environ, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    assert "# fail 0" in run.stdout
