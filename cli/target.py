"""Where a command works: the options and the environment become settings, by way of a stack's outputs if one is named.

It must not know any command nor any store adapter.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from antiphon.errors import SettingsError
from antiphon.settings import PREFIX, Settings, read_settings
from cli.answer import Refused

STATE: Final = ".antiphon"
"""Where the local server keeps its files, unless ``ANTIPHON_STATE`` says another place."""

FILE: Final = "antiphon.db"
_NEEDED: Final = ("CoreTableName", "ResponsesTableName", "Environment")


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment.

    Attributes:
        api_url: where it answers, if a stack said so; without a slash at the end.
    """

    settings: Settings
    api_url: str | None = None


def add_options(parser: ArgumentParser, default: Any) -> None:
    """Add the options that say where; ``default`` is what each has where it is not given."""
    parser.add_argument("--stack", metavar="NAME", default=default, help="a CloudFormation stack of Antiphon")
    parser.add_argument("--core-table", metavar="T", default=default, help="DynamoDB tables instead; both together")
    parser.add_argument("--responses-table", metavar="T", default=default)
    parser.add_argument("--database", metavar="FILE", default=default, help="an SQLite file instead")
    parser.add_argument("--region", metavar="R", default=default, help="the AWS region of the stack or tables")


def find(args: Namespace, environ: Mapping[str, str]) -> Target:
    """Work out the target. An option beats the environment, and that beats the local server's database.

    Raises:
        SettingsError: options or variables contradict each other.
        Refused: there is no such stack, or it is none of Antiphon.
        BotoCoreError: CloudFormation cannot be reached.
    """
    named = (args.stack, args.core_table or args.responses_table, args.database)
    if sum(place is not None for place in named) > 1:
        raise SettingsError("name one of --stack, --core-table with --responses-table, or --database")
    outputs = _outputs(args.stack) if args.stack else {}
    values = {name: environ.get(PREFIX + name, "") for name in ("ENVIRONMENT", "AWS_ENDPOINT_URL")}
    values |= _places(args, outputs, environ)
    values["PROVIDERS"] = outputs.get("Providers", "") if outputs else environ.get(PREFIX + "PROVIDERS", "")
    if outputs:
        values["ENVIRONMENT"] = outputs["Environment"]
    settings = read_settings({PREFIX + name: value for name, value in values.items()})
    return Target(settings, outputs.get("ApiUrl", "").rstrip("/") or None)


def _places(args: Namespace, outputs: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    told = {
        "CORE_TABLE": outputs.get("CoreTableName") or args.core_table or "",
        "RESPONSES_TABLE": outputs.get("ResponsesTableName") or args.responses_table or "",
        "DATABASE": args.database or "",
    }
    if not any(told.values()):
        told = {name: environ.get(PREFIX + name, "") for name in told}
    if any(told.values()):
        return told
    state = Path(environ.get(PREFIX + "STATE") or STATE)
    state.mkdir(parents=True, exist_ok=True)
    return {"DATABASE": str(state / FILE), "ENVIRONMENT": environ.get(PREFIX + "ENVIRONMENT") or "local"}


def _outputs(stack: str) -> dict[str, str]:
    import boto3  # noqa: PLC0415 (slow to import, and seldom needed)
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        raise Refused(f"stack {stack}: {error.response['Error']['Message']}") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    for name in _NEEDED:
        if name not in outputs:
            raise Refused(f"stack {stack} has no output {name}: is it a stack of Antiphon?")
    return outputs
