"""The command ``antiphon`` under test: run as a process of its own, or in this one, against a real store."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.main import main

EXECUTABLE = str(Path(sys.executable).with_name("antiphon"))


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Antiphon:
    """The command with the options that say where; called with the rest of the arguments.

    Attributes:
        place: options such as ``--database FILE``.
        captured: gives and clears what this process wrote, as pytest's ``capsys.readouterr``.
    """

    place: Sequence[str]
    captured: Callable[[], Any]

    def __call__(self, *arguments: str) -> Outcome:
        """Run a command in this process."""
        self.captured()
        try:
            code = main([*self.place, *arguments])
        except SystemExit as usage:
            code = int(usage.code or 0)
        wrote = self.captured()
        return Outcome(code, wrote.out, wrote.err)

    def done(self, *arguments: str) -> str:
        """Run a command that must succeed, and give what it wrote to stdout."""
        outcome = self(*arguments)
        assert outcome.code == 0, outcome.err
        return outcome.out

    def read(self, *arguments: str) -> Any:
        """Run a command that must succeed with ``--json``, and give the document."""
        return json.loads(self.done(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused, and give its one line."""
        outcome = self(*arguments)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith("antiphon: ")
        assert outcome.err.count("\n") == 1
        return outcome.err


def run(*arguments: str, stdin: str = "", cwd: Path, environ: dict[str, str] | None = None) -> Outcome:
    """Run the installed command as a process, with nothing in its environment but what is given."""
    done = subprocess.run(
        [EXECUTABLE, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", **(environ or {})},
        check=False,
        timeout=60,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command of a parser, as its words."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield words
    for action in inner:
        for name, below in action.choices.items():
            yield from leaves(below, (*words, name))
