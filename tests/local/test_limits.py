"""Clients that send too much, too slowly or not at all, and clients that do not read, over real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest
from starlette.middleware import Middleware

from antiphon.bootstrap import build_services, build_stores
from antiphon.providers.configured import Providers
from antiphon.settings import Settings
from antiphon.web.app import build_app
from antiphon.web.routes import about, chat, create, models, responses
from local.limits import ConnectionLimits, FewAtOnce
from tests.support.serving import SOON, reading, serving, status


async def sent(port: int, *pieces: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await status(reader)
    except (ConnectionResetError, BrokenPipeError):
        return 431
    finally:
        writer.close()


WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (WHOLE, b"a: ", *[b"x" * 65_536] * 64),
        (WHOLE, b"".join(b"a%d: x\r\n" % n for n in range(9000)), b"\r\n"),
        (b"GET /?", *[b"x" * 65_536] * 64),
    ],
    ids=["one header", "many headers", "a query"],
)
async def test_a_head_that_is_too_long_is_refused(pieces: tuple[bytes, ...]) -> None:
    async with serving() as port:
        assert await sent(port, *pieces) == 431
        assert await sent(port, WHOLE, b"\r\n") == 200


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET / HT", WHOLE, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf"],
    ids=["nothing", "half a line", "half a head", "half a body"],
)
async def test_what_is_begun_and_not_ended_is_ended_in_time(begun: bytes) -> None:
    async with serving() as port:
        assert await asyncio.gather(*(sent(port, begun) for _ in range(50))) == [408] * 50


async def test_a_body_of_a_byte_now_and_then_is_ended_in_time() -> None:
    async with serving(ConnectionLimits(idle_seconds=60, body_seconds=0.5)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        answer = asyncio.create_task(status(reader))
        while not answer.done():
            writer.write(b"x")
            await asyncio.wait([answer], timeout=0.05)
        assert answer.result() == 408
        writer.close()


async def test_a_second_request_of_a_connection_has_its_own_time() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200" in await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"GET / HTTP/1.1\r\nhost")
        assert await status(reader) == 408
        writer.close()


async def test_connections_beyond_the_limit_are_refused() -> None:
    async with serving(ConnectionLimits(connections=3)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert await sent(port, b"") == 429
        for _, writer in held:
            writer.close()


async def test_requests_of_one_key_beyond_the_limit_are_refused_and_those_of_others_served() -> None:
    half = b"POST / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer one\r\ncontent-length: 1\r\n\r\n"
    other = WHOLE + b"authorization: Bearer two\r\n\r\n"

    async with serving(ConnectionLimits(), FewAtOnce(reading, 3)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _, writer in held:
            writer.write(half)
            await writer.drain()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE + b"authorization: Bearer one\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert b" 429 " in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "rate_limit_exceeded"
        assert await sent(port, other) == 200
        for held_reader, held_writer in held:
            held_writer.write(b"x")
            assert b"200" in await held_reader.readuntil(b"0\r\n\r\n")
            held_writer.close()
        assert await sent(port, WHOLE, b"authorization: Bearer one\r\n\r\n") == 200


async def test_a_request_too_many_is_named_logged_and_open_to_browsers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "antiphon")
    page = "https://app.example.com"
    settings = Settings(database=str(tmp_path / "antiphon.db"), allowed_origins=(page,))
    stores = build_stores(settings)
    services = build_services(settings, stores, Providers({}, {}))
    app = build_app(services, [models.router], stores.aclose, [Middleware(FewAtOnce, 0)])

    async def scene() -> bytes:
        async with serving(ConnectionLimits(), app) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: %b\r\n\r\n" % page.encode()
            )
            answer = await reader.read()
            writer.close()
            return answer

    head = (await scene()).partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 429 ")
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    assert headers["access-control-allow-origin"] == page
    [line] = [record.__dict__ for record in caplog.records if record.getMessage() == "served"]
    assert headers["x-request-id"] == line["request_id"].lower()
    assert (line["status"], line["code"]) == (429, "rate_limit_exceeded")


async def test_fifty_clients_that_do_not_read_keep_no_other_from_being_served() -> None:
    """Each costs what the sockets hold and 64 KiB; the application waits, and nothing is written ahead."""

    async with serving(ConnectionLimits()) as port:
        held = [await asyncio.open_connection("127.0.0.1", port, limit=1) for _ in range(50)]
        for _, writer in held:
            writer.transport.pause_reading()
            writer.write(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        assert await asyncio.gather(*(sent(port, WHOLE, b"\r\n") for _ in range(100))) == [200] * 100
        for _, writer in held:
            writer.transport.abort()


@pytest.mark.parametrize(
    "line",
    [
        b"GET /\xff\xfe HTTP/1.1",
        b"GET /%ff%00%2e%2e%2f HTTP/1.1",
        b"GET /" + b"a/" * 20_000 + b" HTTP/1.1",
        b"GET //?" + b"%" * 30_000 + b" HTTP/1.1",
        b"GET /?\xf0\x28\x8c\x28 HTTP/1.1",
        b"GET http://[::1 HTTP/1.1",
        b"GET * HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"BREW /v1/responses HTTP/1.1",
        b"GET /healthz HTTP/9.9",
        b"CONNECT x:1 HTTP/1.1",
        b"GET /v1/models HTTP/1.1\r\nauthorization: \xff\xfe",
        b"GET /v1/models HTTP/1.1\r\nauthorization: Bearer a\r\nauthorization: Bearer b",
        b"GET /v1/models HTTP/1.1\r\nhost: [::1",
        b"GET /v1/models HTTP/1.1\r\nna me: x",
        b"GET /v1/models HTTP/1.1\r\nx: a\x00b",
        b"GET /v1/responses/" + b"%00" * 10_000 + b" HTTP/1.1",
        b"POST /v1/responses HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked",
        b"POST /v1/responses HTTP/1.1\r\ncontent-length: -1",
        b"POST /v1/responses HTTP/1.1\r\ncontent-length: " + b"9" * 40,
    ],
    ids=lambda line: repr(line[:40]),
)
async def test_any_bytes_in_a_head_get_the_envelope_or_a_plain_4xx(tmp_path: Path, line: bytes) -> None:
    settings = Settings(database=str(tmp_path / "antiphon.db"))
    stores = build_stores(settings)
    services = build_services(settings, stores, Providers({}, {}))
    app = build_app(
        services, [create.router, chat.router, models.router, responses.router, about.router], stores.aclose
    )

    async with serving(SOON, app=app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line + b"\r\nhost: x\r\nconnection: close\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    assert 400 <= int(head.split(b" ")[1]) < 500
    if b"application/json" in head:
        assert set(json.loads(body)["error"]) == {"message", "type", "code", "param"}
