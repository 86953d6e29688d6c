"""A file server on loopback: has an answer for each path, and counts every connection that is made to it.

with Files({"/a.png": File(PNG, "image/png")}) as files:
    ... files.url("/a.png") ...
    assert files.connections == 1
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x06\0\0\0"
"""The beginning of an image of 3 x 2 pixels."""

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
GIF = b"GIF89a\x03\0\x02\0\0\0\0"
WEBP = b"RIFF\x0c\0\0\0WEBPVP8 "
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"


@dataclass(frozen=True)
class File:
    """One answer. A body in pieces goes without a length, until the client leaves."""

    body: bytes | Iterable[bytes] = b""
    type: str | None = "application/octet-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def redirect(to: str, status: int = 302) -> File:
    return File(status=status, headers={"location": to})


class Files:
    """The server; a context manager.

    Attributes:
        files: answers by path; any other is 404.
        requests: the paths and headers that were asked, in order.
        connections: how many connections were made.
    """

    def __init__(self, files: dict[str, File] | None = None) -> None:
        self.files = files or {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.connections = 0
        self._server = _server(self)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


def _server(files: Files) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            files.requests.append((self.path, headers))
            file = files.files.get(self.path, File(b"gone", "text/plain", 404))
            self.send_response(file.status)
            for name, value in ({"content-type": file.type} if file.type else {}).items() | file.headers.items():
                self.send_header(name, value)
            whole = isinstance(file.body, bytes)
            if whole:
                self.send_header("content-length", str(len(file.body)))
            self.end_headers()
            for piece in [file.body] if whole else file.body:
                self.wfile.write(piece)

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> Any:
            request = super().get_request()
            files.connections += 1
            return request

        def handle_error(self, *args: Any) -> None:
            """The client left."""

    return Server(("127.0.0.1", 0), Handler)
