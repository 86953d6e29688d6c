"""Frameworks for Python on Chat Completions, unchanged, against the service on a real socket.

Those of ``chat`` need an older version of the OpenAI SDK than the others, so they have an environment of their own.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.clients.conftest import HERE, clients_python
from tests.support.service import Service

FRAMEWORKS = {
    "langchain": "clients",
    "pydantic_ai": "clients",
    "openai_agents": "clients",
    "llama_index": "clients-chat",
    "litellm": "clients-chat",
    "instructor": "clients-chat",
    "llm": "clients-chat",
}
"""For each framework the environment that it is installed in."""


@pytest.mark.clients
@pytest.mark.parametrize("client", FRAMEWORKS)
def test_a_framework_works_unchanged_on_chat_completions(service: Service, key: str, client: str) -> None:
    environ = {**os.environ, "BASE_URL": service.base_url, "API_KEY": key}
    command = [clients_python(FRAMEWORKS[client]), str(HERE / f"python/with_{client}_chat.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout.splitlines()[-1])
    failed = {name: report for name, report in outcome.items() if report != "passed"}
    assert outcome
    assert not failed, "\n".join(failed.values())
