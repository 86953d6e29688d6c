"""WebSockets of the local server: its end, its limits, and what is no WebSocket, over real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import Middleware
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from antiphon.access import keys, roles
from antiphon.bootstrap import build_services, build_stores
from antiphon.providers.configured import Providers
from antiphon.records import Agent, User
from antiphon.settings import Settings
from antiphon.web.app import build_app
from antiphon.web.routes import about, create, models, responses, websocket
from local.limits import ConnectionLimits, FewAtOnce
from tests.support.local_server import running
from tests.support.serving import serving, status
from tests.support.upstream import Gate, Script, Upstream, text
from tests.support.websocket import PATIENCE, Socket

UPGRADE = b"host: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
KEY = b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"


@asynccontextmanager
async def service(
    state: Path, limits: ConnectionLimits | None = None, most: int = 100
) -> AsyncGenerator[tuple[int, str]]:
    """Serve the application. Yield the port and a key."""
    settings = Settings(database=str(state / "antiphon.db"))
    stores = build_stores(settings)
    services = build_services(settings, stores, Providers({}, {}))
    await stores.directory.put(User("default", "ada", role=roles.ADMIN))
    await stores.directory.put_agent(Agent("default", "agent", "demo", "demo", author="ada"))
    key = keys.make_key("test", services.entropy)
    await stores.keys.add(keys.record(key, tenant="default", user="ada", now=1))
    routers = [create.router, models.router, responses.router, about.router, websocket.router]
    app = build_app(services, routers, stores.aclose, [Middleware(FewAtOnce, most)])
    async with serving(limits or ConnectionLimits(), app) as port:
        yield port, key


def dial(port: int, key: str) -> Any:
    url, headers = f"ws://127.0.0.1:{port}/v1/responses", {"authorization": f"Bearer {key}"}
    return connect(url, additional_headers=headers, proxy=None)


async def answered(wire: Any) -> str:
    """Ask, and read to the end of the answer."""
    await wire.send(json.dumps({"type": "response.create", "model": "agent", "input": "Hi"}))
    while (event := json.loads(await wire.recv()))["type"] != "response.completed":
        assert event["type"] != "error", event
    return str(event["response"]["status"])


# the end of the server


def closed(socket: Socket) -> int:
    with pytest.raises(ConnectionClosed) as ended:
        socket.wire.recv(PATIENCE)
    assert ended.value.rcvd is not None
    return ended.value.rcvd.code


def test_a_stop_closes_idle_connections_and_ends_responses_properly(tmp_path: Path) -> None:
    with Upstream([Script.stream(text("Wait"), Gate())]) as upstream:
        environ = {"OPENAI_API_KEY": "secret", "OPENAI_BASE_URL": upstream.base_url}
        with running(tmp_path, **environ) as server:
            root = server.base_url.removesuffix("/v1")
            with Socket(root, server.key) as idle, Socket(root, server.key) as busy:
                busy.send(model="openai", input="Hi")
                while busy.receive().get("delta") != "Wait":
                    """It has not begun."""
                server.process.send_signal(signal.SIGTERM)
                assert closed(idle) == 1012
                while (event := busy.receive())["type"] != "response.failed":
                    """It has not ended."""
                assert event["response"]["error"]["code"] == "shutting_down"
                assert closed(busy) == 1012
            _, told = server.process.communicate(timeout=20)
    assert "Traceback" not in told


# limits


def test_connections_of_one_key_beyond_the_limit_are_refused_in_the_envelope(tmp_path: Path) -> None:
    async def scene() -> None:
        async with service(tmp_path, most=2) as (port, key):
            async with dial(port, key) as first, dial(port, key):
                with pytest.raises(InvalidStatus) as refused:
                    await dial(port, key)
                assert refused.value.response.status_code == 429
                body = json.loads(refused.value.response.body or b"")
                assert body["error"]["code"] == "rate_limit_exceeded"
                assert await answered(first) == "completed"
            async with dial(port, key) as again:
                assert await answered(again) == "completed"

    asyncio.run(scene())


def test_the_time_for_heads_and_bodies_is_not_that_of_a_websocket(tmp_path: Path) -> None:
    async def scene() -> None:
        limits = ConnectionLimits(head_seconds=2.0, idle_seconds=2.0, body_seconds=2.0)
        async with service(tmp_path, limits) as (port, key), dial(port, key) as wire:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n")
            assert await status(reader) in {401, 408}
            late, begun = await asyncio.open_connection("127.0.0.1", port)
            begun.write(b"GET / HTTP/1.1\r\n")
            assert await status(late) == 408
            assert await answered(wire) == "completed"
            writer.close()
            begun.close()

    asyncio.run(scene())


# what is no WebSocket


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/responses HTTP/1.1\r\n" + UPGRADE,
        b"GET /v1/responses HTTP/1.1\r\n" + UPGRADE + b"sec-websocket-key: short\r\nsec-websocket-version: 13\r\n",
        b"GET /v1/responses HTTP/1.1\r\n" + UPGRADE + KEY.replace(b"13", b"12"),
        b"GET /v1/responses HTTP/1.1\r\n" + UPGRADE + KEY + b"authorization: \xff\xfe\r\n",
        b"GET /v1/responses HTTP/1.1\r\n" + UPGRADE + KEY + b"authorization: Bearer a\r\nauthorization: Bearer b\r\n",
        b"GET /v1/responses HTTP/1.1\r\n" + UPGRADE + KEY + b"x: a\r\n" * 300,
        b"GET /v1/responses HTTP/1.1\r\n" + UPGRADE + KEY + b"x: " + b"a" * 20_000 + b"\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n" + UPGRADE + KEY,
        b"GET /%ff%00%2e%2e%2f HTTP/1.1\r\n" + UPGRADE + KEY,
        b"GET /nowhere HTTP/1.1\r\n" + UPGRADE + KEY,
        b"POST /v1/responses HTTP/1.1\r\n" + UPGRADE + KEY,
        b"GET /v1/responses HTTP/1.0\r\n" + UPGRADE + KEY,
    ],
    ids=lambda head: repr(head[:20] + head[-30:]),
)
def test_any_handshake_that_is_none_gets_a_4xx_or_is_closed_and_others_are_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, head: bytes
) -> None:
    async def scene() -> int:
        async with service(tmp_path) as (port, key):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + b"\r\n")
            refused = await status(reader)
            writer.close()
            async with dial(port, key) as wire:
                assert await answered(wire) == "completed"
            return refused

    assert asyncio.run(scene()) in {0, *range(400, 500)}
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x01a", 1002),
        (b"\x81\x82\0\0\0\0\xff\xfe", 1007),
        (b"\xf1\x80\0\0\0\0", 1002),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
        (b"\x80\x81\0\0\0\0a", 1002),
    ],
    ids=["unmasked", "not UTF-8", "reserved bits", "unknown opcode", "of 9 exabytes", "continuation of nothing"],
)
def test_a_frame_that_is_wrong_closes_its_connection_with_a_code_and_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, frame: bytes, code: int
) -> None:
    async def scene() -> int:
        async with service(tmp_path) as (port, key):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = (
                b"GET /v1/responses HTTP/1.1\r\n" + UPGRADE + KEY + b"authorization: Bearer %b\r\n\r\n" % key.encode()
            )
            writer.write(head)
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(frame)
            answer = await reader.read()
            writer.close()
            async with dial(port, key) as wire:
                assert await answered(wire) == "completed"
            assert answer[0] == 0x88
            return int.from_bytes(answer[2:4], "big")

    assert asyncio.run(scene()) == code
    assert [record.name for record in caplog.records if record.levelno >= logging.ERROR] == []


# the log


def test_each_message_is_one_line_on_standard_error_and_the_connection_is_one(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        with Socket(server.base_url.removesuffix("/v1"), server.key) as socket:
            socket.create(model="assistant", input="Hello!")
            socket.refused(404, "model_not_found", model="canary", input="Hello!")
        assert server.process.stderr is not None
        served, refused, ended = (server.process.stderr.readline() for _ in range(3))
    assert re.search(r"  200  WS /v1/responses  agent=assistant  user=you  \d+ ms .*tokens in, \d+ out\n$", served)
    assert re.search(r"  404  WS /v1/responses  model_not_found  user=you  \d+ ms\n$", refused)
    assert re.search(r"  101  GET /v1/responses  user=you  \d+ ms\n$", ended)
