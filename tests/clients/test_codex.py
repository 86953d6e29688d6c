"""Codex CLI, with Antiphon as its model provider, against the service on a real socket.

Its configuration is the default one: provider, base URL, key and model. So it sends the tools ``web_search`` and
``namespace``, too. The scripted model endpoint behind the service says what Codex does: an ``echo``, a patch or a call
of its own tools, in a directory of its own.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import HERE, node
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, tool_call, usage

CONFIG = """
model = "{model}"
model_provider = "antiphon"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.antiphon]
name = "Antiphon"
base_url = "{base_url}"
env_key = "ANTIPHON_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = {websockets}
"""
"""The configuration of ``docs/clients.md``, without telemetry, update checks, and retries that would hide a fault."""

Codex = Any


@pytest.fixture
def tools() -> Tools:
    return Tools(get_population=says("2.1 million people"))


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, tools: Tools) -> Iterator[Service]:
    with Service(tmp_path, upstream, runner=tools) as running:
        yield running


@pytest.fixture(params=["http", "websocket"])
def transport(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """What Codex is set to use; a test that asks for it must not have used the other one."""
    caplog.set_level(logging.INFO, "antiphon.web")
    yield request.param
    methods = {vars(record).get("method") for record in caplog.get_records("call")}
    assert ("WS" in methods, "POST" in methods) == (request.param == "websocket", request.param == "http")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home/.codex").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def codex(service: Service, key: str, home: Path, transport: str) -> Codex:
    """Return a function that runs ``codex exec`` and returns what the agent said."""
    return codex_of(service, key, home, websockets=transport == "websocket")


def codex_of(service: Service, key: str, home: Path, *, websockets: bool) -> Codex:
    program = [node(), str(HERE / "node/node_modules/@openai/codex/bin/codex.js"), "exec"]
    options = ["--skip-git-repo-check", "--json", "--dangerously-bypass-approvals-and-sandbox"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "ANTIPHON_KEY": key}
    chosen = json.dumps(websockets)

    def run(*arguments: str, model: str = "agent") -> list[str]:
        (home / ".codex/config.toml").write_text(
            CONFIG.format(base_url=service.base_url, model=model, websockets=chosen)
        )
        command = [*program, *arguments[:-1], *options, arguments[-1]]
        done = subprocess.run(
            command, cwd=home, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        items = [event["item"] for event in events if event["type"] == "item.completed"]
        return [item["text"] for item in items if item["type"] == "agent_message"]

    return run


def calling(name: str, **arguments: Any) -> Script:
    return Script.stream(tool_call(0, "call_1", name, json.dumps(arguments)), finish("tool_calls"), usage(3, 2))


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
    upstream.scripts = [calling("exec_command", cmd="echo 17 degrees and sunny"), answer("It is sunny")]
    assert codex("What is the weather?") == ["It is sunny"]
    output = told(upstream, 1)[-1]
    assert (output["role"], output["tool_call_id"]) == ("tool", "call_1")
    assert "17 degrees and sunny" in output["content"]


@pytest.mark.node
def test_codex_runs_a_function_of_a_namespace_that_the_model_calls(codex: Codex, upstream: Upstream) -> None:
    """Codex sends ``multi_agent_v1`` by default: https://github.com/openai/codex/issues/26234."""
    upstream.scripts = [calling("multi_agent_v1__close_agent", target="nobody"), answer("Nobody is there")]
    assert codex("Close the agent") == ["Nobody is there"]
    offered = [tool["function"]["name"] for tool in upstream.requests[0].body["tools"]]
    assert "multi_agent_v1__close_agent" in offered
    assert not any("web_search" in name for name in offered)
    call, output = told(upstream, 1)[-2:]
    assert call["tool_calls"][0]["function"]["name"] == "multi_agent_v1__close_agent"
    assert output["tool_call_id"] == "call_1"
    assert "unsupported" not in output["content"]


@pytest.mark.node
def test_codex_shows_an_answer_made_with_a_tool_that_runs_on_the_server(
    codex: Codex, service: Service, upstream: Upstream, tools: Tools
) -> None:
    service.agent("agent", servers=(server("get_population", label="atlas"),))
    upstream.scripts = [calling("atlas__get_population", city="Paris"), answer("2.1 million"), answer("Still as many")]
    assert codex("How many people live in Paris?") == ["2.1 million"]
    assert told(upstream, 1)[-1]["content"] == "2.1 million people"
    assert codex("resume", "--last", "And now?") == ["Still as many"]
    assert {"role": "assistant", "content": "2.1 million"} in told(upstream, 2)
    assert tools.names == ["get_population"]


@pytest.mark.node
def test_codex_runs_a_command_beside_a_tool_that_runs_on_the_server(
    codex: Codex, service: Service, upstream: Upstream, tools: Tools
) -> None:
    service.agent("agent", servers=(server("get_population", label="atlas"),))
    command = tool_call(1, "call_2", "exec_command", json.dumps({"cmd": "echo sunny"}))
    again = tool_call(0, "call_3", "atlas__get_population", "{}")
    upstream.scripts = [
        Script.stream(
            tool_call(0, "call_1", "atlas__get_population", "{}"), command, finish("tool_calls"), usage(3, 2)
        ),
        Script.stream(again, finish("tool_calls"), usage(3, 2)),
        answer("Sunny, and 2.1 million"),
    ]
    assert codex("How is Paris?") == ["Sunny, and 2.1 million"]
    outputs = [message["content"] for message in told(upstream, 2) if message["role"] == "tool"]
    assert any("sunny" in output for output in outputs)
    assert outputs[-1] == "2.1 million people"
    assert tools.names == ["get_population"]


@pytest.mark.node
def test_codex_applies_a_patch_that_the_model_writes(
    codex: Codex, service: Service, upstream: Upstream, home: Path
) -> None:
    """For a model name that Codex has in its list, it offers ``apply_patch`` as a custom tool with a grammar."""
    service.agent("gpt-5.5", provider="up")
    patch = '*** Begin Patch\n*** Add File: poem.txt\n+"Roses" are \\red\n*** End Patch\n'
    upstream.scripts = [calling("apply_patch", input=patch), answer("Written")]
    assert codex("Write a poem", model="gpt-5.5") == ["Written"]
    assert (home / "poem.txt").read_text() == '"Roses" are \\red\n'
    call, output = told(upstream, 1)[-2:]
    assert json.loads(call["tool_calls"][0]["function"]["arguments"]) == {"input": patch}
    assert "poem.txt" in output["content"]


@pytest.mark.node
def test_codex_gets_along_with_tools_that_come_as_items(
    codex: Codex, service: Service, upstream: Upstream, home: Path
) -> None:
    """For the newest models Codex offers its tools in an ``additional_tools`` item: code that calls the others."""
    service.agent("gpt-6-sol", provider="up")
    code = 'const done = await tools.exec_command({cmd: "echo roses > poem.txt"}); text("ran");'
    upstream.scripts = [calling("functions__exec", input=code), answer("Written")]
    assert codex("Write a poem", model="gpt-6-sol") == ["Written"]
    assert (home / "poem.txt").read_text() == "roses\n"
    assert "ran" in json.dumps(told(upstream, 1)[-1]["content"])


@pytest.mark.node
def test_codex_continues_over_http_where_there_is_no_websocket(tmp_path: Path, upstream: Upstream, home: Path) -> None:
    """As on AWS: the upgrade is refused with 426."""
    upstream.scripts = [answer("Hello Ada")]
    with Service(tmp_path, upstream, ws="none") as service:
        assert codex_of(service, service.key(), home, websockets=True)("My name is Ada.") == ["Hello Ada"]
