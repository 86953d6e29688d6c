"""Pins the tools of an agent's servers: they are looked up once, when the agent is applied, and stored with it.

What a server changes afterwards reaches no model before the agent is applied again (CVE-2025-54136), no request waits
for a list, and the prompt stays the same.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from typing import Any, Final, NamedTuple

from antiphon.errors import AntiphonError, FetchError
from antiphon.fetch.hosts import ToolHosts
from antiphon.records import ServerTool, ToolServer
from antiphon.server_tools.authorization import problems
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.entry import ServerEntry
from antiphon.server_tools.runners import FOLDERS
from antiphon.settings import Settings

PIN_SECONDS: Final = 30.0
"""How long the servers of one agent may take to list their tools."""


class CannotPin(AntiphonError):
    """The tools of a server cannot be pinned; the message says what to change."""


class Pinned(NamedTuple):
    """A server with its tools as they are now.

    Attributes:
        notes: what could not be used, and why.
    """

    server: ToolServer
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Means:
    """What tools are pinned with.

    Attributes:
        settings: of the deployment that will call the tools.
        client: sends requests.
        deadline: until when to wait, in the event loop's time.
    """

    settings: Settings
    client: ToolClient
    deadline: float


async def pin(entries: Iterable[ServerEntry], settings: Settings) -> list[Pinned]:
    """Look up the tools of an agent's servers, all at once.

    Args:
        entries: the servers, as the agent's document has them.
        settings: of the deployment that will call the tools.

    Raises:
        CannotPin: a server cannot be used, or the deployment does not allow it.
    """
    client = ToolClient(settings)
    means = Means(settings, client, asyncio.get_running_loop().time() + PIN_SECONDS)
    try:
        return list(await asyncio.gather(*(_pin(entry, means) for entry in entries)))
    finally:
        await client.aclose()


async def _pin(entry: ServerEntry, means: Means) -> Pinned:
    kind = kind_of(entry)
    module = import_module(f"antiphon.server_tools.{FOLDERS[kind]}.pin")
    auth = {} if entry.auth is None else entry.auth.wire()
    for problem in problems(auth, means.settings):
        raise CannotPin(f"{kind}: {problem}")
    pinned: Pinned = await module.pin(entry, means)
    return pinned


def kind_of(entry: ServerEntry) -> Any:
    """Return the kind of an entry: the field that only its class has."""
    names = (field.alias or name for name, field in type(entry).model_fields.items())
    return next(name for name in names if name in FOLDERS)


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
    """Return the SHA-256 of the definitions of tools, hexadecimal, without what an agent's file says."""
    defined = [[tool.name, tool.description, tool.parameters, tool.how] for tool in tools]
    return sha256(json.dumps(defined, sort_keys=True).encode()).hexdigest()


def differences(before: Iterable[ToolServer], after: Iterable[ToolServer]) -> Iterator[str]:
    """Yield what differs between pinned servers, one line for each tool; nothing of what only an agent's file says."""
    old, new = ({server.label: server for server in servers} for servers in (before, after))
    for label in sorted({*old, *new}):
        if label not in new:
            yield f"- {label}: the server is gone"
        elif label not in old:
            yield from (f"+ {label}: {tool.name}" for tool in new[label].tools)
        else:
            yield from _changes(old[label], new[label])


def _changes(old: ToolServer, new: ToolServer) -> Iterator[str]:
    label = new.label
    if old.settings.get("protocol") != new.settings.get("protocol"):
        yield f"~ {label}: protocol {old.settings.get('protocol')} -> {new.settings.get('protocol')}"
    before, after = ({tool.name: tool for tool in server.tools} for server in (old, new))
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"- {label}: {name}"
        elif name not in before:
            yield f"+ {label}: {name}"
        elif what := _what(before[name], after[name]):
            yield f"~ {label}: {name}: {' and '.join(what)} changed"


def _what(old: ServerTool, new: ServerTool) -> list[str]:
    pairs = {
        "description": (old.description, new.description),
        "parameters": (old.parameters, new.parameters),
        "call": (old.how, new.how),
    }
    return [name for name, (before, after) in pairs.items() if before != after]


def entry_of(server: ToolServer) -> dict[str, Any]:
    """Return a pinned server as the entry of an agent's document that it was pinned from."""
    entry: dict[str, Any] = server.settings["entry"]
    return entry
