"""The memory that clients cost which ask for a stream and do not read it, beside clients that read theirs."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from benchmarks.load import BURST, LONG, Load
from benchmarks.process import Process, process
from benchmarks.table import Table

READERS: Final = 50
SETTLED_SECONDS: Final = 1.0
RECEIVED: Final = 4096
"""The size of a client's receive buffer, so that little is on its way."""


def measure() -> Iterable[Table]:
    """Run the benchmark."""
    rows = [
        (name, str(load.deltas), *(f"{kilobytes:.0f}" for kilobytes in _cost(load, read)))
        for load in (BURST, LONG)
        for name, read in (("reads", True), ("reads nothing", False))
    ]
    columns = ("a client that", "deltas", "KB each, while it is connected", "KB each, once it has left")
    yield Table(f"Memory of {READERS} clients at once", columns, rows)


def _cost(load: Load, read: bool) -> tuple[float, float]:
    """Return the growth of a fresh server per client, in KB."""
    with (
        tempfile.TemporaryDirectory() as folder,
        process("upstream") as upstream,
        process("served", str(Path(folder) / "bench.db"), f"http://127.0.0.1:{upstream.port}/v1") as antiphon,
    ):
        _read(_asking(antiphon, load))  # what a first request loads
        _settle(antiphon)
        idle = antiphon.memory("VmRSS")
        clients = [_asking(antiphon, load) for _ in range(READERS)]
        if read:
            _together([lambda client=client: _read(client) for client in clients])  # type: ignore[misc] # its default
        _settle(antiphon)
        during = antiphon.memory("VmRSS")
        for client in clients:
            client.close()
        _settle(antiphon)
        after = antiphon.memory("VmRSS")
    return (during - idle) * 1024 / READERS, (after - idle) * 1024 / READERS


def _asking(server: Process, load: Load) -> socket.socket:
    body = json.dumps({"model": load.model, "input": "Hi", "stream": True})
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
    client.connect(("127.0.0.1", server.port))
    head = (
        f"POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {server.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    client.sendall((head + body).encode())
    return client


def _read(client: socket.socket) -> None:
    while client.recv(1_000_000):
        """Nothing is kept."""


def _together(work: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _settle(server: Process) -> None:
    """Wait until the server has nothing to do."""
    used = -1.0
    while server.cpu() - used > SETTLED_SECONDS / 100:
        used = server.cpu()
        time.sleep(SETTLED_SECONDS)
