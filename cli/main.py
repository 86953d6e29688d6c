"""The entry of the command line: options, exit codes, and the one place where failures become lines on stderr."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from antiphon.errors import SettingsError, StorageUnavailable
from antiphon.store.dynamodb.protocol import Refusal
from cli import agents, check, grants, keys, people, target
from cli.answer import Answer, Refused, Unreachable
from cli.commands import Commands
from cli.session import Session, check_id

if TYPE_CHECKING:
    from antiphon.bootstrap import Stores

REFUSED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3

DESCRIPTION: Final = "Keep the tenants, roles, users, agents, grants and API keys of an Antiphon deployment."
EPILOG: Final = f"""\
Where: the options above; else ANTIPHON_CORE_TABLE with ANTIPHON_RESPONSES_TABLE, or ANTIPHON_DATABASE;
else the local server's database, {target.STATE}/{target.FILE}.

On a fresh deployment, in this order:
  antiphon users put ada --role ADMIN
  antiphon agents apply examples/echo.yaml --author ada
  antiphon keys create --user ada

Exit codes: 0 done; 1 refused, not found, invalid input or a failed check; 2 wrong usage; 3 out of reach."""


def parser() -> ArgumentParser:
    """Describe the whole command line."""
    root = ArgumentParser(
        "antiphon", description=DESCRIPTION, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter
    )
    _add_options(root, None)
    options = ArgumentParser(add_help=False)
    _add_options(options, SUPPRESS)
    subparsers = root.add_subparsers(dest="topic", required=True, metavar="COMMAND")
    commands = Commands(subparsers, options)
    for room in (keys, agents, grants, people, check):
        room.add(commands)
    return root


def _add_options(parser: ArgumentParser, default: Any) -> None:
    target.add_options(parser, default)
    parser.add_argument("--tenant", metavar="ID", default=default, help="the tenant to work in (default)")
    parser.add_argument("--json", action="store_true", default=default, help="one JSON document on stdout")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    args = parser().parse_args(argv)
    try:
        answer = asyncio.run(_perform(args))
    except Refused as error:
        return _fail(REFUSED, error)
    except SettingsError as error:
        return _fail(USAGE, error)
    except Unreachable as error:
        return _fail(UNREACHABLE, error)
    except (StorageUnavailable, Refusal, BotoCoreError, ClientError) as error:
        return _fail(UNREACHABLE, f"the store cannot be reached: {error}")
    written = answer.written(as_json=bool(args.json))
    if written:
        print(written)
    for note in answer.notes:
        print(f"note: {note}", file=sys.stderr)
    return answer.code


async def _perform(args: Namespace) -> Answer:
    if "standalone" in args:
        alone: Answer = await args.standalone(args)
        return alone
    region = args.region or os.environ.get("AWS_REGION")
    if region:
        os.environ["AWS_DEFAULT_REGION"] = region  # the one name that boto3 reads
    where = target.find(args, os.environ)
    stores = _open(where)
    session = Session(
        keys=stores.keys,
        directory=stores.directory,
        tenant=check_id("tenant", args.tenant or "default"),
        environment=where.settings.environment,
        now=int(time.time()),
        entropy=secrets.token_bytes,
        api_url=where.api_url,
        providers=where.settings.providers,
    )
    try:
        answer: Answer = await args.run(session, args)
        return answer
    finally:
        await stores.aclose()


def _open(where: target.Target) -> Stores:
    from antiphon.bootstrap import build_stores  # noqa: PLC0415 (slow to import, and --help needs none of it)

    try:
        return build_stores(where.settings)
    except SettingsError as error:
        raise StorageUnavailable(str(error)) from error


def _fail(code: int, problem: object) -> int:
    print("antiphon:", " ".join(str(problem).split()), file=sys.stderr)
    return code
