"""A program in a real terminal: a pseudo-terminal that a test types into and reads from.

with Terminal([EXECUTABLE, "chat", "agent"], tmp_path) as terminal:
    terminal.until("> ")
    terminal.type("Hello\\n")
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

INTERRUPT = "\x03"
"""Ctrl-C."""

END = "\x04"
"""Ctrl-D."""

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07")


def _take_terminal() -> None:
    """Make stdin the terminal of the session, so that Ctrl-C reaches the program."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A context manager; the program has ended when it is left, or is killed.

    Attributes:
        raw: everything that the program wrote.
    """

    def __init__(
        self, command: Sequence[str], cwd: Path, environ: dict[str, str] | None = None, *, columns: int = 200
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin", "TERM": "xterm", "HOME": str(cwd), "LC_ALL": "C.UTF-8", **(environ or {})},
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 (one system call, for which no lock is needed)
        )
        os.close(theirs)
        self.raw = ""
        self._read_to = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def until(self, wanted: str, seconds: float = 30) -> str:
        """Read on until a text comes; return what came up to its end, without controls."""
        end = time.monotonic() + seconds
        while (found := self.shown.find(wanted, self._read_to)) < 0:
            assert self._more(end), f"{wanted!r} did not come: {self.shown[self._read_to :]!r}"
        begin, self._read_to = self._read_to, found + len(wanted)
        return self.shown[begin : self._read_to]

    def type_until(self, key: str, wanted: str) -> None:
        """Press a key until a text comes. CPython's prompt misses a signal that comes just before it waits."""
        for _ in range(20):
            self.type(key)
            end = time.monotonic() + 1
            while wanted not in self.shown[self._read_to :]:
                if not self._more(end):
                    break
            else:
                self.until(wanted)
                return
        raise AssertionError(f"{wanted!r} did not come: {self.shown[self._read_to :]!r}")

    def ended(self, seconds: float = 30) -> int:
        """Read to the end of the program and return its exit code."""
        end = time.monotonic() + seconds
        while self._more(end):
            pass
        return self._process.wait(max(end - time.monotonic(), 0.1))

    @property
    def shown(self) -> str:
        """What the program wrote, without controls and carriage returns."""
        return _CONTROL.sub("", self.raw).replace("\r", "")

    def _more(self, end: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(end - time.monotonic(), 0))
        if not ready:
            return False
        try:
            piece = os.read(self._ours, 65_536)
        except OSError:  # the program has ended
            return False
        self.raw += piece.decode(errors="replace")
        return bool(piece)
