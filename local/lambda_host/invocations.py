"""Asynchronous invocations on this machine: Lambda's "Invoke" for events, and the schedules of the template.

A function calls it as it calls AWS (``AWS_ENDPOINT_URL_LAMBDA``), and it answers 202 before anything runs. One that
fails is not tried again here: the sweeper starts again what was to run. Source: AWS Lambda API Reference, "Invoke".
"""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Self
from urllib.parse import unquote

from local.lambda_host.answer import InvocationAnswer
from local.lambda_host.template import Schedule

_PATH: Final = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations")
_EVENT: Final = "Event"


class AsynchronousEvent(NamedTuple):
    """An event on its way to a function."""

    function: str
    event: dict[str, Any]


class EventQueue:
    """Takes events for functions and delivers each, once, in a thread of its own; a context manager.

    Args:
        invoke: passes an event to a function by its logical name.
        functions: the logical names.

    Attributes:
        url: of Lambda's API.
        taken: all events so far, oldest first.
        holds: events are taken, and delivered only by ``deliver``: so one can be lost, late or doubled.
    """

    def __init__(self, invoke: Callable[[str, Any], InvocationAnswer], functions: Mapping[str, Any]) -> None:
        self._invoke = invoke
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.take = self._take
        self._functions = set(functions)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.taken: list[AsynchronousEvent] = []
        self.holds = False

    def __enter__(self) -> Self:
        """Begin to serve."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def deliver(self, sent: AsynchronousEvent) -> None:
        """Deliver an event, without waiting for its result."""
        threading.Thread(target=self._invoke, args=(sent.function, sent.event), daemon=True).start()

    def _take(self, name: str, event: dict[str, Any]) -> bool:
        """Take an event for a function by its ARN; return whether there is one."""
        function = function_of(name)
        if function not in self._functions:
            return False
        sent = AsynchronousEvent(function, event)
        self.taken.append(sent)
        if not self.holds:
            self.deliver(sent)
        return True


class Schedules:
    """Delivers the events of schedules, each at its interval; a context manager.

    Args:
        queue: takes them.
        schedules: what is sent, and when.
    """

    def __init__(self, queue: EventQueue, schedules: Iterable[Schedule]) -> None:
        self._queue = queue
        self._schedules = schedules
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        """Begin: each is due for the first time after its interval."""
        for schedule in self._schedules:
            threading.Thread(target=self._repeat, args=(schedule,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Send nothing more."""
        self._ended.set()

    def _repeat(self, schedule: Schedule) -> None:
        while not self._ended.wait(schedule.seconds):
            self._queue.deliver(AsynchronousEvent(schedule.function, schedule.event))


def function_of(name: str) -> str:
    """Return the function that an ARN names, whatever its alias."""
    parts = name.split(":")
    return parts[6] if name.startswith("arn:") else parts[0]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    take: Callable[[str, dict[str, Any]], bool]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        found = _PATH.fullmatch(self.path)
        signed = self.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 ")
        if found is None or self.headers.get("x-amz-invocation-type") != _EVENT or not signed:
            self._answer(400)
        else:
            self._answer(202 if self.server.take(unquote(found[1]), json.loads(body)) else 404)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""
