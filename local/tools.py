"""The tools of the local server: a small MCP server in a process of its own, and the agent that uses it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import Agent, Grant
from antiphon.server_tools.mcp.entry import McpEntry
from local.state import TOOL_HOSTS

AGENT: Final = "clock"
LABEL: Final = "local"


@contextmanager
def tool_server(state: Path) -> Iterator[str]:
    """Run the MCP server, on the port that it had before if that is free; yield its host and port.

    While it runs, tools may call it beside every public host: those of the server, and of the command line.
    """
    hosts = state / TOOL_HOSTS
    last = hosts.read_text(encoding="utf-8").strip().rpartition(":")[2] if hosts.is_file() else ""
    command = [sys.executable, "-m", "local.tool_server", last if last.isdecimal() else "0"]
    with subprocess.Popen(  # noqa: S603 (our own program)
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,  # Ctrl-C in the terminal is for the server alone
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            place = f"127.0.0.1:{process.stdout.readline().strip()}"
            hosts.write_text(f"*,{place}\n", encoding="utf-8")
            yield place
        finally:
            process.stdin.close()
            process.wait()


async def seed_clock(services: Services, place: str, tenant: str, author: str) -> None:
    """Store the agent with the tools of the MCP server, which may have another port than before.

    Nothing is stored if the server does not answer: the API is of use without it.
    """
    found = await services.directory.find(Agent, tenant, AGENT)
    if found is not None and not any(server.label == LABEL for server in found.servers):
        return  # somebody made it theirs
    entry = McpEntry.model_validate({"mcp": {"label": LABEL, "url": f"http://{place}/mcp"}, "safe_to_repeat": ["*"]})
    try:
        ((server, _),) = await services.pin_tools([entry])
    except ApiError:
        return
    now = int(services.clock())
    agent = found or Agent(
        tenant=tenant,
        id=AGENT,
        provider="demo",
        model="demo",
        author=author,
        name="Clock",
        description="Calls the tools of a small MCP server on this machine. Runs on the built-in demo model.",
        instructions="Tell the time, or roll dice. Use the tools.",
        created_at=now,
    )
    others = tuple(each for each in agent.servers if each.label != LABEL)
    agent = replace(agent, servers=(server, *others))
    if agent != found:
        await services.directory.put_agent(replace(agent, updated_at=now))
    if found is None:
        await services.directory.put(Grant(tenant, AGENT, "public", 1))
