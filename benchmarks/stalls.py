"""How long one hostile body keeps a server from answering anybody else, beside an idle server in the same run."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp

from benchmarks.process import process
from benchmarks.table import Table

BYTES: Final = 5_800_000
REPETITIONS: Final = 3
MILLI: Final = 1e3


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    with (
        tempfile.TemporaryDirectory() as folder,
        process("served", str(Path(folder) / "idle.db"), "http://127.0.0.1:9/v1") as idle,
        process("served", str(Path(folder) / "bench.db"), "http://127.0.0.1:9/v1") as antiphon,
    ):
        ports = antiphon.port, idle.port
        rows = [(name, *asyncio.run(_row(ports, antiphon.key, body))) for name, body in bodies()]
    yield Table(
        f"Longest silence of /healthz while one request is served, worst of {REPETITIONS}",
        ("body", "size, KB", "status", "Antiphon, ms", "idle server, ms"),
        rows,
    )


def bodies() -> Iterator[tuple[str, bytes]]:
    """Yield hostile bodies by name, and a harmless one."""
    yield "harmless", _request(input="Hi")
    yield "a string of quotes without an end", b'{"input":"' + b'\\"' * (BYTES // 2)
    yield "a string of quotes with an end", b'{"input":"' + b'\\"' * (BYTES // 2) + b'","model":"demo"}'
    yield "empty arrays in an ignored field", b'{"user":[' + b"[]," * (BYTES // 3) + b"[]]}"
    yield "99,000 numbers in an unknown field", b'{"unknown":[' + b"1," * 99_000 + b"1]}"
    yield "one text", _request(input="word " * (BYTES // 5))
    yield "9,000 items", _request(input=[{"role": "user", "content": "a"}] * 9000)
    yield "9,000 parts", _request(input=[{"role": "user", "content": [_part()] * 900}] * 10)
    tools = [_tool(number, {"city": {"type": "string"}}) for number in range(128)]
    yield "128 tools and one text", _request(input="word " * (BYTES // 6), tools=tools)
    yield "9,500 keys in a schema", _request(input="Hi", tools=[_tool(0, {f"k{number}": {} for number in range(9500)})])
    yield "millions of digits in a number", b'{"temperature":1.' + b"1" * (BYTES - 100) + b"}"


def _request(**fields: Any) -> bytes:
    return json.dumps({"model": "demo", "store": False, "max_output_tokens": 16, **fields}).encode()


def _part() -> dict[str, str]:
    return {"type": "input_text", "text": "a"}


def _tool(number: int, properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "name": f"tool_{number}", "parameters": parameters, "strict": False}


async def _row(ports: tuple[int, int], key: str, body: bytes) -> tuple[str, ...]:
    worst = [0.0, 0.0]
    status = 0
    async with aiohttp.ClientSession() as session:
        for _ in range(REPETITIONS):
            ended = asyncio.Event()
            silences = [asyncio.create_task(_silence(session, port, ended)) for port in ports]
            status = await _post(session, ports[0], key, body)
            ended.set()
            worst = [max(pair) for pair in zip(worst, await asyncio.gather(*silences), strict=True)]
    return f"{len(body) / 1000:.0f}", str(status), *(f"{seconds * MILLI:.0f}" for seconds in worst)


async def _silence(session: aiohttp.ClientSession, port: int, ended: asyncio.Event) -> float:
    """Return the longest time that an answer took, asked again and again."""
    now = asyncio.get_running_loop().time
    longest = 0.0
    while not ended.is_set():
        begun = now()
        async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
            await answer.read()
        longest = max(longest, now() - begun)
        await asyncio.sleep(0.001)
    return longest


async def _post(session: aiohttp.ClientSession, port: int, key: str, body: bytes) -> int:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    async with session.post(f"http://127.0.0.1:{port}/v1/responses", data=body, headers=headers) as answer:
        await answer.read()
        return answer.status
