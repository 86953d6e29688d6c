"""``kill -9`` of the local process around the call of a tool: before it, while it runs, and after it came back.

What must hold of a background response whose process was killed:

- it ends, and the model has read what is known of the call
- a tool that may not run twice ran at most once
- a result that was stored is the one that is shown
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from antiphon.records import Agent, Grant
from antiphon.store.sqlite import open_stores
from tests.support.durable import ended
from tests.support.local_server import Running, start
from tests.support.mcp_server import McpServer, text, tool
from tests.support.pinned import pinned
from tests.support.service import Service

QUESTION = "Use note to keep this"


class Noting:
    """A tool that notes its calls, and holds the first until it is let go."""

    def __init__(self, *, holds: bool) -> None:
        self.count = 0
        self.called = threading.Event()
        self.let_go = threading.Event()
        if not holds:
            self.let_go.set()

    def __call__(self, _: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        number = self.count
        self.called.set()
        self.let_go.wait(20)
        return text(f"noted {number}")


def put_agent(database: Path, server: Any) -> None:
    """Store an agent with the tools of a server."""

    async def put() -> None:
        stores = open_stores(database)
        directory = stores[1]
        await directory.put_agent(Agent("default", "keeper", "demo", "demo", author="local", servers=(server,)))
        await directory.put(Grant("default", "keeper", "public", 1))
        await stores[0].aclose()

    asyncio.run(put())


def kill(server: Running) -> None:
    server.process.kill()
    server.process.communicate(timeout=20)


@pytest.mark.parametrize("repeatable", [False, True], ids=["once", "may run twice"])
@pytest.mark.parametrize("moment", ["soon", "called", "answered"])
@pytest.mark.parametrize("trial", range(3))
def test_a_kill_around_a_call_runs_no_tool_twice_and_loses_no_result(
    tmp_path: Path, moment: str, repeatable: bool, trial: int
) -> None:
    note = Noting(holds=moment == "called")
    with McpServer({"note": tool("Notes something.", note)}) as tools:
        hosts = tools.place
        document = {"mcp": {"label": "desk", "url": tools.url()}, "safe_to_repeat": ["note"] if repeatable else []}
        desk = asyncio.run(pinned(document, tool_hosts=(hosts,))).server
        server = Running(start(tmp_path, ANTIPHON_LEASE_SECONDS="1", ANTIPHON_TOOL_HOSTS=hosts))
        put_agent(tmp_path / "antiphon.db", desk)
        body = {"model": "keeper", "input": QUESTION, "background": True}
        headers = {"authorization": f"Bearer {server.key}"}
        created = httpx2.post(f"{server.base_url}/responses", json=body, headers=headers, timeout=20).json()
        if moment != "soon":
            assert note.called.wait(20)
        time.sleep(random.Random(f"{moment} {trial}").uniform(0, 0.08))
        kill(server)
        note.let_go.set()
        with Service(tmp_path, lease_seconds=1.0, tool_hosts=(hosts,)) as service:
            response = ended(service, server.key, created["id"])
    assert response["status"] == "completed", response
    calls = [item for item in response["output"] if item["type"] == "mcp_call"]
    assert len(calls) == 1
    assert note.count <= 2
    if repeatable:
        assert calls[0]["output"] == f"noted {note.count}" or calls[0]["output"] == "noted 1"
    else:
        assert note.count == 1 or moment == "soon"
        if calls[0]["status"] == "failed":
            assert "not known whether the tool ran" in calls[0]["error"]["message"]
        else:
            assert calls[0]["output"] == "noted 1"
            assert note.count == 1
