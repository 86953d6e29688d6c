"""Ask before something is destroyed, if a person is there to answer."""

from __future__ import annotations

import sys
from argparse import Namespace

from cli.output import Refused

_NAMED = ("id", "agent", "principal", "file")
"""The arguments that name what is destroyed."""


def require_consent(args: Namespace) -> None:
    """Ask on a terminal, and do not ask if stdin or stderr is none.

    Raises:
        Refused: the answer is not yes.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    named = [str(getattr(args, name)) for name in _NAMED if hasattr(args, name)]
    what = args.leaf.description.rstrip(".")
    print(f"{what}: {' '.join(named)}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Refused("nothing was done")
