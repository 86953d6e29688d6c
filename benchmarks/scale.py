"""What each operation of management reads of a file with ten records of a kind, and of one with a million."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Table
from tests.support.scale import FULL, TEN, Cost, Deployment, Size


def measure() -> Iterator[Table]:
    """Fill two files and yield the table of their costs."""
    small, large = _costs(TEN), _costs(FULL)
    title = f"Management of {FULL.keys:,} keys, {FULL.agents:,} agents and {FULL.responses:,} responses in SQLite"
    columns = ("operation", "statements, 10", "many", "instructions, 10", "many", "milliseconds, 10", "many")
    yield Table(title, columns, [(name, *_cells(small[name], large[name])) for name in small])


def _cells(small: Cost, large: Cost) -> Iterator[str]:
    for few, many in ((small.statements, large.statements), (small.steps, large.steps)):
        yield f"{few:,}"
        yield f"{many:,}"
    yield f"{small.seconds * 1000:.1f}"
    yield f"{large.seconds * 1000:.1f}"


def _costs(size: Size) -> dict[str, Cost]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with Deployment(Path(folder, "antiphon.db"), size) as deployment:
            print(f"filled in {time.perf_counter() - began:.1f} s")
            return deployment.costs()
