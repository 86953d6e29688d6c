"""What a streamed delta costs, what the first one waits for, and the memory of 64 streams; beside a bare relay."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.client import CHUNK, DELTA, Client
from benchmarks.load import BURST, PACED, SHORT, Load
from benchmarks.process import Process, process
from benchmarks.table import Table

REPETITIONS: Final = 5
REQUESTS: Final = 200
WARM_UP: Final = 20
MICRO: Final = 1e6
MILLI: Final = 1e3


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    with (
        tempfile.TemporaryDirectory() as folder,
        process("upstream") as upstream,
        process("relay", f"http://127.0.0.1:{upstream.port}/v1/chat/completions") as relay,
        process("served", str(Path(folder) / "bench.db"), f"http://127.0.0.1:{upstream.port}/v1") as antiphon,
    ):
        idle = [server.memory("VmRSS") for server in (relay, antiphon)]
        paced = compare(PACED, relay, antiphon)
        peak = [server.memory("VmHWM") for server in (relay, antiphon)]
        burst = compare(BURST, relay, antiphon)
        first = asyncio.run(first_delta(upstream, relay, antiphon))
    yield Table(
        "Streaming through the whole path",
        ("", "Antiphon", "bare relay", "ratio", "to reach"),
        (
            _row("CPU per delta, burst of 16 streams, us", burst, 1, "20, ratio 1.5"),
            _row("CPU per delta, 64 paced streams, us", paced, 1, "130, ratio 1.5"),
            _row("added to the first delta, ms", first, 2, "ratio 1.5"),
            _row("memory, idle, MB", idle, 0),
            _row("memory, peak with 64 streams, MB", peak, 0),
        ),
    )


def _row(name: str, figures: list[float], digits: int, to_reach: str = "") -> tuple[str, ...]:
    floor, ours = figures
    return (name, f"{ours:.{digits}f}", f"{floor:.{digits}f}", f"{ours / floor:.2f}", to_reach)


def compare(load: Load, *servers: Process) -> list[float]:
    """Put a load on each server in turn, and return the medians of their processor time per delta, in microseconds."""
    rounds = [[asyncio.run(cpu_per_delta(load, server)) for server in servers] for _ in range(REPETITIONS)]
    return [median(figures) * MICRO for figures in zip(*rounds, strict=True)]


async def cpu_per_delta(load: Load, server: Process) -> float:
    """Put a load on a server and return its processor time per delta, in seconds, requests and all."""
    clients = [await Client.connect(server.port) for _ in range(load.streams)]
    before = server.cpu()
    await asyncio.gather(*(client.post("/v1/responses", server.key, _request(load)) for client in clients))
    used = server.cpu() - before
    for client in clients:
        client.close()
        if client.received.count(DELTA) != load.deltas:
            raise RuntimeError(f"not all deltas came: {bytes(client.received[-500:])!r}")
    return used / (load.streams * load.deltas)


async def first_delta(upstream: Process, *servers: Process) -> list[float]:
    """Return the medians of the milliseconds that each server adds to the time to the first delta."""
    direct = await Client.connect(upstream.port, CHUNK)
    through = [await Client.connect(server.port) for server in servers]
    chat = {"model": SHORT.model, "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    rounds: list[list[float]] = []
    for _ in range(WARM_UP + REQUESTS):
        times = [await direct.post("/v1/chat/completions", "none", chat)]
        for client, server in zip(through, servers, strict=True):
            times.append(await client.post("/v1/responses", server.key, _request(SHORT)))
        rounds.append(times)
    for client in (direct, *through):
        client.close()
    bare, *proxied = (median(times) for times in zip(*rounds[WARM_UP:], strict=True))
    return [(time - bare) * MILLI for time in proxied]


def _request(load: Load) -> dict[str, object]:
    return {"model": load.model, "input": "Hello", "stream": True}
