"""Processes of their own, so that each one's time and memory can be told from the others'. Linux only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SOURCES: Final = f"{ROOT / 'layers' / 'antiphon'}{os.pathsep}{ROOT}"


@dataclass(frozen=True, slots=True)
class Process:
    """A server that is ready.

    Attributes:
        pid: its process id.
        port: where it listens on 127.0.0.1.
        key: what to send as a bearer token.
    """

    pid: int
    port: int
    key: str = "none"

    def cpu(self) -> float:
        """Return the processor time it has used, in seconds, of all its threads, user and system."""
        process_clock = (~self.pid << 3) | 2  # clock_getcpuclockid(3), as Linux makes it
        return time.clock_gettime(process_clock)

    def memory(self, field: str) -> float:
        """Return ``VmRSS`` (resident now) or ``VmHWM`` (the most it ever was) in MB; see proc_pid_status(5)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(field))
        return int(line.split()[1]) / 1024


@contextmanager
def process(module: str, *arguments: str) -> Iterator[Process]:
    """Run a module of this package as a process. It prints one line of JSON when it is ready."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": SOURCES}) as child:
        assert child.stdout is not None
        try:
            yield Process(child.pid, **json.loads(child.stdout.readline()))
        finally:
            child.terminate()
