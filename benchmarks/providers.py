"""What a provider's protocol costs: the processor time of one delta from bytes, and of what its adapter imports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from antiphon.ports import Delta, StopDelta, TextDelta
from antiphon.providers.anthropic.deltas import EventReader as MessagesReader
from antiphon.providers.bedrock.deltas import EventReader as ConverseReader
from antiphon.providers.endpoint import Reader
from antiphon.providers.openai_chat.deltas import ChunkReader
from antiphon.providers.openai_responses.deltas import EventReader as ResponsesReader
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
}
CLIENTS = {"bedrock": "import boto3; boto3.client('bedrock-runtime', region_name='eu-central-1')"}
"""What the first call needs beside the adapter; the others need aiohttp."""


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    rows = []
    nothing = least("import antiphon.ports")
    for protocol in PROTOCOLS:
        data = b"".join(protocol.frames([*[TextDelta("word ")] * DELTAS, StopDelta("stop")]))
        chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
        took = min(timed(protocol.kind, chunks) for _ in range(REPETITIONS)) / DELTAS
        adapter = f"import antiphon.ports, antiphon.providers.{protocol.kind}"
        whole = f"{adapter}; {CLIENTS.get(protocol.kind, 'import aiohttp')}"
        imported, ready = (f"{max(0.0, (least(code) - nothing) * 1e3):.0f}" for code in (adapter, whole))
        rows.append((protocol.kind, f"{took * 1e6:.1f}", imported, ready))
    columns = ("", "bytes to deltas, us a delta", "import of the adapter, ms", "with its client, ms")
    yield Table("Providers, processor time", columns, rows)


def timed(kind: str, chunks: Sequence[bytes]) -> float:
    """Give the processor time of reading a stream, in seconds."""
    begun = time.process_time()
    count = sum(map(len, converse(chunks) if kind == "bedrock" else read(kind, chunks)))
    assert count >= DELTAS
    return time.process_time() - begun


def read(kind: str, chunks: Sequence[bytes]) -> Iterator[list[Delta]]:
    """Read a stream of server-sent events."""
    reader = READERS[kind]()
    return map(reader.feed, chunks)


def converse(chunks: Sequence[bytes]) -> Iterator[list[Delta]]:
    """Read an event stream as boto3 does."""
    from botocore.eventstream import EventStream
    from botocore.parsers import EventStreamJSONParser
    from botocore.session import get_session

    class Raw:
        def stream(self) -> Iterator[bytes]:
            yield from chunks

    service = get_session().get_service_model("bedrock-runtime")
    shape = service.operation_model("ConverseStream").get_event_stream_output()
    stream: Any = EventStream(Raw(), shape, EventStreamJSONParser(), "ConverseStream")
    reader = ConverseReader("m")
    return map(reader.read, stream)


def least(code: str) -> float:
    """Give the least processor time of a fresh interpreter that runs some code, in seconds."""
    run(code)  # compiles
    return min(cpu(code) for _ in range(REPETITIONS))
