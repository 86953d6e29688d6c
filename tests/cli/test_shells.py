"""The printed completion works in the real shells: typed into an interactive one, with the Tab key."""

from __future__ import annotations

from pathlib import Path
from shutil import which

import pytest

from tests.support.command import EXECUTABLE
from tests.support.terminal import Terminal

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(antiphon completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u; source <(antiphon completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "antiphon completion fish | source"),
}
TYPED = {
    "antiphon ag": "antiphon agents ",
    "antiphon keys cr": "antiphon keys create ",
    "antiphon keys create --ex": "antiphon keys create --expires ",
    "antiphon agents apply hel": "antiphon agents apply helper.yaml",
}
KILL_LINE = "\x15"


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_commands_options_and_files(tmp_path, shell):
    command, setup = SHELLS[shell]
    if which(command[0]) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "helper.yaml").write_text("")
    path = f"{Path(EXECUTABLE).parent}:/usr/bin:/bin"
    with Terminal(command, tmp_path, {"PATH": path}) as terminal:
        terminal.type(f"{setup}; echo rea''dy\n")
        terminal.until("ready")
        for typed, completed in TYPED.items():
            terminal.type(typed + "\t")
            terminal.until(completed)
            terminal.type(KILL_LINE)
