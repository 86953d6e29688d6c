"""The local server as `make run` starts it: a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai

ROOT = Path(__file__).parents[2]


def start(state: Path, **environ: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTIPHON_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env={**kept, "PORT": "0", "ANTIPHON_STATE": str(state), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Running:
    """A server that said that it is ready."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("      if event.type"):
                break
        self.banner = "".join(lines) + process.stdout.readline()
        self.base_url = re.search(r"base_url   (\S+)", self.banner)[1]
        self.key = re.search(r"key        (\S+)", self.banner)[1]
        self.agents = re.search(r"agents     (.+)", self.banner)[1].split(", ")

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.base_url, api_key=self.key, max_retries=0)


@contextmanager
def running(state: Path, **environ: str) -> Iterator[Running]:
    process = start(state, **environ)
    try:
        yield Running(process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
