"""The code on docs/durable.md runs as it stands, against the service on a real socket."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import HERE, ROOT, node
from tests.support.service import Service

PAGE = (ROOT / "docs/durable.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PYTHON = [code for language, code in BLOCKS if language == "python"]
JAVASCRIPT = [code for language, code in BLOCKS if language == "js"]
SHELL = [code for language, code in BLOCKS if language == "bash"]


def run(service: Service, command: list[str]) -> str:
    """Run a program as a reader of the page does, and return what it printed."""
    service.agent("assistant", provider="demo", model="demo")
    environ = {**os.environ, "OPENAI_BASE_URL": service.base_url, "OPENAI_API_KEY": service.key()}
    done = subprocess.run(command, cwd=HERE / "node", env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_has_code_in_each_language() -> None:
    assert (len(PYTHON), len(JAVASCRIPT), len(SHELL)) == (3, 1, 1)


@pytest.mark.parametrize("code", PYTHON, ids=["resume", "helper", "poll"])
def test_the_python_of_the_page_prints_an_answer(service: Service, code: str) -> None:
    assert "story" in run(service, [sys.executable, "-c", code])


@pytest.mark.node
@pytest.mark.parametrize("code", JAVASCRIPT, ids=["resume"])
def test_the_javascript_of_the_page_prints_an_answer(service: Service, tmp_path: Path, code: str) -> None:
    assert "story" in run(service, [node(), "--input-type=module", "-e", code])


@pytest.mark.parametrize("code", SHELL, ids=["curl"])
def test_the_curl_of_the_page_prints_the_rest_of_a_stream(service: Service, code: str) -> None:
    printed = run(service, ["bash", "-euc", code])
    assert '"sequence_number":4' in printed
    assert '"sequence_number":3,' not in printed
    assert printed.endswith("data: [DONE]\n\n")
