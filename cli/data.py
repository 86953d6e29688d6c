"""`antiphon users export` and `erase`: all that is stored about a user, and its removal."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from antiphon.errors import ApiError
from antiphon.manage.changes import Document
from antiphon.manage.erase import erase_user
from antiphon.manage.export import export_user
from antiphon.manage.forms import EraseForm
from antiphon.manage.removal import count
from cli.advice import plain
from cli.output import Output, Refused
from cli.private_files import require_new, written
from cli.session import Session


async def export(session: Session, args: Namespace) -> Output:
    """Write all that is stored about a user, a record a line. A file is there only when it is whole."""
    number = 0
    with _opened(args.output) as out:
        async for record in session.all(export_user, args.id):
            out.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
            number += 1
    data = {"user": args.id, "records": number, "file": args.output}
    note = f"{count(number, 'record')} of user {args.id}"
    if args.output is None:
        return Output(None, notes=(note,))
    return Output(data, f"{note} in {args.output}")


async def erase(session: Session, args: Namespace) -> Output:
    """Erase a user; it waits until no function can take the user's keys any more."""
    form = EraseForm(agents=args.agents, agents_to=args.agents_to)
    total = {"responses": 0, "keys": 0, "agents": 0}
    while True:
        done = await _erased(session, args.id, form)
        total = {name: max(most, done[name]) if name == "keys" else most + done[name] for name, most in total.items()}
        if done["result"] == "erased":
            break
        if done["wait_seconds"] > 1:
            print(f"note: waits {done['wait_seconds']} seconds for requests that were accepted before", file=sys.stderr)
        await asyncio.sleep(done["wait_seconds"])
    removed = ", ".join(count(number, name.removesuffix("s")) for name, number in total.items())
    return Output({"id": args.id, "result": "erased", **total}, f"erased  {args.id}  ({removed})")


async def _erased(session: Session, user: str, form: EraseForm) -> Document:
    """Make one call of the erasure. If the choice for the user's agents is missing, the error names the options."""
    try:
        return await erase_user(session.services, session.operator, user, form, cache_seconds=session.cache_seconds)
    except ApiError as error:
        if error.code == "in_use" and error.param == "agents":
            raise Refused(f"{plain(error.message)}: pass --agents-to USER, or --agents delete") from None
        raise


@contextmanager
def _opened(path: str | None) -> Iterator[TextIO]:
    """Open stdout, or a file that only its owner can read; it appears under its name when it is complete."""
    if path is None:
        yield sys.stdout
        return
    require_new(Path(path))
    with written(Path(path)) as part, part.open("w", encoding="utf-8") as file:
        yield file
