"""A long stream is read again in slices, between which others are served."""

from __future__ import annotations

import asyncio

import pytest

from antiphon.run.follow import SLICE, stream_of
from tests.support.durable import ADA, Open, authenticated, held
from tests.support.service import Service
from tests.support.streams import sent_events
from tests.support.upstream import Script, Upstream, finish, text, usage

DELTAS = 4000
DELTA = "response.output_text.delta"
WORDS = [text(f"word{number} ") for number in range(DELTAS)]


async def read(service: Service, key: str, response_id: str) -> tuple[list[int], int]:
    """Read all deltas of a stream; return the sizes of what came at once, and how often another task was served."""
    stored = await service.responses.get(ADA, response_id, service.clock())
    stream = stream_of(service.services, await authenticated(service, key), stored)
    sizes, deltas, served = [], 0, 0

    async def be_served() -> None:
        nonlocal served
        while True:
            served += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(be_served())
    async for events in stream.batches(10):
        sizes.append(len(events))
        deltas += sum(event["type"] == DELTA for event in events)
        if deltas == DELTAS:
            break
    other.cancel()
    return sizes, served


@pytest.mark.parametrize("state", ["running here", "running elsewhere", "ended"])
def test_a_long_stream_is_read_in_slices(opened: Open, upstream: Upstream, state: str) -> None:
    service, other = opened(), opened()
    key = service.key()
    script, gate = held(*WORDS)
    upstream.scripts = [script if state != "ended" else Script.stream(*WORDS, finish("stop"), usage(3, DELTAS))]
    with service.streaming(key, input="Hi") as stream:
        got = b""
        for piece in stream.iter_bytes():
            got += piece
            if got.count(f"event: {DELTA}".encode()) == DELTAS and (state != "ended" or got.endswith(b"[DONE]\n\n")):
                break
        reader = other if state == "running elsewhere" else service
        sizes, served = reader.run(read(reader, key, sent_events(got[: got.find(b"\n\n")])[0]["response"]["id"]))
        gate.open()
    assert max(sizes) <= SLICE
    assert served >= DELTAS // SLICE
