"""Who runs a command, for the audit log: an AWS identity on tables, an account of this machine on a file."""

from __future__ import annotations

import asyncio
import socket
from argparse import Namespace
from typing import Final

from antiphon.records import Actor
from antiphon.settings import Settings
from local.account import account_name

SECONDS: Final = 5
"""How long AWS may take to name the identity."""


async def actor_of(args: Namespace, tenant: str, settings: Settings) -> Actor:
    """Return who runs a command. AWS is asked only if the command does what the audit log notes."""
    noted = args.changes or getattr(args, "content", False)
    user = await asyncio.to_thread(_identity) if noted and _is_on_aws(settings) else ""
    return Actor(tenant, user or account_name(), "cli", host=socket.gethostname())


def _is_on_aws(settings: Settings) -> bool:
    return settings.core_table is not None and settings.aws_endpoint_url is None


def _identity() -> str:
    """Return the ARN of the credentials; empty if AWS does not name it: that must not keep a key from being revoked."""
    import boto3  # noqa: PLC0415 (slow to import, and seldom needed)
    from botocore.config import Config  # noqa: PLC0415 (as above)
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (as above)

    config = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 1})
    try:
        return str(boto3.client("sts", config=config).get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return ""
