"""A proxy on a real socket that lets requests through and drops the first answers once they are whole."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx2


class DroppingProxy:
    """A context manager.

    Args:
        target: up to and without the path.
        drop: so many answers are read to their end and not passed on: the connection is closed instead.

    Attributes:
        root: its own address; set once entered.
        requests: how many came.
    """

    def __init__(self, target: str, drop: int) -> None:
        self.target = target
        self.drop = drop
        self.requests = 0
        self.lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                proxy.pass_on(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.root = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        """Send one request on; pass its answer back, or close the connection instead."""
        with self.lock:
            self.requests += 1
            dropped = self.requests <= self.drop
        body = handler.rfile.read(int(handler.headers["content-length"]))
        headers = {name: value for name, value in handler.headers.items() if name.lower() != "host"}
        answer = httpx2.post(self.target + handler.path, content=body, headers=headers, trust_env=False, timeout=30)
        if dropped:
            handler.close_connection = True
            return
        handler.send_response(answer.status_code)
        for name in ("content-type", "x-request-id"):
            handler.send_header(name, answer.headers[name])
        handler.send_header("content-length", str(len(answer.content)))
        handler.end_headers()
        handler.wfile.write(answer.content)
