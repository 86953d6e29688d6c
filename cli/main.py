"""The entry of the command line: run one command, print its answer, return its exit code."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cli.verbs import parser

if TYPE_CHECKING:
    from argparse import Namespace

    from cli.output import Output

INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
"""What a shell reports of a process that a signal ended: 128 and the signal's number."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit code."""
    completing = "_ARGCOMPLETE" in os.environ  # a shell asks for completions
    root = parser(completing=completing)
    if completing:
        import argcomplete  # noqa: PLC0415 (only a completion needs it)

        argcomplete.autocomplete(root, always_complete_options=False)
    _tolerate_other_encodings()
    try:
        return _run(root.parse_args(argv))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of stdout has gone; Python would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _run(args: Namespace) -> int:
    from cli.failures import failure  # noqa: PLC0415 (slow to import, and --help needs none of it)

    try:
        answer = asyncio.run(_perform(args))
    except Exception as error:
        failed = failure(error)
        if failed is None:
            raise
        code, line = failed
        print("antiphon:", line, file=sys.stderr)
        _show_notes(getattr(error, "__notes__", ()))
        return code
    written = answer.written(as_json=bool(args.json))
    if written:
        print(written, flush=True)
    _show_notes(answer.notes)
    return answer.code


async def _perform(args: Namespace) -> Output:
    if args.asks and not args.yes:
        from cli.asking import require_consent  # noqa: PLC0415 (few commands ask)

        require_consent(args)
    if "standalone" in args:
        alone: Output = await args.standalone(args)
        return alone
    from cli.opening import perform  # noqa: PLC0415 (it imports the stores, which are slow)

    return await perform(args, os.environ)


def _tolerate_other_encodings() -> None:
    """Write what a terminal's encoding does not have as an escape, instead of ending with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _show_notes(notes: Sequence[str]) -> None:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
