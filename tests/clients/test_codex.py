"""Codex CLI, with Antiphon as its model provider, against the service on a real socket.

The scripted model endpoint behind the service says which command Codex runs: an ``echo``, in a directory of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import HERE, node
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, tool_call, usage

CONFIG = """
model = "agent"
model_provider = "antiphon"
web_search = "disabled"
check_for_update_on_startup = false

[features]
multi_agent = false

[analytics]
enabled = false

[model_providers.antiphon]
name = "Antiphon"
base_url = "{base_url}"
env_key = "ANTIPHON_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""
"""What ``docs/clients.md`` tells users, and neither telemetry nor an update check nor a retry that hides a fault."""

Codex = Any


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    with Service(tmp_path, upstream) as running:
        yield running


@pytest.fixture
def codex(service: Service, key: str, tmp_path: Path) -> Codex:
    """Gives a function that runs ``codex exec`` and returns what the agent said."""
    home = tmp_path / "home"
    (home / ".codex").mkdir(parents=True)
    (home / ".codex/config.toml").write_text(CONFIG.format(base_url=service.base_url))
    program = [node(), str(HERE / "node/node_modules/@openai/codex/bin/codex.js"), "exec"]
    options = ["--skip-git-repo-check", "--json", "--dangerously-bypass-approvals-and-sandbox"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "ANTIPHON_KEY": key}

    def run(*arguments: str) -> list[str]:
        command = [*program, *arguments[:-1], *options, arguments[-1]]
        done = subprocess.run(
            command, cwd=home, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        items = [event["item"] for event in events if event["type"] == "item.completed"]
        return [item["text"] for item in items if item["type"] == "agent_message"]

    return run


def told(upstream: Upstream, turn: int) -> list[dict[str, Any]]:
    return upstream.requests[turn].body["messages"]


@pytest.mark.node
def test_codex_is_answered_and_remembers_over_several_turns(codex: Codex, upstream: Upstream) -> None:
    upstream.scripts = [answer("Hello Ada"), answer("You are Ada")]
    assert codex("My name is Ada.") == ["Hello Ada"]
    assert codex("resume", "--last", "Who am I?") == ["You are Ada"]
    assert {"role": "assistant", "content": "Hello Ada"} in told(upstream, 1)
    assert told(upstream, 1)[-1]["content"] == "Who am I?"


@pytest.mark.node
def test_codex_runs_a_command_that_the_model_calls_and_sends_its_output(codex: Codex, upstream: Upstream) -> None:
    arguments = json.dumps({"cmd": "echo 17 degrees and sunny"})
    calling = Script.stream(tool_call(0, "call_1", "exec_command", arguments), finish("tool_calls"), usage(3, 2))
    upstream.scripts = [calling, answer("It is sunny")]
    assert codex("What is the weather?") == ["It is sunny"]
    output = told(upstream, 1)[-1]
    assert (output["role"], output["tool_call_id"]) == ("tool", "call_1")
    assert "17 degrees and sunny" in output["content"]
