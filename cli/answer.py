"""What a command says: a JSON document and its plain text, or a refusal. It must not know any command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


class Refused(Exception):
    """The command cannot be done; the message is one line that says what to do instead."""


class Unreachable(Exception):
    """A server does not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command did or found.

    Attributes:
        data: the JSON form, for ``--json``.
        text: the form for people, on stdout; empty for none.
        notes: what else they should know, on stderr in both forms.
        code: the exit code.
    """

    data: Any
    text: str = ""
    notes: tuple[str, ...] = ()
    code: int = 0

    def written(self, *, as_json: bool) -> str:
        """Give what goes to stdout, without its last line's end."""
        return json.dumps(self.data, ensure_ascii=False, indent=2) if as_json else self.text


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns under a header; an empty cell becomes a dash. Without rows there is no text."""
    return columns([header, *rows]) if rows else ""


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Align columns with two spaces between them."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def moment(seconds: int | None) -> str:
    """Write a time in seconds since the epoch as UTC, to the minute; empty for None."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%MZ")


def _cell(value: str) -> str:
    """Keep a cell on its line and free of terminal controls."""
    shown = "".join(character if character.isprintable() else " " for character in value)
    return shown or "-"
