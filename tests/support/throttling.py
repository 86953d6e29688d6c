"""A DynamoDB endpoint over a real socket that refuses or garbles the first calls, and has no data for later ones."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zlib import crc32

EXCEPTIONS = "com.amazonaws.dynamodb.v20120810#"


class Endpoint(ThreadingHTTPServer):
    """Answers with an error until ``refusals`` are used up, then ``{}``.

    Attributes:
        code: the error, by DynamoDB's name.
        status: its HTTP status; if it is 200, the fault is a checksum that does not fit.
        refusals: how many calls are still refused.
        operations: the calls that came in, in order.
    """

    def __init__(self, code: str, status: int, refusals: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.code, self.status, self.refusals = code, status, refusals
        self.operations: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, operation: str) -> tuple[int, bytes, int]:
        """Return the next answer, and its checksum."""
        with self.lock:
            self.operations.append(operation)
            if len(self.operations) > self.refusals:
                return 200, b"{}", crc32(b"{}")
        body = json.dumps({"__type": EXCEPTIONS + self.code, "message": "canary-text"}).encode()
        return self.status, body, 1 if self.status == HTTPStatus.OK else crc32(body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Endpoint

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        status, body, checksum = self.server.answer(self.headers["x-amz-target"].partition(".")[2])
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-amz-crc32", str(checksum))
        self.send_header("x-amzn-requestid", "REQUEST42")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def refusing(code: str, *, status: int = 400, refusals: int = 1_000) -> Iterator[Endpoint]:
    """Serve such an endpoint."""
    endpoint = Endpoint(code, status, refusals)
    thread = threading.Thread(target=endpoint.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.shutdown()
        endpoint.server_close()
        thread.join()
