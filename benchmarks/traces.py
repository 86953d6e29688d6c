"""What traces for OpenTelemetry cost: requests in one piece, deltas and the first delta, with and without them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.answers import compare_answers, create
from benchmarks.load import BURST
from benchmarks.process import process
from benchmarks.streams import compare, first_delta
from benchmarks.table import Table

MILLI: Final = 1e3
PERCENT: Final = 100


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    with tempfile.TemporaryDirectory() as folder, process("upstream") as upstream, process("receiver") as receiver:
        url = f"http://127.0.0.1:{upstream.port}/v1"
        traces = f"http://127.0.0.1:{receiver.port}"
        with (
            process("served", str(Path(folder) / "off.db"), url, "all") as off,
            process("served", str(Path(folder) / "on.db"), url, "all", traces) as on,
        ):
            whole = [seconds * MILLI for seconds in compare_answers(((off, create), (on, create)))]
            deltas = compare(BURST, off, on)
            first = asyncio.run(first_delta(upstream, off, on))
    yield Table(
        "Traces for OpenTelemetry, three spans for each request",
        ("", "without", "with", "they add"),
        (
            _row("CPU per request in one piece, ms", whole, 2),
            _row("CPU per delta, burst of 16 streams, us", deltas, 1),
            _row("added to the first delta, ms", first, 2),
        ),
    )


def _row(name: str, figures: list[float], digits: int) -> tuple[str, ...]:
    without, with_them = figures
    return (
        name,
        f"{without:.{digits}f}",
        f"{with_them:.{digits}f}",
        f"{(with_them / without - 1) * PERCENT:.0f} %",
    )
