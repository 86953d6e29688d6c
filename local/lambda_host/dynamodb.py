"""A DynamoDB on this machine: moto's, behind a small HTTP server, in a process of its own. It lasts as long as that.

Run as a program it prints its URL and serves until standard input ends, which also comes when its parent dies. moto
answers in one process only, and its own server stands on Flask; here each HTTP request is handed to it, one at a time,
so that conditional writes are atomic.
"""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

MOTO: Final = "https://dynamodb.eu-central-1.amazonaws.com/"
"""moto answers for this address while ``mock_aws`` is on; nothing is sent there."""

_KEPT: Final = frozenset({"x-amz-target", "content-type", "authorization", "x-amz-date"})
_TABLE: Final = frozenset({"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"})


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    lock = threading.Lock()

    def do_POST(self) -> None:
        """Hand a request to moto."""
        import requests  # noqa: PLC0415 - only the emulator's process needs it

        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name: value for name, value in self.headers.items() if name.lower() in _KEPT}
        with self.lock:
            answer = requests.post(MOTO, data=body, headers=headers, timeout=30)
        self.send_response(answer.status_code)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was killed."""


@contextmanager
def serve_here() -> Iterator[str]:
    """Serve an empty DynamoDB from this process, in which boto3 is moto's meanwhile; gives its URL."""
    from moto import mock_aws  # noqa: PLC0415 - only the emulator's process needs it

    with mock_aws(), _Server(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def serve_apart() -> Iterator[str]:
    """Serve an empty DynamoDB from a process of its own; gives its URL."""
    command = [sys.executable, "-m", "local.lambda_host.dynamodb"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:  # noqa: S603
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def create_tables(url: str, tables: Mapping[str, dict[str, Any]]) -> None:
    """Create tables as a template has them, under their logical names."""
    import boto3  # noqa: PLC0415 - slow to import

    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
    )
    for name, properties in tables.items():
        wanted: dict[str, Any] = {key: value for key, value in properties.items() if key in _TABLE}
        client.create_table(TableName=name, **wanted)
    client.close()


def main() -> None:
    """Serve until standard input ends."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    with serve_here() as url:
        print(url, flush=True)
        sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
