"""How commands are described to argparse: groups of commands, and leaves that take the global options, too."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cli.usage import Parser

if TYPE_CHECKING:
    from argparse import Namespace, _SubParsersAction

    from cli.output import Output

Perform = Callable[..., Awaitable["Output"]]

GLOBAL = "Options of `antiphon --help`, such as --stack, --database, --tenant and --json, may stand here, too."


@dataclass(frozen=True, slots=True)
class Later:
    """A function that is imported when it is first called, so that help and completion need not wait for it."""

    module: str
    name: str

    def __call__(self, *args: Any) -> Coroutine[Any, Any, Output]:
        """Call it."""
        done: Coroutine[Any, Any, Output] = self.load()(*args)
        return done

    def load(self) -> Callable[..., Any]:
        """Import it."""
        function: Callable[..., Any] = getattr(import_module(f"cli.{self.module}"), self.name)
        return function


@dataclass(frozen=True, slots=True)
class Commands:
    """A place where commands can be added.

    Attributes:
        options: the global options, hidden, so that they may stand after the command as well as before it.
    """

    subparsers: _SubParsersAction[Parser]
    options: Parser

    def group(self, name: str, help: str) -> Commands:
        """Add a group of commands."""
        parser = self.subparsers.add_parser(name, help=help, description=_sentence(help))
        subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
        return Commands(subparsers, self.options)

    def command(
        self, name: str, help: str, run: Perform, *, begins: bool = False, asks: bool = False, changes: bool = False
    ) -> Parser:
        """Add a command on a deployment and return it for its own arguments.

        Args:
            name: the word for it.
            help: what it does.
            run: does it.
            begins: it can be the first one on an empty deployment, so it may make a new database.
            asks: it destroys something, so it asks, or needs ``--yes``.
            changes: it does what the audit log notes, if its arguments do not say so.
        """
        parser = self._add(name, help, GLOBAL, asks=asks)
        parser.set_defaults(run=run, begins=begins, changes=changes or begins or asks)
        return parser

    def standalone(
        self, name: str, help: str, run: Callable[[Namespace], Awaitable[Output]], *, asks: bool = False
    ) -> Parser:
        """Add a command that opens no store."""
        parser = self._add(name, help, None, asks=asks)
        parser.set_defaults(standalone=run)
        return parser

    def _add(self, name: str, help: str, epilog: str | None, *, asks: bool) -> Parser:
        parser = self.subparsers.add_parser(
            name,
            help=help,
            description=_sentence(help),
            epilog=epilog,
            parents=[self.options],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.set_defaults(leaf=parser, asks=asks)
        if asks:
            parser.add_argument("--yes", "-y", action="store_true", help="do not ask; needed in a script")
        return parser


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
