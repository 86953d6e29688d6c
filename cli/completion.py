"""`antiphon completion`: what a shell has to read so that it completes commands, options and files."""

from __future__ import annotations

from argparse import Namespace

from cli.output import Output


async def write(args: Namespace) -> Output:
    """Return the code for one shell; it asks ``antiphon`` itself, so it stays true when the command changes."""
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415 (no other command needs it)

    code: str = shellcode(["antiphon"], shell=args.shell)
    return Output({"shell": args.shell, "code": code}, code.rstrip("\n"))
