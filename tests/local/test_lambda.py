"""`make lambda`, as a newcomer runs it: its banner is correct."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from local.lambda_host.layers import ROOT
from tests.support.command import EXECUTABLE
from tests.support.ports import free_port
from tests.support.terminal import INTERRUPT, Terminal


@pytest.fixture(scope="module")
def banner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANTIPHON_", "OPENAI_"))}
    environ = given | {
        "PORT": str(free_port(2)),
        "ANTIPHON_STATE": str(tmp_path_factory.mktemp("state")),
        "PYTHONPATH": f"{ROOT / 'layers/antiphon'}:{ROOT}",
    }
    command = [sys.executable, "-m", "local.lambda_host"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "antiphon agents apply" not in lines[-1]:
            line = process.stdout.readline()
            assert line, "".join(lines)
            lines.append(line)
        yield "".join(lines)
        process.terminate()


def shown(banner: str, name: str) -> str:
    found = re.search(rf"^  {name} +(\S+)", banner, re.MULTILINE)
    assert found is not None, banner
    return found[1]


def ask(base_url: str, key: str, agent: str) -> int:
    return httpx2.post(
        f"{base_url}/responses",
        json={"model": agent, "input": "Hello"},
        headers={"authorization": f"Bearer {key}"},
        timeout=60,
        trust_env=False,
    ).status_code


def test_both_front_doors_answer_where_the_banner_says(banner: str) -> None:
    key = shown(banner, "key")
    assert [ask(shown(banner, door), key, "assistant") for door in ("base_url", "Function URL")] == [200, 200]


def test_nothing_is_promised_of_a_state_that_is_not_kept(banner: str) -> None:
    assert "make reset" not in banner
    assert "State: in memory, gone with Ctrl-C" in banner


def test_the_printed_commands_add_an_agent_that_the_functions_serve(banner: str) -> None:
    commands = [line.strip() for line in banner.splitlines() if line.startswith(("  export ", "  .venv/bin/antiphon"))]
    script = "\n".join(commands).replace(".venv/bin/antiphon", str(Path(sys.executable).with_name("antiphon")))
    done = subprocess.run(["bash", "-ec", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ask(shown(banner, "base_url"), shown(banner, "key"), "echo") == 200


def test_its_folder_lets_a_database_be_restored_but_not_be_forgotten_and_ctrl_c_ends_it_without_a_word_of_its_processes(
    tmp_path: Path,
) -> None:
    state = {"ANTIPHON_STATE": str(tmp_path / ".antiphon")}

    def done(*command: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **state}
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    antiphon = str(EXECUTABLE)
    assert done(antiphon, "users", "put", "ada", "--role", "ADMIN").returncode == 0
    assert done(antiphon, "backup", "b.db").returncode == 0
    environ = {**state, "PORT": str(free_port(2)), "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with Terminal([sys.executable, "-m", "local.lambda_host"], ROOT, environ) as terminal:
        terminal.until("antiphon agents apply", 60)
        terminal.until("\n")
        before = len(terminal.shown)
        assert done(antiphon, "restore", "--yes", "b.db").stderr.startswith("note: what was there before")
        assert "A server is using" in done(sys.executable, "-m", "local.reset").stderr
        terminal.type(INTERRUPT)
        assert terminal.ended() == 0
        assert terminal.shown[before:].split() == ["^C", "Stopped."]
