"""Aligned columns that fit the terminal. Into a pipe or a file every row is one line, however long."""

from __future__ import annotations

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Final

GAP: Final = "  "
NARROWEST: Final = 20
"""The narrowest last column that is still wrapped; below, the terminal wraps whole lines."""

_WIDE: Final = {"W": 2, "F": 2}

Rows = Sequence[Sequence[str]]


def table(header: Sequence[str], rows: Rows) -> str:
    """Align columns under a header; an empty cell becomes a dash. Without rows there is no text.

    What is wider than the terminal loses its empty columns; if it is still too wide, each row becomes a block of lines.
    """
    width = terminal_width()
    if not rows:
        return ""
    if width is None or _width([header, *rows]) <= width:
        return columns([header, *rows])
    kept = [index for index in range(len(header)) if any(row[index] for row in rows)]
    header, rows = _only(header, kept), [_only(row, kept) for row in rows]
    if _width([header, *rows]) <= width:
        return columns([header, *rows])
    return "\n\n".join(columns([(name, cell) for name, cell in zip(header, row, strict=True) if cell]) for row in rows)


def columns(rows: Rows) -> str:
    """Align columns; the last one is wrapped if the terminal is too narrow for it."""
    return "\n".join(aligned(rows))


def aligned(rows: Rows) -> list[str]:
    """Return the text of each row, without the last line's end."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(shown, column)) for column in zip(*cells, strict=True)]
    width = terminal_width()
    indent = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    room = None if width is None or width - indent < NARROWEST else width - indent
    return [_line(row, widths, room, indent) for row in cells]


def terminal_width() -> int | None:
    """Return how many columns stdout has; None if it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def shown(text: str) -> int:
    """Return how many columns a text takes: two for a wide character (UAX 11), none for a combining one."""
    return sum(_WIDE.get(unicodedata.east_asian_width(one), 1) for one in text if not unicodedata.combining(one))


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - shown(cell))


def _line(row: Sequence[str], widths: Sequence[int], room: int | None, indent: int) -> str:
    *first, last = row
    head = "".join(_padded(cell, width) + GAP for cell, width in zip(first, widths, strict=False))
    if room is None or shown(last) <= room:
        return (head + last).rstrip()
    lines = textwrap.wrap(last, room, break_long_words=False, break_on_hyphens=False)
    return head + f"\n{' ' * indent}".join(lines)


def _width(rows: Rows) -> int:
    widths = (max(shown(_cell(cell)) for cell in column) for column in zip(*rows, strict=True))
    return sum(width + len(GAP) for width in widths) - len(GAP)


def _only(row: Sequence[str], kept: Sequence[int]) -> list[str]:
    return [row[index] for index in kept]


def _cell(value: str) -> str:
    """Keep a cell on its line and free of terminal controls."""
    shown = "".join(character if character.isprintable() else " " for character in value)
    return shown or "-"
