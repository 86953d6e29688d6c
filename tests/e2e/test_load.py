"""Many clients at once, and clients that do not read, over real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.support.service import Service
from tests.support.streams import assert_stream, sent_events
from tests.support.upstream import Gate, Script, Upstream, finish, text, usage

STREAMS = 200
LONG = "word " * 2000


@pytest.fixture
def service(tmp_path: Path):
    with Service(tmp_path) as running:
        running.agent("demo", provider="demo", model="demo")
        yield running


async def streamed(session: aiohttp.ClientSession, service: Service, key: str, said: str, model: str = "demo") -> str:
    """Stream an answer, check it, and return its text."""
    body = {"model": model, "input": said, "stream": True}
    headers = {"authorization": f"Bearer {key}"}
    async with session.post(f"{service.root}/v1/responses", json=body, headers=headers) as answer:
        assert answer.status == 200
        events = assert_stream(await answer.read())
    assert events[-1]["type"] == "response.completed"
    return events[-1]["response"]["output"][0]["content"][0]["text"]


async def test_two_hundred_streams_at_once_are_each_without_a_fault(service: Service) -> None:
    key = service.key()

    async def scene() -> list[str]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=STREAMS)) as session:
            return await asyncio.gather(*(streamed(session, service, key, f"No. {n}.") for n in range(STREAMS)))

    texts = await scene()
    assert [f"“No. {number}.”" in text for number, text in enumerate(texts)] == [True] * STREAMS


async def test_two_hundred_streams_at_once_from_one_provider_are_each_without_a_fault(
    tmp_path: Path, upstream: Upstream
) -> None:
    """The provider holds each stream in its middle until all have begun."""
    gate = Gate()
    upstream.scripts = [Script.stream(text("one "), text("two "), gate, text("three"), finish(), usage(3, 3))]
    with Service(tmp_path, upstream) as service:
        key = service.key()

        def open_once_all_are_there() -> None:
            while len(upstream.requests) < STREAMS:
                time.sleep(0.02)
            gate.open()

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=STREAMS)) as session:
            asking = (streamed(session, service, key, "Hi", "agent") for _ in range(STREAMS))
            texts, _ = await asyncio.gather(asyncio.gather(*asking), asyncio.to_thread(open_once_all_are_there))
    assert texts == ["one two three"] * STREAMS


async def test_fifty_clients_that_stop_reading_do_not_stop_others_and_their_answers_are_stored(
    service: Service,
) -> None:
    """A run never waits for its reader, so what is held for one is bounded by its own answer."""
    key = service.key()
    tools = [{"type": "function", "name": "note", "parameters": {"properties": {"text": {"type": "string"}}}}]
    body = json.dumps({"model": "demo", "input": LONG, "tools": tools, "stream": True}).encode()
    head = (
        f"POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    )
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    where = urlsplit(service.root)

    stalled = [await asyncio.open_connection(where.hostname, where.port, limit=1024) for _ in range(50)]
    ids = []
    for reader, writer in stalled:
        writer.write(request)
        await reader.readuntil(b'"id":"')
        ids.append((await reader.readuntil(b'"'))[:-1].decode())
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(streamed(session, service, key, "Hi") for _ in range(20)))
    for _, writer in stalled:
        writer.transport.abort()

    service.settle(20)
    assert {service.retrieve(key, one)["status"] for one in ids} == {"completed"}


async def test_followers_of_many_streams_at_once_get_every_event(tmp_path: Path) -> None:
    """Each stream has a follower in its own process and one in another process with the same store."""
    with Service(tmp_path, max_queued_runs=64) as service, Service(tmp_path) as other:
        service.agent("demo", provider="demo", model="demo")
        key = service.key()
        headers = {"authorization": f"Bearer {key}"}

        async def followed(session: aiohttp.ClientSession, number: int) -> list[list[dict[str, Any]]]:
            body = {
                "model": "demo",
                "input": f"No. {number}. " * 20,
                "stream": True,
                "background": number % 2 == 0,
                "stream_options": {"include_obfuscation": False},
            }
            async with session.post(f"{service.root}/v1/responses", json=body, headers=headers) as answer:
                raw = await answer.content.readuntil(b"\n\n")
                path = f"/v1/responses/{sent_events(raw)[0]['response']['id']}?stream=true&include_obfuscation=false"
                readers = [read(session, f"{where.root}{path}") for where in (service, other)]
                rest, *followers = await asyncio.gather(answer.read(), *readers)
            return [sent_events(content) for content in (raw + rest, *followers)]

        async def read(session: aiohttp.ClientSession, url: str) -> bytes:
            async with session.get(url, headers=headers) as answer:
                return await answer.read()

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            streams = await asyncio.gather(*(followed(session, number) for number in range(64)))
    for live, here, elsewhere in streams:
        assert live[-1]["type"] == "response.completed"
        assert live == here == elsewhere
