"""What takes long shows on a terminal how far it is, and nothing of that in a pipe."""

from __future__ import annotations

from cli.progress import FEW
from tests.support.command import EXECUTABLE, run
from tests.support.service import Service
from tests.support.terminal import Terminal


def agents(folder, number):
    folder.mkdir(exist_ok=True)
    for index in range(number):
        (folder / f"{index}.yaml").write_text(f"id: agent-{index}\nauthor: ada\nprovider: demo\nmodel: demo\n")


def test_many_agents_are_counted_while_they_are_applied(tmp_path):
    run("users", "put", "ada", "--role", "ADMIN", cwd=tmp_path)
    agents(tmp_path / "agents", FEW + 1)
    with Terminal([EXECUTABLE, "agents", "apply", "agents"], tmp_path) as terminal:
        assert terminal.ended() == 0
    assert f"\rwriting agent {FEW + 1} of {FEW + 1}: agent-{FEW}" in terminal.raw
    assert f"created  agent-{FEW}\n" in terminal.shown


def test_few_agents_and_a_pipe_show_no_progress(tmp_path):
    run("users", "put", "ada", "--role", "ADMIN", cwd=tmp_path)
    agents(tmp_path / "agents", FEW)
    with Terminal([EXECUTABLE, "agents", "apply", "agents"], tmp_path) as terminal:
        assert terminal.ended() == 0
    assert "writing" not in terminal.raw
    agents(tmp_path / "agents", FEW + 1)
    assert "writing" not in run("agents", "apply", "agents", cwd=tmp_path).err


def test_a_check_names_what_it_is_doing(tmp_path):
    with Service(tmp_path) as service:
        options = ("--key", service.key(), "--agent", "agent")
        with Terminal([EXECUTABLE, "check", service.base_url, *options], tmp_path) as terminal:
            assert terminal.ended() == 0
    assert "\rcheck 1 of " in terminal.raw
