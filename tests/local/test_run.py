"""`make run` as a newcomer meets it: the real process, its banner, its end."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import openai
import pytest

from tests.support.local_server import ROOT, Running, running, start
from tests.support.streams import assert_stream
from tests.support.terminal import INTERRUPT, Terminal


def test_the_printed_curl_streams_a_valid_stream(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        command = server.banner.split("Stream an answer:\n\n")[1].split("\n\n")[0].replace("\\\n", " ")
        answer = subprocess.run(shlex.split(command), capture_output=True, check=True)
    events = assert_stream(answer.stdout)
    assert events[-1]["type"] == "response.completed"
    call, message = events[-1]["response"]["output"]
    assert (call["type"], call["name"], call["status"]) == ("mcp_call", "time_in", "completed")
    assert call["output"] in message["content"][0]["text"], "the first stream of a newcomer calls a real tool"


def test_the_command_line_finds_the_server_on_any_port_and_says_how_to_start_one_that_is_gone(tmp_path: Path) -> None:
    with running(tmp_path):
        found = command(tmp_path, "chat", "clock", "--message", "What time is it in Rome? And in Tokyo?")
        assert (found.returncode, found.stdout[:24]) == (0, "local__time_in says: It "), found.stderr
        assert command(tmp_path, "responses", "list", "--json").returncode == 0
    gone = command(tmp_path, "responses", "list", PORT="1")
    assert gone.returncode != 0
    assert "http://127.0.0.1:1/v1 does not answer: start it with `make run`" in gone.stderr
    assert not (tmp_path / "url").exists()


def command(state: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line beside a server of a state folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTIPHON_"))}
    variables = {**kept, "ANTIPHON_STATE": str(state), **environ}
    return subprocess.run(
        [Path(sys.executable).with_name("antiphon"), *words],
        cwd=state,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tools_have_their_port_again_and_end_with_the_server_even_if_it_is_killed(tmp_path: Path) -> None:
    with running(tmp_path) as server, server.client() as client:
        hosts = (tmp_path / "tool-hosts").read_text()
        server.process.kill()
    port = int(hosts.strip().rpartition(":")[2])
    for _ in range(1000):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        break
    with running(tmp_path) as server, server.client() as client:
        assert (tmp_path / "tool-hosts").read_text() == hosts
        rolled = client.responses.create(model="clock", input="Roll dice for me")
        assert "The dice show" in rolled.output_text


def test_ctrl_c_in_its_terminal_ends_it_without_a_word_of_its_processes(tmp_path: Path) -> None:
    environ = {"PORT": "0", "ANTIPHON_STATE": str(tmp_path), "HOME": str(tmp_path)}
    with Terminal([sys.executable, "-m", "local"], ROOT, environ) as terminal:
        terminal.until("      if event.type")
        terminal.until("\n")
        before = len(terminal.shown)
        terminal.type(INTERRUPT)
        assert terminal.ended() == 0
        assert terminal.shown[before:].split()[-2:] == ["^C", "Stopped."]
        assert "Traceback" not in terminal.shown


def test_the_printed_python_prints_the_answer(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        snippet = server.banner.split("(pip install openai):\n\n")[1]
        code = "\n".join(line[2:] for line in snippet.splitlines())
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "demo model" in answer.stdout


def test_three_agents_are_there_and_one_calls_a_function(tmp_path: Path) -> None:
    with running(tmp_path) as server, server.client() as client:
        assert server.agents == ["assistant", "clock", "weather"]
        assert [model.id for model in client.models.list()] == server.agents
        answer = client.responses.create(model="weather", input="How is it in Paris?")
        assert [item.type for item in answer.output] == ["function_call"]


def test_a_third_agent_speaks_to_the_provider_of_the_environment(tmp_path: Path) -> None:
    from tests.support.upstream import Upstream, answer

    with Upstream([answer("From afar")]) as upstream:
        environ = {"OPENAI_API_KEY": "secret", "OPENAI_BASE_URL": upstream.base_url, "OPENAI_MODEL": "far"}
        with running(tmp_path, **environ) as server, server.client() as client:
            assert "openai" in server.agents
            assert client.responses.create(model="openai", input="Hi").output_text == "From afar"
        assert upstream.requests[0].headers["authorization"] == "Bearer secret"
        assert upstream.requests[0].body["model"] == "far"


def test_key_and_conversations_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as server, server.client() as client:
        first = client.responses.create(model="assistant", input="My name is Ada.")
        key = server.key
    with running(tmp_path) as server, server.client() as client:
        assert server.key == key
        second = client.responses.create(model="assistant", input="What is my name?", previous_response_id=first.id)
    assert "Ada" in second.output_text


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    with running(tmp_path) as server, server.client() as client:
        first = client.responses.create(model="assistant", input="Hello!")
        server.process.kill()
    with running(tmp_path) as server, server.client() as client:
        assert client.responses.retrieve(first.id).output_text == first.output_text


def test_an_interrupt_ends_it_cleanly(tmp_path: Path) -> None:
    process = start(tmp_path)
    Running(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out.strip(), err) == (0, "Stopped.", "")


@contextmanager
def streaming(server: Running) -> Iterator[Iterator[bytes]]:
    """Ask the server's upstream for a stream; yields its pieces as they come."""
    body = {"model": "openai", "input": "Hi", "stream": True}
    headers = {"authorization": f"Bearer {server.key}"}
    with httpx2.stream("POST", f"{server.base_url}/responses", json=body, headers=headers, timeout=30) as sse:
        yield sse.iter_bytes()


def read_until(wanted: bytes, pieces: Iterator[bytes]) -> bytes:
    raw = b""
    while wanted not in raw:
        raw += next(pieces)
    return raw


def test_an_interrupt_ends_open_streams_properly(tmp_path: Path) -> None:
    from tests.support.upstream import Gate, Script, Upstream, text

    with Upstream([Script.stream(text("Wait"), Gate())]) as upstream:
        environ = {"OPENAI_API_KEY": "secret", "OPENAI_BASE_URL": upstream.base_url}
        with running(tmp_path, **environ) as server, streaming(server) as pieces:
            raw = read_until(b'"delta":"Wait"', pieces)
            server.process.send_signal(signal.SIGINT)
            raw += b"".join(pieces)
    events = assert_stream(raw)
    assert events[-1]["response"]["error"]["code"] == "shutting_down"


def test_a_stop_while_the_database_is_locked_ends_open_streams_properly(tmp_path: Path) -> None:
    """The stream ended with `[DONE]` and no terminal event, which the OpenAI SDKs take for a success."""
    from tests.support.upstream import Gate, Script, Upstream, finish, text, usage

    gate = Gate()
    with Upstream([Script.stream(text("Wait"), gate, finish(), usage(1, 1))]) as upstream:
        environ = {"OPENAI_API_KEY": "secret", "OPENAI_BASE_URL": upstream.base_url}
        with running(tmp_path, **environ) as server, streaming(server) as pieces:
            raw = read_until(b'"delta":"Wait"', pieces)
            with closing(sqlite3.connect(tmp_path / "antiphon.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                gate.open()
                raw += read_until(b"response.output_text.done", pieces)
                server.process.send_signal(signal.SIGTERM)
                raw += b"".join(pieces)
    events = assert_stream(raw)
    assert events[-1]["response"]["error"]["code"] in {"shutting_down", "storage_unavailable"}


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(tmp_path, PORT=str(port))
        out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out == ""
    assert err == f"Port {port} is in use. `make run PORT={port + 1}` takes another.\n"


def test_the_local_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    with running(tmp_path):
        assert (tmp_path / "key").stat().st_mode & 0o077 == 0


def test_a_database_of_an_earlier_version_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "antiphon.db").touch(0o644)
    with running(tmp_path):
        assert (tmp_path / "antiphon.db").stat().st_mode & 0o777 == 0o600


def test_the_banner_lists_only_the_agents_that_its_key_can_use(tmp_path: Path) -> None:
    with running(tmp_path):
        pass
    cli = [str(Path(sys.executable).with_name("antiphon")), "--database", str(tmp_path / "antiphon.db")]
    subprocess.run([*cli, "users", "put", "ada"], check=True, capture_output=True)
    agent = tmp_path / "theirs.yaml"
    agent.write_text("id: theirs\nprovider: demo\nmodel: demo\n")
    subprocess.run([*cli, "agents", "apply", str(agent), "--author", "ada"], check=True, capture_output=True)
    with running(tmp_path) as server:
        assert server.agents == ["assistant", "clock", "weather"]


def test_each_request_is_one_line_on_standard_error(tmp_path: Path) -> None:
    with running(tmp_path) as server, server.client() as client:
        client.responses.create(model="assistant", input="Hello!")
        with pytest.raises(openai.NotFoundError):
            client.responses.create(model="canary", input="Hello!")
        assert server.process.stderr is not None
        served, refused = server.process.stderr.readline(), server.process.stderr.readline()
    assert re.search(r"  200  POST /v1/responses  agent=assistant  user=you  \d+ ms  \d+ tokens in, \d+ out\n$", served)
    assert re.search(r"  404  POST /v1/responses  model_not_found  user=you  \d+ ms\n$", refused)


def test_a_background_response_has_a_line_when_it_has_ended(tmp_path: Path) -> None:
    with running(tmp_path) as server, server.client() as client:
        queued = client.responses.create(model="assistant", input="Hello!", background=True)
        assert server.process.stderr is not None
        lines = [server.process.stderr.readline() for _ in range(2)]
    shown = rf"  ---  run {queued.id} completed  agent=assistant  user=you  \d+ ms  \d+ tokens in, \d+ out\n$"
    assert any(re.search(shown, line) for line in lines), lines


def test_with_log_json_each_request_is_one_json_line(tmp_path: Path) -> None:
    with running(tmp_path, LOG="json") as server:
        httpx2.get(f"{server.base_url}/%1b[31mred?canary", trust_env=False)
        assert server.process.stderr is not None
        line = json.loads(server.process.stderr.readline())
    told = [line[name] for name in ("message", "method", "path", "status", "code")]
    assert told == ["served", "GET", "/v1/%1b[31mred", 404, "route_not_found"]


def test_every_verb_is_explained() -> None:
    make = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for verb in ("run", "test", "check", "reset"):
        assert f"make {verb}" in make.stdout


def install(tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = ["local/install.sh", str(tmp_path / "venv"), "requirements/run.txt"]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def test_a_python_that_is_too_old_is_one_clear_line(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = install(tmp_path, PYTHON=str(old))
    assert done.returncode == 1
    assert done.stderr == "Antiphon needs Python 3.11 or newer; make PYTHON=/path/to/python3.13 names one.\n"


def test_an_install_without_a_network_is_one_clear_line(tmp_path: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}
    done = install(tmp_path, PYTHON=sys.executable, PIP_FIND_LINKS="", **nowhere)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("The dependencies could not be installed: is the package index")


def test_a_provider_whose_key_is_missing_ends_the_start_with_its_name(tmp_path: Path) -> None:
    providers = '{"groq": {"base_url": "https://api.groq.com/openai/v1", "api_key_env": "NO_SUCH_KEY"}}'
    process = start(tmp_path, ANTIPHON_PROVIDERS=providers)
    _, told = process.communicate(timeout=20)
    asked = "provider groq in ANTIPHON_PROVIDERS asks for it (api_key_env)"
    assert (process.returncode, told) == (1, f"NO_SUCH_KEY: missing; {asked}\n")


def test_a_provider_of_the_file_whose_key_is_missing_ends_the_start_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "providers.json").write_text(
        '{"groq": {"base_url": "https://a.example", "api_key_env": "NO_SUCH_KEY"}}'
    )
    process = start(tmp_path)
    _, told = process.communicate(timeout=20)
    asked = f"provider groq in {tmp_path}/providers.json asks for it (api_key_env)"
    assert (process.returncode, told) == (1, f"NO_SUCH_KEY: missing; {asked}\n")


def test_the_terminal_says_which_model_failed_and_how(tmp_path: Path) -> None:
    from tests.support.upstream import Script, Upstream

    with Upstream([Script([b"{}"], 401)]) as upstream:
        environ = {"OPENAI_API_KEY": "canary", "OPENAI_BASE_URL": upstream.base_url, "OPENAI_MODEL": "far"}
        with running(tmp_path, **environ) as server, server.client() as client:
            with pytest.raises(openai.InternalServerError):
                client.responses.create(model="openai", input="Hi")
            assert server.process.stderr is not None
            told = "model failed  provider=openai model=far code=provider_auth status=401\n"
            assert server.process.stderr.readline() == told


@pytest.mark.parametrize(
    ("environ", "status"), [({}, 200), ({"ANTIPHON_MANAGEMENT": "false"}, 404), ({"HOST": "0.0.0.0"}, 404)]
)
def test_management_is_served_to_this_machine_alone_unless_told_otherwise(
    tmp_path: Path, environ: dict[str, str], status: int
) -> None:
    with running(tmp_path, **environ) as server:
        url = server.base_url.replace("0.0.0.0", "127.0.0.1")
        headers = {"authorization": f"Bearer {server.key}"}
        assert httpx2.get(f"{url}/admin/me", headers=headers).status_code == status
