"""Find the deployment that a command works on: from its options, a stack's outputs, the environment or this folder."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from antiphon.errors import SettingsError
from antiphon.settings import PREFIX, Settings, read_settings
from cli.output import Refused
from local.state import DATABASE, PROVIDERS, VARIABLE, folder, settings_of

_NEEDED: Final = ("CoreTableName", "ResponsesTableName", "Environment")
_OUTPUTS: Final = {
    "WEBHOOK_HOSTS": "WebhookHosts",
    "TOOL_HOSTS": "ToolHosts",
    "TOOL_SECRETS": "ToolSecrets",
    "TOOL_PARAMETERS": "ToolParameters",
    "TOOL_FUNCTIONS": "ToolFunctions",
    "TOOL_GATEWAYS": "ToolGateways",
    "KNOWLEDGE_BASES": "KnowledgeBases",
    "WEB_SEARCH": "WebSearch",
}
"""What webhooks and tools may reach: the variables, and a stack's outputs."""
_READ: Final = (
    *(PREFIX + name for name in ("ENVIRONMENT", "AUDIT_DAYS", "AWS_ENDPOINT_URL", *_OUTPUTS)),
    VARIABLE,
)
_STORES: Final = ("CORE_TABLE", "RESPONSES_TABLE", "DATABASE")


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment.

    Attributes:
        why: why it is this one; empty if an option named it.
        api_url: where it answers, if a stack has that output; without a slash at the end.
        providers_are: the file, variable or stack that names all providers; None if the command cannot read them all.
        is_local: it is the local server's, in the folder of its state.
    """

    settings: Settings
    why: str = ""
    api_url: str | None = None
    providers_are: str | None = None
    is_local: bool = False

    @property
    def database(self) -> Path | None:
        """The SQLite file; None for tables."""
        return None if self.settings.database is None else Path(self.settings.database).absolute()


def use_region(args: Namespace, environ: Mapping[str, str]) -> None:
    """Set the region of the options or the environment under the one name that boto3 reads."""
    region = args.region or environ.get("AWS_REGION")
    if region:
        os.environ["AWS_DEFAULT_REGION"] = region


def find(args: Namespace, environ: Mapping[str, str]) -> Target:
    """Find the target. An option beats the environment, and that beats the local server's database.

    Raises:
        SettingsError: options or variables contradict each other.
        Refused: there is no such stack, or it is not a stack of Antiphon.
        BotoCoreError: CloudFormation cannot be reached.
    """
    named = (args.stack, args.core_table or args.responses_table, args.database)
    if sum(place is not None for place in named) > 1:
        raise SettingsError("name one of --stack, --core-table with --responses-table, or --database")
    if (args.core_table is None) != (args.responses_table is None):
        raise SettingsError("--core-table and --responses-table go together")
    if args.stack:
        return _stack(args.stack, environ)
    options = dict(zip(_STORES, (args.core_table, args.responses_table, args.database), strict=True))
    if any(options.values()):
        return _read(options, environ)
    variables = {name: environ.get(PREFIX + name) for name in _STORES}
    if any(variables.values()):
        return _read(variables, environ, why=" and ".join(PREFIX + name for name in _STORES if variables[name]))
    return _local(environ)


def _local(environ: Mapping[str, str]) -> Target:
    state = folder(environ)
    why = "ANTIPHON_STATE" if environ.get("ANTIPHON_STATE") else "the local server's"
    environ = {**environ, PREFIX + "ENVIRONMENT": environ.get(PREFIX + "ENVIRONMENT") or "local"}
    target = _read({"DATABASE": str(state / DATABASE)}, environ, why=why)
    return replace(target, providers_are=target.providers_are or str(state / PROVIDERS), is_local=True)


def _read(places: Mapping[str, str | None], environ: Mapping[str, str], why: str = "") -> Target:
    values = {name: environ[name] for name in _READ if environ.get(name)}
    values |= {PREFIX + name: value for name, value in places.items() if value}
    database = places.get("DATABASE")
    if not database:
        return Target(read_settings(values), why, providers_are=VARIABLE if VARIABLE in values else None)
    state = Path(database).parent
    file = state / PROVIDERS
    providers_are = VARIABLE if VARIABLE in values else str(file) if file.is_file() else None
    return Target(settings_of(values, state), why, providers_are=providers_are)


def _stack(name: str, environ: Mapping[str, str]) -> Target:
    outputs = _outputs(name)
    values = {
        "CORE_TABLE": outputs["CoreTableName"],
        "RESPONSES_TABLE": outputs["ResponsesTableName"],
        "ENVIRONMENT": outputs["Environment"],
        "PROVIDERS": outputs.get("Providers", ""),
        "AUDIT_DAYS": outputs.get("AuditDays", ""),
        "AWS_ENDPOINT_URL": environ.get(PREFIX + "AWS_ENDPOINT_URL", ""),
        **{variable: outputs.get(output, "") for variable, output in _OUTPUTS.items()},
    }
    settings = read_settings({PREFIX + variable: value for variable, value in values.items()})
    api_url = outputs.get("ApiUrl", "").rstrip("/") or None
    return Target(settings, api_url=api_url, providers_are=f"stack {name}" if "Providers" in outputs else None)


def _outputs(stack: str) -> dict[str, str]:
    import boto3  # noqa: PLC0415 (slow to import, and seldom needed)
    from botocore.exceptions import ClientError  # noqa: PLC0415 (as above)

    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        raise Refused(f"stack {stack}: {error.response['Error']['Message']}") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    for name in _NEEDED:
        if name not in outputs:
            raise Refused(f"stack {stack} has no output {name}: is it a stack of Antiphon?")
    return outputs
