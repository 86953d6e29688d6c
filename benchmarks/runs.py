"""What the log of a running response costs, and how far its followers lag; beside a bare relay."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from benchmarks.client import DELTA, Client
from benchmarks.load import BURST, PACED, Load
from benchmarks.process import Process, process
from benchmarks.streams import MILLI, compare, first_delta
from benchmarks.table import Table

FOLLOWERS: Final = 2
"""Of each stream: one in the process that runs it, one in another with the same store."""

PERCENT: Final = 100


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    with tempfile.TemporaryDirectory() as folder, process("upstream") as upstream:
        url, database = f"http://127.0.0.1:{upstream.port}", str(Path(folder) / "bench.db")
        with (
            process("relay", f"{url}/v1/chat/completions") as relay,
            process("served", str(Path(folder) / "off.db"), f"{url}/v1", "off") as off,
            process("served", database, f"{url}/v1", "all") as on,
            process("served", database, f"{url}/v1", "all") as other,
        ):
            rows = [_row(load, compare(load, relay, off, on)) for load in (PACED, BURST)]
            first = asyncio.run(first_delta(upstream, relay, off, on))
            lags = asyncio.run(follow(PACED, on, other))
    yield Table(
        "CPU per delta with the log of running responses, us",
        ("", "bare relay", "log off", "log on", "the log adds"),
        tuple(rows),
    )
    yield Table(
        "Added to the first delta, ms",
        ("", "bare relay", "log off", "log on", "the log adds"),
        (("one stream after the other", *_compared(first, 2)),),
    )
    yield Table(
        f"How far {FOLLOWERS * PACED.streams} followers of {PACED.streams} paced streams lag behind, ms",
        ("", "p50", "p99", "deltas that all readers got"),
        tuple((name, *_spread(seen), f"{len(seen)}") for name, seen in lags.items()),
    )


def _row(load: Load, figures: list[float]) -> tuple[str, ...]:
    return f"{load.streams} streams, {'paced' if load.pause else 'in a burst'}", *_compared(figures, 1)


def _compared(figures: list[float], digits: int) -> tuple[str, ...]:
    _, off, on = figures
    return *(f"{figure:.{digits}f}" for figure in figures), f"{(on / off - 1) * PERCENT:.0f} %"


def _spread(seen: list[float]) -> tuple[str, str]:
    return f"{median(seen) * MILLI:.0f}", f"{quantiles(seen, n=PERCENT)[-1] * MILLI:.0f}"


class Timed(Client):
    """A client that notes when each delta came."""

    def __init__(self, mark: bytes) -> None:
        super().__init__(mark)
        self.times: list[float] = []
        self.begun = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Collect (asyncio)."""
        super().data_received(data)
        missing = self.received.count(DELTA) - len(self.times)
        self.times += [time.perf_counter()] * missing
        if not self.begun.is_set() and b'"id":"resp_' in self.received:
            self.begun.set()

    def response_id(self) -> str:
        """Return the id of the response that this client reads."""
        start = self.received.index(b'"id":"resp_') + len(b'"id":"')
        return self.received[start : self.received.index(b'"', start)].decode()


async def follow(load: Load, on: Process, other: Process) -> dict[str, list[float]]:
    """Follow every stream of a load from both processes; return each delta's lag in seconds, by where it was read.

    Raises:
        RuntimeError: a reader did not get every delta.
    """
    lags: dict[str, list[float]] = {"in the process that runs it": [], "in another process": []}
    streams = await asyncio.gather(*(_followed(load, on, other) for _ in range(load.streams)))
    for live, here, elsewhere in streams:
        for name, times in zip(lags, (here, elsewhere), strict=True):
            if len(times) != len(live) or len(live) != load.deltas:
                raise RuntimeError(f"{name}: {len(times)} deltas of {len(live)}")
            lags[name] += [max(0.0, seen - said) for said, seen in zip(live, times, strict=True)]
    return lags


async def _followed(load: Load, on: Process, other: Process) -> list[list[float]]:
    live = await Timed.connect(on.port)
    running = asyncio.create_task(
        live.post("/v1/responses", on.key, {"model": load.model, "input": "Hello", "stream": True})
    )
    await live.begun.wait()
    readers = [await Timed.connect(server.port) for server in (on, other)]
    path = f"/v1/responses/{live.response_id()}?stream=true"
    await asyncio.gather(running, *(reader.get(path, on.key) for reader in readers))
    return [client.times for client in (live, *readers)]
