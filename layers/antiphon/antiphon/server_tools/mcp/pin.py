"""Lists the tools of an MCP server once, when an agent is applied, and pins them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from antiphon.fetch.egress import EgressError
from antiphon.ports import Pinned
from antiphon.records import ServerTool, ToolServer
from antiphon.server_tools.aws import signature_problem
from antiphon.server_tools.failures import why
from antiphon.server_tools.mcp.entry import McpEntry
from antiphon.server_tools.mcp.exchange import Channel, RefusedRequest, UnreadableAnswer
from antiphon.server_tools.mcp.parameters import mirrored
from antiphon.server_tools.mcp.session import McpSession, opened, other_version
from antiphon.server_tools.mcp.versions import STATELESS, WITH_HANDSHAKE, newest_of
from antiphon.server_tools.pinning import CannotPin, Means, digest_of, host_problem
from antiphon.server_tools.references import NoCredentials

DISCOVER_SECONDS: Final = 8.0
"""How long a server may take to answer in the newest form, before the older one is tried."""
MAX_PAGES: Final = 50
MAX_TOOLS: Final = 1000
"""How many tools a server may list; an agent then takes some of them by ``allow``."""

_UNSEEN: Final = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
"""Characters without a form of their own that can hide instructions: tags, marks of direction, spaces of no width."""

_DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_FROM_OTHERS: Final = range(-32099, -32019)
"""The codes that the protocol has for itself since 2026-07-28: a server that sends one has that version's form."""


async def pin(entry: McpEntry, means: Means) -> Pinned:
    """List the tools of a server and pin those that the entry allows.

    Raises:
        CannotPin: the server cannot be used, or does not have a tool that the entry names.
    """
    source = entry.mcp
    auth = {} if entry.auth is None else entry.auth.wire()
    if problem := host_problem(source.url, means.settings) or signature_problem(source.url, auth, means.settings):
        raise CannotPin(f"{source.label}: {problem}")
    channel = Channel(means.client, source.url, auth, means.deadline)
    try:
        protocol = await _protocol(channel)
        async with opened(channel, protocol) as session:
            listed = [tool async for tool in _listed(session)]
    except (EgressError, NoCredentials) as error:
        raise CannotPin(f"{source.label}: {why(error)}") from None
    except (RefusedRequest, UnreadableAnswer) as error:
        raise CannotPin(f"{source.label}: {error.failure.message}") from None
    tools, notes = _chosen(entry, listed, stateless=protocol == STATELESS)
    settings = {"url": source.url, "protocol": protocol, "entry": entry.written()}
    server = ToolServer("mcp", source.label, tools, settings, auth, digest_of(tools))
    return Pinned(server, tuple(f"{source.label}: {note}" for note in notes))


async def _protocol(channel: Channel) -> str:
    """Return the newest version that both sides have: ask in the newest form, and fall back to a handshake."""
    until = min(channel.deadline, asyncio.get_running_loop().time() + DISCOVER_SECONDS)
    session = McpSession(replace(channel, deadline=until), STATELESS, {})
    try:
        result = await session.ask("server/discover", {})
    except RefusedRequest as error:
        if other := other_version(error):
            return other
        if error.status in _DENIED:
            raise
        return STATELESS if error.code in _FROM_OTHERS else WITH_HANDSHAKE[0]
    except EgressError as error:
        if error.reason != "timeout":
            raise
        return WITH_HANDSHAKE[0]  # some servers never answer what they do not know
    except UnreadableAnswer:
        return WITH_HANDSHAKE[0]
    supported = result.get("supportedVersions")
    if not isinstance(supported, list):
        return WITH_HANDSHAKE[0]  # a server that answers whatever it is asked
    found = newest_of(supported)
    if found is None:
        raise UnreadableAnswer("it has no version of the protocol in common with us")
    return found


async def _listed(session: McpSession) -> AsyncIterator[dict[str, Any]]:
    """Yield the tools of all pages.

    Raises:
        UnreadableAnswer: the pages do not end, or are no lists of tools.
    """
    seen: set[str] = set()
    count = 0
    params: dict[str, Any] = {}
    for _ in range(MAX_PAGES):
        page = await session.ask("tools/list", params)
        tools, cursor = page.get("tools"), page.get("nextCursor")
        if not isinstance(tools, list):
            raise UnreadableAnswer("it has no list of tools")
        count += len(tools)
        if count > MAX_TOOLS:
            raise UnreadableAnswer(f"it lists more than {MAX_TOOLS} tools")
        for tool in tools:
            yield tool
        if not isinstance(cursor, str):
            return
        if cursor in seen:
            raise UnreadableAnswer("it lists its tools in a circle")
        seen.add(cursor)
        params = {"cursor": cursor}
    raise UnreadableAnswer(f"its list of tools has more than {MAX_PAGES} pages")


def _chosen(entry: McpEntry, listed: list[Any], *, stateless: bool) -> tuple[tuple[ServerTool, ...], list[str]]:
    """Return the tools that an entry allows, with its settings for them, and notes on those that cannot be used."""
    allow, label = entry.mcp.allow, entry.mcp.label
    tools: dict[str, ServerTool] = {}
    notes: list[str] = []
    for definition in listed:
        name = definition.get("name") if isinstance(definition, dict) else None
        if not isinstance(name, str) or (allow is not None and name not in allow):
            continue
        if name in tools:
            raise CannotPin(f"{label}: the server lists the tool {name} twice")
        try:
            tools[name] = _tool(name, definition, stateless=stateless)
        except ValueError as error:
            notes.append(f"the tool {name} is left out: {error}")
            continue
        if _UNSEEN.search(json.dumps(definition, ensure_ascii=False)):
            notes.append(f"the definition of {name} has characters that nobody sees and a model reads")
    missing = [name for name in allow or () if name not in tools]
    if missing or not tools:
        there = ", ".join(sorted(str(tool.get("name")) for tool in listed if isinstance(tool, dict))) or "none"
        raise CannotPin("; ".join([f"{label}: no tool {', '.join(missing)}; the server has {there}", *notes]))
    try:
        return entry.governed(tools[name] for name in sorted(tools)), notes
    except ValueError as error:
        raise CannotPin(f"{label}: {error}") from None


def _tool(name: str, definition: Mapping[str, Any], *, stateless: bool) -> ServerTool:
    """Return a tool as a server defines it.

    Raises:
        ValueError: it cannot be called.
    """
    schema = definition.get("inputSchema") or {}
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise ValueError("its schema is not of an object")
    schema = {"type": "object", **schema}
    description = definition.get("description")
    wanted = mirrored(schema) if stateless else {}
    return ServerTool(
        name,
        description if isinstance(description, str) else "",
        schema,
        how={"headers": wanted} if wanted else {},
    )
