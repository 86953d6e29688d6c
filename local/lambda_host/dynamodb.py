"""A DynamoDB on this machine: moto's, behind a small HTTP server, in a process of its own. It lasts as long as that.

Run as a program it prints its URL and serves until standard input ends, which also comes when its parent dies. moto
answers in one process only, and its own server stands on Flask; here each HTTP request is handed to it, one at a time,
so that conditional writes are atomic.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from zlib import crc32

from local.lambda_host.shortcuts import shortcuts

REGION: Final = "eu-central-1"
_REGION: Final = re.compile(r"Credential=[^/]*/[^/]*/([^/]+)/")
_KIND: Final = "application/x-amz-json-1.0"
_TABLE: Final = frozenset({"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"})


class Command(NamedTuple):
    """An operation, such as ``GetItem``, with its arguments as they come by wire: bytes are base64."""

    operation: str
    arguments: dict[str, Any]
    region: str = REGION


Reply = tuple[int, dict[str, Any]]
"""An HTTP status and a document."""


class Emulator(http.server.ThreadingHTTPServer):
    """The server. Each region has tables of its own.

    Args:
        address: where it listens.

    Attributes:
        handle: answers a call. A function in its place sees, changes or refuses what passes.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self.handle: Callable[[Command], Reply] = self.ask
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def ask(self, call: Command) -> Reply:
        """Ask moto, which answers for AWS's address while ``mock_aws`` is on; nothing is sent there."""
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - only the emulator's process needs it
        from moto.core.models import botocore_stubber  # noqa: PLC0415 - as above

        headers = {"x-amz-target": f"DynamoDB_20120810.{call.operation}", "content-type": _KIND}
        url = f"https://dynamodb.{call.region}.amazonaws.com/"
        request = AWSRequest("POST", url, headers, json.dumps(call.arguments)).prepare()
        with self._lock, shortcuts(call.operation, call.arguments):
            answer = botocore_stubber.process_request(request)
        assert answer is not None
        status, _, content = answer
        return status, json.loads(content)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not log a client that was killed."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Emulator

    def do_POST(self) -> None:
        """Answer one call."""
        body = self.rfile.read(int(self.headers["content-length"]))
        named = _REGION.search(self.headers["authorization"])
        operation = self.headers["x-amz-target"].partition(".")[2]
        call = Command(operation, json.loads(body), named[1] if named else REGION)
        status, document = self.server.handle(call)
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", _KIND)
        self.send_header("content-length", str(len(content)))
        self.send_header("x-amzn-requestid", "local")
        self.send_header("x-amz-crc32", str(crc32(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def serve_here(address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[Emulator]:
    """Serve an empty DynamoDB from this process, in which boto3 is moto's meanwhile; port 0 for any."""
    from moto import mock_aws  # noqa: PLC0415 - only the emulator's process needs it

    with mock_aws(), Emulator(address) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def serve_apart() -> Iterator[str]:
    """Serve an empty DynamoDB from a process of its own. Yield its URL."""
    command = [sys.executable, "-m", "local.lambda_host.dynamodb"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(  # noqa: S603 (our own program)
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
        process_group=0,  # Ctrl-C in the terminal is for the host alone
    ) as process:
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
        region_name=REGION,
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
    with serve_here() as server:
        print(server.url, flush=True)
        sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
