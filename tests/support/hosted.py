"""The real functions behind the local front doors, on a DynamoDB of their own, a scripted model beside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from antiphon.access import keys, roles
from antiphon.bootstrap import build_stores
from antiphon.records import Agent, User
from antiphon.settings import Settings
from local.lambda_host.dynamodb import create_tables, serve_apart
from local.lambda_host.host import Host
from local.lambda_host.layers import ROOT, Layout, lay_out
from local.lambda_host.template import Template, read_template
from tests.support.service import SEAL_KEY
from tests.support.upstream import Upstream

AWS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-central-1"}
AGENT = "agent"
"""Ada's, on the demo model."""
UPSTREAM = "upstream"
"""Bob's, on the scripted model endpoint."""


class Stored(NamedTuple):
    """A DynamoDB with two users, an agent of each, and a key of each."""

    url: str
    ada: str
    bob: str


@cache
def layout() -> Layout:
    """Return the layout for the running Python; made once for a test process."""
    return lay_out(Path(tempfile.mkdtemp(prefix="antiphon-lambda-")), None)


@cache
def template() -> Template:
    """Return the template of the repository."""
    return read_template(ROOT / "template.yaml", FunctionUrl="on", WebSocketApi="on")


@contextlib.contextmanager
def database() -> Iterator[Stored]:
    """Serve a DynamoDB with the template's tables and in them who calls."""
    with pytest.MonkeyPatch.context() as patch, serve_apart() as url:
        for name, value in AWS.items():
            patch.setenv(name, value)
        create_tables(url, template().tables)
        yield Stored(url, *asyncio.run(_seed(url)))


async def _seed(url: str) -> list[str]:
    stores = build_stores(Settings(core_table="CoreTable", responses_table="ResponsesTable", aws_endpoint_url=url))
    made = []
    for user, agent, provider in (("ada", AGENT, "demo"), ("bob", UPSTREAM, "up")):
        await stores.directory.put(User("default", user, role=roles.ADMIN))
        await stores.directory.put_agent(Agent("default", agent, provider, "m", author=user))
        made.append(keys.make_key("dev", secrets.token_bytes))
        await stores.keys.add(keys.record(made[-1], tenant="default", user=user, now=1))
    await stores.aclose()
    return made


@contextlib.contextmanager
def hosted(
    url: str,
    log: Path,
    upstream: Upstream | None = None,
    environ: Mapping[str, str] | None = None,
    built: Layout | None = None,
    **changes: Any,
) -> Iterator[Host]:
    """Run the functions, ``built`` or as the sources are; nobody may have broken the Runtime API's protocol."""
    providers = {"up": {"base_url": upstream.base_url}} if upstream else {}
    own = AWS | {"ANTIPHON_PROVIDERS": json.dumps(providers), "ANTIPHON_SEAL_KEYS": SEAL_KEY} | dict(environ or {})
    with Host(built or layout(), template(), url, log=log, environ=own, **changes) as host:
        yield host
        assert host.breaches == []
