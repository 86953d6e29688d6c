"""A proxy before a real service that spoils its answers as told: a server that is wrong in exactly one way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2


@dataclass
class Exchange:
    """One request and the answer that the service gave; a fault changes the answer in place."""

    method: str
    path: str
    sent: bytes
    status: int
    kind: str
    body: bytes


Fault = Callable[[Exchange], None]


@contextmanager
def corrupting(root: str, fault: Fault) -> Iterator[str]:
    """Serve the proxy. Yield its base URL, up to and with ``/v1``.

    Args:
        root: the service, without a path.
        fault: called with each exchange.
    """
    with httpx2.Client(base_url=root, timeout=30, trust_env=False) as client:

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                sent = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name: self.headers[name] for name in ("authorization", "content-type") if self.headers[name]}
                got = client.request(self.command, self.path, content=sent, headers=headers)
                exchange = Exchange(
                    self.command, self.path, sent, got.status_code, got.headers["content-type"], got.content
                )
                fault(exchange)
                self.send_response(exchange.status)
                self.send_header("content-type", exchange.kind)
                self.send_header("content-length", str(len(exchange.body)))
                self.end_headers()
                self.wfile.write(exchange.body)

            do_POST = do_GET  # noqa: N815 - as the library wants it

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
