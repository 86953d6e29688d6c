"""Shows on a terminal how far a command is, in one line that goes away at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from cli.tables import shown

T = TypeVar("T")

FEW: Final = 3
"""The number of things that are done without showing progress."""


def counted(things: Iterable[T], does: str, name: Callable[[T], str]) -> Iterator[T]:
    """Yield the things; meanwhile write to a terminal on stderr the number and the name of the present one."""
    whole = list(things)
    if len(whole) <= FEW or not sys.stderr.isatty():
        yield from whole
        return
    width = 0
    try:
        for number, thing in enumerate(whole, 1):
            line = f"{does} {number} of {len(whole)}: {name(thing)}"
            print(f"\r{line}{' ' * (width - shown(line))}", end="", file=sys.stderr, flush=True)
            width = shown(line)
            yield thing
    finally:
        print(f"\r{' ' * width}\r", end="", file=sys.stderr, flush=True)
