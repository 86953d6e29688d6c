"""``kill -9`` of the local process around calls of tools of every kind: before them, in them, and after they came
back.

What must hold of a background response whose process was killed:

- it ends, and the model has read what is known of the call
- a tool that may not run twice ran at most once
- a result that was stored is the one that is shown
- a tool that may run twice gets the token of the first call again
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from antiphon.records import Agent, Grant, Owner, StoredResponse, ToolServer
from antiphon.store.sqlite import open_stores
from tests.support.answering import Answer, Answering, Asked
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


def put_agent(database: Path, *servers: ToolServer) -> None:
    """Store an agent with the tools of servers."""

    async def put() -> None:
        stores = open_stores(database)
        directory = stores[1]
        await directory.put_agent(Agent("default", "keeper", "demo", "demo", author="local", servers=servers))
        await directory.put(Grant("default", "keeper", "public", 1))
        await stores[0].aclose()

    asyncio.run(put())


def kill(server: Running) -> None:
    server.process.kill()
    server.process.communicate(timeout=20)


@pytest.mark.parametrize("repeatable", [False, True], ids=["once", "may run twice"])
@pytest.mark.parametrize("moment", ["soon", "called", "answered"])
def test_a_kill_around_a_call_runs_no_tool_twice_and_loses_no_result(
    tmp_path: Path, moment: str, repeatable: bool
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
        time.sleep(random.Random(f"{moment} {repeatable}").uniform(0, 0.08))
        kill(server)
        note.let_go.set()
        with Service(tmp_path, lease_seconds=1.0, tool_hosts=(hosts,)) as service:
            response = ended(service, server.key, created["id"])
    assert_ended(response)
    calls = [item for item in response["output"] if item["type"] == "mcp_call"]
    assert len(calls) == 1
    assert note.count <= 2
    if repeatable:
        assert calls[0]["output"] == f"noted {note.count}" or calls[0]["output"] == "noted 1"
    else:
        assert note.count <= 1
        if calls[0]["status"] == "failed":
            assert "not known whether the tool ran" in calls[0]["error"]["message"]
        else:
            assert calls[0]["output"] == "noted 1"
            assert note.count == 1


def assert_ended(response: dict[str, Any]) -> None:
    """Require that a response is whole; or that its model was answering: what it wrote cannot be written again."""
    if response["status"] != "completed":
        assert (response["error"]["code"], response["output"][-1]["type"]) == ("worker_lost", "message")


REFUND = "arn:aws:lambda:eu-central-1:123456789012:function:refund:live"
LOOKUP = "arn:aws:lambda:eu-central-1:123456789012:function:lookup:live"
PATHS = {
    "/v1/reserve": "stock__reserve",
    "/v1/look": "stock__look",
    "refund": "crm__refund",
    "lookup": "hr__lookup",
    "/knowledgebases/": "knowledge_base__search",
    "/web-search/": "web_search",
}
"""The tools that are not MCP tools, each by the part of the request's path that identifies it."""

ONCE = ("desk__note", "stock__reserve", "crm__refund")
TWICE = ("desk__find", "stock__look", "hr__lookup", "knowledge_base__search", "web_search")
KINDS: dict[str, Any] = {"tool_functions": ("*",), "knowledge_bases": ("*",), "web_search": "on"}
HELD_OF_SOME = ("desk__note", "stock__look", "crm__refund", "web_search")


class Servers:
    """A server of each kind, with tools that may run twice and tools that may not; the latter are in ``ONCE``.

    Attributes:
        counts: how often each tool was called.
        tokens: the tokens that came with the calls of each tool.
        held: the tools that are held until they are let go.
    """

    def __init__(self, held: tuple[str, ...]) -> None:
        self.held = held
        self.let_go = threading.Event()
        self.counts = dict.fromkeys((*ONCE, *TWICE), 0)
        self.tokens: dict[str, set[str]] = {name: set() for name in self.counts}
        self._counting = threading.Lock()
        desk = {name: tool(f"Does {name}.", self._desk(f"desk__{name}")) for name in ("note", "find")}
        self.mcp = McpServer(desk)
        self.others = Answering(self._answer)

    @property
    def hosts(self) -> tuple[str, str]:
        return (self.mcp.place, self.others.place)

    def environ(self) -> dict[str, str]:
        """Return what a process needs to reach them as AWS."""
        return {
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL": self.others.url("").rstrip("/"),
        }

    def pinned(self) -> list[ToolServer]:
        paths = {
            f"/{name}": {"post" if name == "reserve" else "get": {"operationId": name}} for name in ("reserve", "look")
        }
        document = {"openapi": "3.1.0", "paths": paths}
        entries: list[dict[str, Any]] = [
            {"mcp": {"label": "desk", "url": self.mcp.url()}, "safe_to_repeat": ["find"]},
            {
                "http": {"label": "stock", "openapi": document, "url": self.others.url("/v1")},
                "safe_to_repeat": ["look"],
            },
            {"lambda": {"function": REFUND, "name": "refund", "label": "crm"}},
            {"lambda": {"function": LOOKUP, "name": "lookup", "label": "hr", "durable": True}},
            {"knowledge_base": {"id": "ABCDEFGHIJ"}},
            {"web_search": {}},
        ]
        return [asyncio.run(pinned(entry, tool_hosts=self.hosts, **KINDS)).server for entry in entries]

    def run(self, name: str, token: str | None) -> str:
        """Run a tool, and return what it answers."""
        with self._counting:
            self.counts[name] += 1
            number = self.counts[name]
            self.tokens[name] |= {token} if token else set()
        if name in self.held:
            self.let_go.wait(20)
        return f"{name} answered {number}"

    def _desk(self, name: str) -> Any:
        return lambda _: text(self.run(name, self.mcp.calls[-1].headers.get("idempotency-key")))

    def _answer(self, asked: Asked) -> Answer:
        name = next((name for part, name in PATHS.items() if part in asked.path), None)
        if name is None:
            return Answer(404, json={"message": asked.path})
        headers = asked.headers
        said = self.run(name, headers.get("idempotency-key") or headers.get("x-amz-durable-execution-name"))
        if name == "knowledge_base__search":
            return Answer(json={"retrievalResults": [{"content": {"type": "TEXT", "text": said}}]})
        if name == "web_search":
            return Answer(json={"results": [{"title": "A", "url": "https://a.example/", "text": said}]})
        return Answer(json=said)


def stored(database: Path, response_id: str) -> StoredResponse:
    """Return a response from the file, which other processes may have open."""

    async def get() -> StoredResponse | None:
        stores = open_stores(database)
        found = await stores[2].get(Owner("default", "you"), response_id, 0)
        await stores[0].aclose()
        return found

    found = asyncio.run(get())
    assert found is not None
    return found


def results(database: Path, response_id: str) -> str:
    """Return what is stored of results of calls."""
    return repr([call["result"] for call in stored(database, response_id).calls if call.get("result")])


@pytest.mark.parametrize("moment", ["soon", "called", "some answered", "answered"])
def test_a_kill_around_calls_of_every_kind_runs_none_twice_that_may_not_and_loses_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    held = {"called": (*ONCE, *TWICE), "some answered": HELD_OF_SOME}.get(moment, ())
    servers = Servers(held)
    for name, value in servers.environ().items():
        monkeypatch.setenv(name, value)
    with servers.mcp, servers.others:
        own = {"TOOL_HOSTS": ",".join(servers.hosts), "TOOL_FUNCTIONS": "*", "KNOWLEDGE_BASES": "*", "WEB_SEARCH": "on"}
        environ = {f"ANTIPHON_{name}": value for name, value in own.items()}
        put = servers.pinned()
        server = Running(start(tmp_path, ANTIPHON_LEASE_SECONDS="1", **environ))
        put_agent(tmp_path / "antiphon.db", *put)
        body = {"model": "keeper", "input": f"Use {', '.join(servers.counts)} now", "background": True}
        headers = {"authorization": f"Bearer {server.key}"}
        created = httpx2.post(f"{server.base_url}/responses", json=body, headers=headers, timeout=20).json()
        if moment != "soon":
            until(lambda: all(servers.counts.values()))
        if moment == "some answered":
            free = [name for name in servers.counts if name not in held]
            until(lambda: all(f"{name} answered" in results(tmp_path / "antiphon.db", created["id"]) for name in free))
        else:
            time.sleep(random.Random(moment).uniform(0, 0.08))
        kill(server)
        kept = results(tmp_path / "antiphon.db", created["id"])
        servers.let_go.set()
        with Service(tmp_path, lease_seconds=1.0, tool_hosts=servers.hosts, **KINDS) as service:
            response = ended(service, server.key, created["id"])
    assert sum(item["type"].endswith("_call") for item in response["output"]) == len(servers.counts)
    assert_ended(response)
    assert_made(servers, response["output"], kept, is_whole=response["status"] == "completed")
    if moment == "called":
        assert [servers.counts[name] for name in (*ONCE, *TWICE)] == [1] * len(ONCE) + [2] * len(TWICE)


def assert_made(servers: Servers, output: list[dict[str, Any]], kept: str, *, is_whole: bool) -> None:
    """Require that every call was made as often as allowed, and that its item shows the stored result.

    Args:
        servers: the servers.
        output: the items of the response.
        kept: what was stored of results when the process was killed.
        is_whole: the model has answered with what all tools returned.
    """
    answer = output[-1]["content"][0]["text"]
    made = {f"{item['server_label']}__{item['name']}": item for item in output if item["type"] == "mcp_call"}
    for name, count in servers.counts.items():
        read = made[name].get("output", "") if name in made else answer
        assert count <= (1 if name in ONCE else 2), name
        assert len(servers.tokens[name]) <= 1, name
        if name in ONCE and made[name]["status"] == "failed":
            assert "not known whether the tool ran" in made[name]["error"]["message"]
            assert f"{name} answered" not in kept
        elif name in made or is_whole:
            assert any(f"{name} answered {number}" in read for number in range(1, count + 1)), name
        assert count == 1 or f"{name} answered" not in kept


def until(come_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not come_true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
