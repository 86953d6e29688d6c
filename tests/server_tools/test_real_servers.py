"""Our client of MCP with what others made: the official conformance suite, and servers as real processes.

`make clients` installs them.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from antiphon.ports import Pinned, ToolCall, ToolResult
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.mcp.entry import McpEntry
from antiphon.server_tools.mcp.runner import McpRunner
from antiphon.server_tools.pinning import pin
from antiphon.settings import Settings
from tests.support.ports import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NODE = HERE / "node/node_modules"

pytestmark = pytest.mark.clients

STATELESS, HANDSHAKE = "2026-07-28", "2025-11-25"

SCENARIOS = [
    (STATELESS, "tools_call"),
    (STATELESS, "request-metadata"),
    (STATELESS, "sep-2322-client-request-state"),
    (STATELESS, "http-standard-headers"),
    (STATELESS, "http-custom-headers"),
    (STATELESS, "http-invalid-tool-headers"),
    (STATELESS, "json-schema-ref-no-deref"),
    (STATELESS, "json-schema-2020-12-preservation"),
    (HANDSHAKE, "initialize"),
    (HANDSHAKE, "tools_call"),
    (HANDSHAKE, "sse-retry"),
    (HANDSHAKE, "json-schema-2020-12-preservation"),
]
"""All scenarios for clients but two kinds: ``auth/``, in which a client discovers where tokens come from or sends a
user to a browser, which ours never does; and ``elicitation-sep1034-client-defaults``, for clients that ask a user."""


def installed(path: Path) -> str:
    """Return a program; skip if it is not installed, unless this is CI."""
    if not os.environ.get("CI") and not path.exists():
        pytest.skip("needs the servers and the suite of MCP: `make clients`")
    return str(path)


@pytest.mark.parametrize(("version", "scenario"), SCENARIOS, ids=lambda value: value)
def test_the_official_conformance_suite_for_clients_passes(version: str, scenario: str, tmp_path: Path) -> None:
    node = installed(NODE / ".bin/node")
    client = f"{sys.executable} -m tests.support.mcp_client"
    suite = str(NODE / "@modelcontextprotocol/conformance/dist/index.js")
    command = [node, suite, "client", "--command", client, "--scenario", scenario, "--spec-version", version]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers/antiphon")))}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    passed = re.search(r"Passed: (\d+)/(\d+), 0 failed, 0 warnings", told)
    assert passed is not None, told
    assert passed[1] == passed[2] != "0"


@contextmanager
def process(command: list[str], port: int, **environ: str) -> Iterator[str]:
    """Run a server until it listens; return its URL."""
    running = subprocess.Popen(
        command, env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _until_it_listens(port, running)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        running.terminate()
        running.wait(10)


def _until_it_listens(port: int, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert running.poll() is None, "the server has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server does not listen")


@pytest.fixture
def everything() -> Iterator[str]:
    port = free_port()
    script = str(NODE / "@modelcontextprotocol/server-everything/dist/index.js")
    with process([installed(NODE / ".bin/node"), script, "streamableHttp"], port, PORT=str(port)) as url:
        yield url


@pytest.fixture(params=["stateless", "sessions"])
def sdk(request: pytest.FixtureRequest) -> Iterator[str]:
    port = free_port()
    python = installed(ROOT / ".venv-mcp/bin/python")
    with process([python, str(HERE / "sdk_server.py"), str(port), request.param], port) as url:
        yield url


def settings(url: str) -> Settings:
    return Settings(database="x", tool_hosts=(url.split("/")[2],))


async def pinned(url: str) -> Pinned:
    (found,) = await pin([McpEntry.model_validate({"mcp": {"label": "real", "url": url}})], settings(url))
    return found


async def called(url: str, at: Pinned, name: str, **arguments: object) -> ToolResult:
    runner = McpRunner(ToolClient(settings(url)))
    tool = next(each for each in at.server.tools if each.name == name)
    try:
        deadline = asyncio.get_running_loop().time() + 30
        return await runner.call(ToolCall("mcp_1", at.server, tool, arguments, deadline))
    finally:
        await runner.aclose()


async def test_server_everything_is_pinned_and_its_tools_answer(everything: str) -> None:
    at = await pinned(everything)
    assert at.server.settings["protocol"] == HANDSHAKE
    assert at.notes == ()
    assert (await called(everything, at, "echo", message="hello")).output == "Echo: hello"
    assert "5" in (await called(everything, at, "get-sum", a=2, b=3)).output
    image = await called(everything, at, "get-tiny-image")
    assert image.images[0].startswith("data:image/png;base64,")
    structured = await called(everything, at, "get-structured-content", location="New York")
    assert "temperature" in structured.output
    links = await called(everything, at, "get-resource-links", count=1)
    assert "[resource: " in links.output
    slow = await called(everything, at, "trigger-long-running-operation", duration=1, steps=3)
    assert (slow.failure, "completed" in slow.output) == (None, True)
    wrong = await called(everything, at, "get-sum", a="x")
    assert wrong.failure is not None


async def test_a_server_of_the_official_python_sdk_is_pinned_and_its_tools_answer(sdk: str) -> None:
    at = await pinned(sdk)
    assert at.server.settings["protocol"] == STATELESS
    assert [tool.name for tool in at.server.tools] == ["add", "fail"]
    assert (await called(sdk, at, "add", a=2, b=3)).output == "5"
    failed = await called(sdk, at, "fail")
    assert failed.failure is not None
    assert failed.failure.cause == "execution"
    wrong = await called(sdk, at, "add", a="x")
    assert wrong.failure is not None


async def test_a_server_of_the_official_python_sdk_is_called_in_the_older_form(sdk: str) -> None:
    at = await pinned(sdk)
    at.server.settings["protocol"] = HANDSHAKE
    assert (await called(sdk, at, "add", a=2, b=3)).output == "5"
