"""``llm-comply``, an independent suite for Open Responses servers, in full against the service on a real socket."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import clients_python
from tests.support.service import Service

REASONING = "gpt-5-demo"
"""The suite tests reasoning with agents whose id looks like a reasoning model's."""


@pytest.mark.clients
def test_llm_comply_passes_in_full(service: Service, key: str) -> None:
    service.agent(REASONING, provider="demo", model="demo")
    command = [str(Path(clients_python()).with_name("llm-comply")), "-u", service.base_url, "-m", REASONING, "--json"]
    environ = {**os.environ, "OPENRESPONSES_API_KEY": key}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300)
    report = json.loads(done.stdout)
    assert len(report["results"]) == report["summary"]["total"] >= 13
    assert {result["id"] for result in report["results"] if result["status"] != "passed"} == set(), done.stdout
