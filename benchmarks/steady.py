"""What stays the same under load: the latency of a small request while streams run, and memory over many requests."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import aiohttp

from benchmarks.client import Client
from benchmarks.load import JSON, PACED
from benchmarks.process import Process, process
from benchmarks.table import Table

STREAMS: Final = (16, PACED.streams)
APART: Final = 0.01
"""Seconds between the beginnings of two streams: all at once would be another load."""

PAUSE: Final = 0.02
"""Seconds between two requests whose latency is measured."""

REQUESTS: Final = 10_000
STEP: Final = 2000
AT_ONCE: Final = 16
MILLI: Final = 1e3
PERCENT: Final = 100


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    with (
        tempfile.TemporaryDirectory() as folder,
        process("upstream") as upstream,
        process("served", str(Path(folder) / "bench.db"), f"http://127.0.0.1:{upstream.port}/v1") as antiphon,
    ):
        idle = asyncio.run(_idle(antiphon))
        loaded = {count: asyncio.run(_loaded(antiphon, count)) for count in STREAMS}
    rows = [_row("nothing else", idle, idle)]
    rows += [_row(f"{count} paced streams", seen, idle) for count, seen in loaded.items()]
    yield Table(
        "Latency of the list of models while streams run", ("beside", "p50, ms", "p99, ms", "ratio of p50"), rows
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        process("upstream") as upstream,
        process("served", str(Path(folder) / "bench.db"), f"http://127.0.0.1:{upstream.port}/v1") as antiphon,
    ):
        sizes = asyncio.run(_sizes(antiphon))
    yield Table(
        f"Memory over {REQUESTS} requests, {AT_ONCE} at once, half of them streams",
        ("requests", "resident, MB"),
        [(str(STEP * number), f"{size:.1f}") for number, size in enumerate(sizes)],
    )


def _row(name: str, seen: list[float], idle: list[float]) -> tuple[str, ...]:
    slowest = quantiles(seen, n=PERCENT)[-1]
    ratio = median(seen) / median(idle)
    return name, f"{median(seen) * MILLI:.1f}", f"{slowest * MILLI:.1f}", f"{ratio:.1f}"


async def _idle(server: Process) -> list[float]:
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(PACED.deltas * PACED.pause, done.set)
    return await _latencies(server, done)


async def _loaded(server: Process, count: int) -> list[float]:
    """Measure while so many streams run, and require that each comes whole."""
    clients = [await Client.connect(server.port) for _ in range(count)]
    body = {"model": PACED.model, "input": "Hello", "stream": True}
    done = asyncio.Event()

    async def stream(number: int, client: Client) -> None:
        await asyncio.sleep(number * APART)
        await client.post("/v1/responses", server.key, body)

    async def stream_all() -> None:
        await asyncio.gather(*(stream(number, client) for number, client in enumerate(clients)))
        done.set()

    _, seen = await asyncio.gather(stream_all(), _latencies(server, done))
    for client in clients:
        client.close()
        if b"event: response.completed" not in client.received:
            raise RuntimeError(f"a stream did not complete: {bytes(client.received[-500:])!r}")
    return seen


async def _latencies(server: Process, done: asyncio.Event) -> list[float]:
    seen: list[float] = []
    async with _session(server) as session:
        while not done.is_set():
            begun = time.perf_counter()
            async with session.get("/v1/models") as answer:
                answer.raise_for_status()
                await answer.read()
            seen.append(time.perf_counter() - begun)
            await asyncio.sleep(PAUSE)
    return seen


async def _sizes(server: Process) -> list[float]:
    """Return the memory of a server before the first request that counts, and after each step."""
    async with _session(server) as session:
        await _ask(session, AT_ONCE)  # what first requests load
        sizes = [server.memory("VmRSS")]
        for _ in range(REQUESTS // STEP):
            await asyncio.gather(*(_ask(session, STEP // AT_ONCE) for _ in range(AT_ONCE)))
            sizes.append(server.memory("VmRSS"))
    return sizes


async def _ask(session: aiohttp.ClientSession, count: int) -> None:
    for number in range(count):
        body = {"model": JSON.model, "input": "Hello", "stream": number % 2 == 0}
        async with session.post("/v1/responses", json=body) as answer:
            if b'"status":"completed"' not in await answer.read():
                raise RuntimeError("a response did not complete")


def _session(server: Process) -> aiohttp.ClientSession:
    headers = {"authorization": f"Bearer {server.key}"}
    return aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", headers=headers)
