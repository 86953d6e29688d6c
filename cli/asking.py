"""Ask before something is destroyed. Where nobody can be asked, `--yes` is needed."""

from __future__ import annotations

import sys
from argparse import Namespace

from cli.output import Refused

_NAMED = ("id", "agent", "principal", "file")
"""The arguments that name what is destroyed."""


def require_consent(args: Namespace) -> None:
    """Ask on a terminal.

    Raises:
        Refused: the answer is not yes, or stdin or stderr is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused("nothing was done: without a terminal to ask on, confirm it with --yes")
    named = [str(getattr(args, name)) for name in _NAMED if hasattr(args, name)]
    what = args.leaf.description.rstrip(".")
    print(f"{what}: {' '.join(named)}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Refused("nothing was done")
