"""How commands are described to argparse: groups of commands, each leaf with the options that every command takes.

It must not know any particular command.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.answer import Answer
from cli.session import Session

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

Run = Callable[[Session, "Namespace"], Awaitable[Answer]]
Standalone = Callable[["Namespace"], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Commands:
    """A place where commands can be added.

    Attributes:
        options: the options that every command takes, too, so that they may stand before or after it.
    """

    subparsers: _SubParsersAction[ArgumentParser]
    options: ArgumentParser

    def group(self, name: str, help: str) -> Commands:
        """Add a group of commands."""
        parser = self.subparsers.add_parser(name, help=help, description=help)
        subparsers = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
        return Commands(subparsers, self.options)

    def command(self, name: str, help: str, run: Run) -> argparse.ArgumentParser:
        """Add a command; its own arguments go on what is returned."""
        parser = self.subparsers.add_parser(name, help=help, description=help, parents=[self.options])
        parser.set_defaults(run=run)
        return parser

    def standalone(self, name: str, help: str, run: Standalone) -> argparse.ArgumentParser:
        """Add a command that needs no deployment of its own: it opens no store."""
        parser = self.subparsers.add_parser(name, help=help, description=help)
        parser.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON document on stdout"
        )
        parser.set_defaults(standalone=run)
        return parser
