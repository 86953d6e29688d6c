"""The parser of the command line: argparse, with errors of one line that name the likely word."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NoReturn

from cli.suggestion import did_you_mean

USAGE: Final = 2
"""The exit code of wrong usage."""

_REQUIRED: Final = "the following arguments are required: "


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line on stderr: what is wrong, the likely word, and where the help is."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments; end the process with ``USAGE`` if they are wrong."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            leaf: Parser = getattr(parsed, "leaf", self)
            leaf.error(_unknown(unknown, leaf.option_names()))
        return parsed

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse what is known; of a command with arguments, a misspelt option is wrong before a missing one is."""
        if self._subparsers is None:
            names = tuple(self.option_names())
            for word in itertools.takewhile(lambda word: word != "--", args or ()):
                name = word.partition("=")[0]
                if name.startswith("--") and " " not in name and not any(known.startswith(name) for known in names):
                    self.error(_unknown([name], names))
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Write one line and end the process, without a usage text before it."""
        if message.startswith(_REQUIRED):
            missing = message.removeprefix(_REQUIRED)
            message = self._no_command() if missing == "COMMAND" else f"{missing} is missing"
        print(f"antiphon: {message}{'' if message.endswith('?') else '.'} See `{self.prog} --help`.", file=sys.stderr)
        sys.exit(USAGE)

    def option_names(self) -> Iterator[str]:
        """Yield every option that this parser takes."""
        for action in self._actions:
            yield from action.option_strings

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(None, _no_choice(action, str(value), known))

    def _no_command(self) -> str:
        commands = next(action.choices for action in self._actions if action.metavar == "COMMAND")
        return f"a command is missing: {_listed(commands or ())}"


def _unknown(words: Sequence[str], options: Iterable[str]) -> str:
    option = next((word for word in words if word.startswith("-")), None)
    if option is None:
        return f"{' '.join(words)!r} is one argument too many"
    name = option.partition("=")[0]
    meant = did_you_mean(name, options)
    return f"there is no option {name}" + (f": {meant}" if meant else "")


def _no_choice(action: argparse.Action, value: str, known: list[str]) -> str:
    what = "command" if action.metavar == "COMMAND" else "/".join(action.option_strings) or str(action.metavar).lower()
    return f"there is no {what} {value!r}: " + (did_you_mean(value, known) or f"it is one of {_listed(known)}")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
