"""Reads what a person types: a message of one or more lines, with the editing of the terminal."""

from __future__ import annotations

import contextlib
import sys
from typing import Final

PROMPT: Final = "> "
MORE: Final = ". "
FENCE: Final = '"""'

COMMANDS: Final = {
    "/branch": "go back to an earlier turn: /branch lists them, /branch 2 continues after the second, /branch ID "
    "after a stored response",
    "/compact": "shorten the conversation",
    "/new": "begin a new conversation",
    "/help": "list the commands",
    "/quit": "end",
}
"""What can be typed instead of a message."""

HELP: Final = "\n".join(
    [
        *(f"{name:<9} {does}" for name, does in COMMANDS.items()),
        "",
        "Ctrl-C cancels the answer that is running; Ctrl-D ends.",
        f"Several lines: end a line with \\, or press Alt-Enter, or put {FENCE} on a line before and after them.",
        "A message that begins with / is typed with two of them.",
    ]
)


def edit() -> None:
    """Let the terminal edit lines: history, completion of commands, pasted text of several lines."""
    try:
        import readline  # noqa: PLC0415 (not every Python has it)
    except ImportError:
        return
    readline.set_completer(_complete)
    readline.set_completer_delims("")
    for binding in ("tab: complete", "set enable-bracketed-paste on", r'"\e\C-m": "\C-v\C-j"'):
        with contextlib.suppress(Exception):  # libedit does not have all of them
            readline.parse_and_bind(binding)


def read_message(prompt: str = PROMPT) -> str | None:
    """Read a message; None at the end of the input.

    Raises:
        KeyboardInterrupt: Ctrl-C, which drops what was typed.
    """
    try:
        line = _line(prompt)
        if line.strip() == FENCE:
            return _fenced()
        while line.endswith("\\"):
            line = f"{line[:-1]}\n{_line(MORE)}"
    except EOFError:
        return None
    return line


def _line(prompt: str) -> str:
    """Read a line; the prompt goes to stdout, where readline draws it."""
    sys.stdout.flush()
    return input(prompt)


def _fenced() -> str:
    lines = []
    while (line := _line(MORE)).strip() != FENCE:
        lines.append(line)
    return "\n".join(lines)


def _complete(text: str, state: int) -> str | None:
    found = [name for name in COMMANDS if text.startswith("/") and name.startswith(text)]
    return found[state] if state < len(found) else None
