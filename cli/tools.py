"""`antiphon tools`: compare an agent's pinned tools with what their servers have now, and call one by hand."""

from __future__ import annotations

import asyncio
import json
import secrets
from argparse import Namespace
from typing import Any

from antiphon.errors import ApiError
from antiphon.manage.agents import export_agent
from antiphon.manage.document import AgentDocument
from antiphon.manage.tools import show_tools
from antiphon.ports import ToolCall
from antiphon.records import Agent, ServerTool, ToolServer
from antiphon.server_tools.differences import differences
from antiphon.tools.table import ToolTable
from cli.advice import plain
from cli.output import Output, Refused
from cli.session import Session
from cli.suggestion import did_you_mean

_FAILED = 1
_NO_SERVERS = "agent {} has no servers whose tools Antiphon runs"


async def diff(session: Session, args: Namespace) -> Output:
    """Show what the servers changed since the agent was applied. Nothing is written."""
    servers = (await show_tools(session.services, session.operator, args.agent))["servers"]
    if not servers:
        raise Refused(_NO_SERVERS.format(args.agent))
    for server in servers:
        if server["failure"] is not None:
            raise Refused(plain(server["failure"]))
    lines = [line for server in servers for line in server["differences"]]
    note = ("`antiphon agents apply` pins the tools as they are now",) if lines else ()
    return Output({"agent": args.agent, "differences": lines}, "\n".join(lines) or "no difference", note)


async def test(session: Session, args: Namespace) -> Output:
    """Reach every server of an agent, or call one tool with the arguments that are given."""
    agent, document = await _agent(session, args.agent)
    if args.tool is None:
        return await _reached(session, agent, document)
    server, tool = _found(agent, args.tool)
    token = f"test_{secrets.token_hex(12)}"
    deadline = asyncio.get_running_loop().time() + tool.timeout_seconds
    runner = session.services.runners(server.kind)
    try:
        result = await runner.call(ToolCall(token, server, tool, _arguments(args.arguments), deadline))
    finally:
        await runner.aclose()
    failure = None if result.failure is None else {**result.failure._asdict(), "reason": result.reason or None}
    data = {"tool": args.tool, "output": result.output, "images": len(result.images), "failure": failure}
    told = [f"failed ({result.failure.cause}): {result.failure.message}"] if result.failure else []
    told += [f"reason: {result.reason}"] if result.reason else []
    text = "\n".join([*told, *([result.output] if result.output else []), *(["[image]"] * len(result.images))])
    return Output(data, text, code=_FAILED if result.failure else 0)


async def _agent(session: Session, agent_id: str) -> tuple[Agent, AgentDocument]:
    document = AgentDocument.model_validate(await export_agent(session.services, session.operator, agent_id))
    agent = await session.services.directory.find(Agent, session.tenant, agent_id)
    assert agent is not None
    if not agent.servers:
        raise Refused(_NO_SERVERS.format(agent_id))
    return agent, document


async def _pinned(session: Session, document: AgentDocument) -> list[ToolServer]:
    try:
        return [found.server for found in await session.services.pin_tools(document.servers)]
    except ApiError as error:
        raise Refused(plain(error.message)) from None


async def _reached(session: Session, agent: Agent, document: AgentDocument) -> Output:
    servers = await _pinned(session, document)
    rows = [
        {"server": server.label, "kind": server.kind, "tools": [tool.name for tool in server.tools]}
        for server in servers
    ]
    text = "\n".join(
        f"{server.label}  {server.kind}  {', '.join(tool.name for tool in server.tools)}" for server in servers
    )
    notes = ("the servers have changed: `antiphon tools diff`",) if list(differences(agent.servers, servers)) else ()
    return Output(rows, text, notes)


def _found(agent: Agent, name: str) -> tuple[ToolServer, ServerTool]:
    """Return a tool by the name that the model calls it by."""
    offered = ToolTable(agent.tools, agent.servers).tools
    there = {tool.function: (tool.server, tool.pinned) for tool in offered if tool.server and tool.pinned}
    if name not in there:
        advice = did_you_mean(name, there) or f"the tools are {', '.join(there)}"
        raise Refused(f"there is no tool {name}: {advice}")
    return there[name]


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text)
    except ValueError:
        raise Refused("--arguments is not JSON") from None
    if not isinstance(arguments, dict):
        raise Refused("--arguments is not a JSON object")
    return arguments
