"""Pins the tools of an agent's servers: they are looked up once, when the agent is applied, and stored with it.

What a server changes afterwards reaches no model before the agent is applied again (CVE-2025-54136), no request waits
for a list, and the prompt stays the same.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from typing import Final

from antiphon.errors import ApiError, FetchError
from antiphon.fetch.hosts import ToolHosts
from antiphon.ports import Pinned
from antiphon.records import ServerTool
from antiphon.server_tools.authorization import problems
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.entries import kind_of
from antiphon.server_tools.entry import ServerEntry
from antiphon.server_tools.runners import FOLDERS
from antiphon.settings import Settings

PIN_SECONDS: Final = 20.0
"""How long the servers of one agent may take to list their tools; the function of management has 29 seconds for all."""


class CannotPin(ApiError):
    """The tools of a server cannot be pinned: 400, with a message that names what to change."""

    def __init__(self, message: str) -> None:
        super().__init__("invalid_value", message, param="tools", complete=True)


@dataclass(frozen=True, slots=True)
class Means:
    """What tools are pinned with.

    Attributes:
        settings: of the deployment that will call the tools.
        client: sends requests.
        deadline: until when to wait, in the event loop's time.
        read_file: reads a file that an entry names; None if files are not read.
    """

    settings: Settings
    client: ToolClient
    deadline: float
    read_file: Callable[[str], bytes] | None = None


async def pin(
    entries: Iterable[ServerEntry], settings: Settings, read_file: Callable[[str], bytes] | None = None
) -> list[Pinned]:
    """Look up the tools of an agent's servers, all at once.

    Args:
        entries: the servers, as the agent's document has them.
        settings: of the deployment that will call the tools.
        read_file: reads a file that an entry names. Without it no file is read: who sends an agent over HTTP must not
            read those of the server.

    Raises:
        CannotPin: a server cannot be used, or the deployment does not allow it.
    """
    client = ToolClient(settings)
    means = Means(settings, client, asyncio.get_running_loop().time() + PIN_SECONDS, read_file)
    try:
        found = await asyncio.gather(*(_pin(entry, means) for entry in entries), return_exceptions=True)
    finally:
        await client.aclose()
    failed = next((each for each in found if isinstance(each, BaseException)), None)
    if failed is not None:
        raise failed
    return [each for each in found if isinstance(each, Pinned)]


async def _pin(entry: ServerEntry, means: Means) -> Pinned:
    kind = kind_of(entry)
    module = import_module(f"antiphon.server_tools.{FOLDERS[kind]}.pin")
    auth = {} if entry.auth is None else entry.auth.wire()
    for problem in problems(auth, means.settings):
        raise CannotPin(f"{entry.label}: {problem}")
    token_url = auth.get("oauth", {}).get("token_url")
    if token_url and (unreachable := host_problem(token_url, means.settings)):
        raise CannotPin(f"{entry.label}: {unreachable}")
    pinned: Pinned = await module.pin(entry, means)
    return pinned


def host_problem(url: str, settings: Settings) -> str | None:
    """Return why the deployment lets no tool call a URL; None if it does. It names the setting to change."""
    try:
        ToolHosts(settings.tool_hosts).read(url)
    except FetchError:
        if settings.tool_hosts:
            return f"{url} is not on a host of ANTIPHON_TOOL_HOSTS (on AWS: ToolHosts)"
        return f"{url} is private, not https or has another port: list its host in ANTIPHON_TOOL_HOSTS (ToolHosts)"
    return None


def digest_of(tools: Iterable[ServerTool]) -> str:
    """Return the SHA-256 of the definitions of tools, hexadecimal, without what comes from an agent's file."""
    defined = [[tool.name, tool.description, tool.parameters, tool.how] for tool in tools]
    return sha256(json.dumps(defined, sort_keys=True).encode()).hexdigest()
