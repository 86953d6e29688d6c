"""Ports for programs that must be given one, and ports at which nobody listens."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import ExitStack

FIRST = 20_000
"""Below the ports that systems choose themselves, so nobody is given a port between its choice and its use."""

EACH = 500
"""How many ports each process of the tests has."""

_numbers = itertools.cycle(range(0, EACH, 2))


def free_port(count: int = 1) -> int:
    """Return a port of 127.0.0.1 that nobody listens at; with a count of two, nobody does at the next one either."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20
    while True:
        port = FIRST + process * EACH + next(_numbers)
        with ExitStack() as stack:
            try:
                for number in range(port, port + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", number)))
            except OSError:
                continue
        return port
