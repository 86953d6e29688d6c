"""Writes the table of commands in ``cli.md`` from the parser of the command line."""  # noqa: INP001

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cli.verbs import parser

PAGE: Final = Path(__file__).with_name("cli.md")
BEGIN: Final = "<!-- `make docs` writes this table -->\n"
END: Final = "<!-- end of the table -->\n"


def page() -> str:
    """Return the page with its table written anew."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}{table()}{END}{after}"


def table() -> str:
    """Return one row for every command."""
    rows = "".join(f"| `{usage}` | {does} |\n" for usage, does in _commands(parser()))
    return f"| command | what it does |\n|---|---|\n{rows}"


def _commands(parent: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parent._actions:  # noqa: SLF001 (argparse has no other way to list subparsers)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for child in action.choices.values():
                yield from _commands(child)
            return
    yield _usage(parent), (parent.description or "").rstrip(".").replace("|", "\\|")


def _usage(command: argparse.ArgumentParser) -> str:
    words = command.format_usage().split()
    return " ".join(words[2:]).replace("[-h] ", "").replace(" [-h]", "").replace("|", "\\|")
