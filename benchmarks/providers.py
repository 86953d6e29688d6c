"""What a provider's protocol costs: the processor time of one delta from bytes, and of what its adapter imports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from antiphon.ports import StopDelta, TextDelta
from antiphon.providers.anthropic.deltas import MessagesReader
from antiphon.providers.bedrock.deltas import ConverseReader
from antiphon.providers.endpoint import Reader
from antiphon.providers.openai_chat.deltas import ChunkReader
from antiphon.providers.openai_responses.deltas import ResponsesReader
from benchmarks.imports import cpu, run
from benchmarks.table import Table
from tests.support.protocols import PROTOCOLS

DELTAS = 50_000
CHUNK = 64 * 1024
REPETITIONS = 5
READERS: dict[str, Callable[[], Reader]] = {
    "openai_chat": ChunkReader,
    "openai_responses": lambda: ResponsesReader("m"),
    "anthropic": lambda: MessagesReader("m"),
    "bedrock": lambda: ConverseReader("m"),
}


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    rows = []
    nothing = least("import antiphon.ports")
    for protocol in PROTOCOLS:
        data = b"".join(protocol.frames([*[TextDelta("word ")] * DELTAS, StopDelta("stop")]))
        chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
        took = min(timed(protocol.kind, chunks) for _ in range(REPETITIONS)) / DELTAS
        adapter = f"import antiphon.ports, antiphon.providers.{protocol.kind}.adapter"
        codes = (adapter, f"{adapter}, aiohttp")
        imported, ready = (f"{max(0.0, (least(code) - nothing) * 1e3):.0f}" for code in codes)
        rows.append((protocol.kind, f"{took * 1e6:.1f}", imported, ready))
    columns = ("", "bytes to deltas, us a delta", "import of the adapter, ms", "with its client, ms")
    yield Table("Providers, processor time", columns, rows)


def timed(kind: str, chunks: Sequence[bytes]) -> float:
    """Return the processor time of reading a stream, in seconds."""
    begun = time.process_time()
    reader = READERS[kind]()
    count = sum(len(reader.feed(chunk)) for chunk in chunks)
    assert count >= DELTAS
    return time.process_time() - begun


def least(code: str) -> float:
    """Return the least processor time of a fresh interpreter that runs some code, in seconds."""
    run(code)  # compiles
    return min(cpu(code) for _ in range(REPETITIONS))
