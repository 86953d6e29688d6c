"""A server on loopback that a function answers, for tools: it notes what was asked, and can hold an answer.

with Answering(lambda asked: Answer(json={"ok": True})) as server:
    ... server.url("/mcp") ...
    assert server.asked[0].headers["authorization"] == "Bearer key"
"""

from __future__ import annotations

import json
import select
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """A request: header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """An answer: JSON, or a body in pieces that are written as they come. An event among them is waited for."""

    status: int = 200
    json: Any = None
    pieces: Iterable[bytes | threading.Event] = ()
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def events(cls, *messages: Any, **headers: str) -> Answer:
        """Answer with server-sent events: JSON, bytes as they are, or an event to wait for."""
        given = [
            m if isinstance(m, bytes | threading.Event) else b"data: %b\n\n" % json.dumps(m).encode() for m in messages
        ]
        return cls(pieces=given, headers={"content-type": "text/event-stream", **headers})


class Answering:
    """The server; a context manager.

    Attributes:
        answer: answers a request; it may be replaced.
        asked: what came, in order.
        connections: how many connections were made.
        left: set once a client left before its answer had ended.
    """

    def __init__(self, answer: Callable[[Asked], Answer] = lambda _: Answer(json={})) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections = 0
        self.left = threading.Event()
        self._server = _server(self)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/mcp") -> str:
        return f"http://{self.place}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    given: Answering

    def answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self.rfile.read(length))
        self.given.asked.append(asked)
        self.write(self.given.answer(asked))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def write(self, answer: Answer) -> None:
        body = b"" if answer.json is None else json.dumps(answer.json).encode()
        length = ("transfer-encoding", "chunked") if answer.pieces else ("content-length", str(len(body)))
        self.send_response(answer.status)
        for name, value in {"content-type": "application/json", **answer.headers, length[0]: length[1]}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if answer.pieces:
            for piece in answer.pieces:
                self.write_piece(piece)
            self.wfile.write(b"0\r\n\r\n")

    def write_piece(self, piece: bytes | threading.Event) -> None:
        if isinstance(piece, bytes):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            return
        while not piece.wait(0.01):
            if select.select([self.connection], [], [], 0)[0]:
                raise ConnectionResetError

    def log_message(self, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    given: Answering

    def get_request(self) -> Any:
        request = super().get_request()
        self.given.connections += 1
        return request

    def handle_error(self, *args: Any) -> None:
        self.given.left.set()


def _server(given: Answering) -> ThreadingHTTPServer:
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"given": given}))
    server.given = given
    return server
