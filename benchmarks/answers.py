"""What an answer in one piece costs: JSON responses, GET and the list of models; beside bare FastAPI routes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp

from benchmarks.load import APART, JSON, Load
from benchmarks.process import Process, process
from benchmarks.table import Table

REPETITIONS: Final = 7
REQUESTS: Final = 150
FEW_REQUESTS: Final = 40
"""Of those that take a tenth of a second each."""

WARM_UP: Final = 20

Ask = Callable[[aiohttp.ClientSession, str], Awaitable[None]]


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    with (
        tempfile.TemporaryDirectory() as folder,
        process("upstream") as upstream,
        process("bare_api", f"http://127.0.0.1:{upstream.port}/v1/chat/completions") as bare,
        process("served", str(Path(folder) / "bench.db"), f"http://127.0.0.1:{upstream.port}/v1") as antiphon,
    ):
        ids = [asyncio.run(_created(server)) for server in (bare, antiphon)]
        rows = []
        for name, asks, requests in (
            (f"POST, JSON of {JSON.deltas} tokens", (create, create), REQUESTS),
            (f"the same, a token every {APART.pause * 1e3:.0f} ms", (_post(APART),) * 2, FEW_REQUESTS),
            ("GET a response", tuple(_get(f"/v1/responses/{response_id}") for response_id in ids), REQUESTS),
            ("GET the list of models", (_get("/v1/models"),) * 2, REQUESTS),
        ):
            floor, ours = compare_answers(tuple(zip((bare, antiphon), asks, strict=True)), requests)
            rows.append((name, f"{1 / ours:.0f}", f"{1 / floor:.0f}", f"{ours * 1e3:.2f}", f"{ours / floor:.2f}"))
    columns = ("", "Antiphon, requests a second", "bare FastAPI", "CPU of Antiphon, ms", "ratio of CPU")
    yield Table("Answers in one piece, on one core", columns, rows)


def compare_answers(servers: tuple[tuple[Process, Ask], ...], requests: int = REQUESTS) -> list[float]:
    """Ask each server in turn. Return the medians of their processor time per request, in seconds."""
    rounds = [[asyncio.run(_cpu(server, ask, requests)) for server, ask in servers] for _ in range(REPETITIONS)]
    return [median(figures) for figures in zip(*rounds, strict=True)]


async def _cpu(server: Process, ask: Ask, requests: int) -> float:
    async with _session(server) as session:
        for _ in range(WARM_UP):
            await ask(session, server.key)
        before = server.cpu()
        for _ in range(requests):
            await ask(session, server.key)
        return (server.cpu() - before) / requests


async def _created(server: Process) -> str:
    async with _session(server) as session:
        response_id: str = (await _response(session, server.key, JSON))["id"]
        return response_id


async def create(session: aiohttp.ClientSession, key: str) -> None:
    """Ask for a response in one piece."""
    await _response(session, key, JSON)


def _post(load: Load) -> Ask:
    async def ask(session: aiohttp.ClientSession, key: str) -> None:
        await _response(session, key, load)

    return ask


async def _response(session: aiohttp.ClientSession, key: str, load: Load) -> dict[str, Any]:
    body = {"model": load.model, "input": "Hello"}
    async with session.post("/v1/responses", json=body, headers={"authorization": f"Bearer {key}"}) as answer:
        response: dict[str, Any] = await answer.json()
        if response.get("status") != "completed":
            raise RuntimeError(f"no response came: {response}")
        return response


def _get(path: str) -> Ask:
    async def ask(session: aiohttp.ClientSession, key: str) -> None:
        async with session.get(path, headers={"authorization": f"Bearer {key}"}) as answer:
            answer.raise_for_status()
            await answer.read()

    return ask


def _session(server: Process) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(f"http://127.0.0.1:{server.port}")
