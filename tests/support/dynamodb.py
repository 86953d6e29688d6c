"""A DynamoDB on a real socket, for functions that run as processes of their own: moto's, behind a small HTTP server.

moto answers in this process only, and its own server stands on Flask; here each HTTP request is handed to it, one at a
time.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from moto import mock_aws

MOTO = "https://dynamodb.eu-central-1.amazonaws.com/"
"""moto answers for this address while ``mock_aws`` is on; nothing is sent there."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        kept = {"x-amz-target", "content-type", "authorization", "x-amz-date"}
        headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
        with self.lock:
            answer = requests.post(MOTO, data=body, headers=headers, timeout=30)
        self.send_response(answer.status_code)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def dynamodb() -> Iterator[str]:
    """Serve an empty DynamoDB; gives its URL."""
    with mock_aws(), http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
