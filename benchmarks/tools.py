"""What a call of a tool of an MCP server costs its client: a bare POST, Antiphon's client, and the official SDK."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.process import ROOT, SOURCES
from benchmarks.table import Table
from local.tools import tool_server

CALLS: Final = 1000
ROUNDS: Final = 3

_SDK: Final = ROOT / ".venv-mcp/bin/python"
_WAYS: Final = {"bare": "a bare POST (aiohttp)", "ours": "Antiphon", "sdk": "the official SDK (mcp)"}
_COLUMNS: Final = ("the same call by", "us", "CPU us", "CPU ms until it can call", "MB")


def measure() -> Iterable[Table]:
    """Run the benchmark; the SDK is left out if `make clients` has not installed it."""
    ways = [way for way in _WAYS if way != "sdk" or _SDK.exists()]
    with TemporaryDirectory() as state, tool_server(Path(state)) as place:
        figures = {way: [_run(way, f"http://{place}/mcp") for _ in range(ROUNDS)] for way in ways}
    rows = [
        (_WAYS[way], *(f"{statistics.median(each):.0f}" for each in zip(*figures[way], strict=True))) for way in ways
    ]
    yield Table(f"A call of a tool, {CALLS} one after the other, the median of {ROUNDS} rounds", _COLUMNS, rows)


def _run(way: str, url: str) -> tuple[float, float, float, float]:
    python = str(_SDK) if way == "sdk" else sys.executable
    command = [python, str(ROOT / "benchmarks/tool_calls.py"), way, url, str(CALLS)]
    environ = {**os.environ, "PYTHONPATH": SOURCES}
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    return told["us"], told["cpu_us"], told["ready_ms"], told["mb"]
