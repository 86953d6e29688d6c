"""Messages to the connections of a WebSocket API, by real HTTP, against an endpoint that checks the signature."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from antiphon.aws.push import ConnectionGone, PushEndpoint

CONNECTION = "L0SM9cOFvHcCIhw="


@contextmanager
def gateway(answer: Callable[[Any, bytes], int], patch: pytest.MonkeyPatch) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(answer(self, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/responses"
    for name, value in {
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        patch.setenv(name, value)
    patch.delenv("AWS_SESSION_TOKEN", raising=False)
    patch.delenv("AWS_PROFILE", raising=False)
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(*messages: bytes) -> None:
    async def scene() -> None:
        endpoint = PushEndpoint("local", "responses")
        try:
            for message in messages:
                await endpoint.send(CONNECTION, message)
        finally:
            await endpoint.aclose()

    asyncio.run(scene())


def test_a_message_is_signed_as_botocore_signs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The id ends in ``=``, which the path has encoded once and the signature twice."""
    seen: list[tuple[str, str, str]] = []

    def answer(request: Any, body: bytes) -> int:
        headers = {name: request.headers[name] for name in ("host", "content-type")}
        expected = AWSRequest("POST", f"http://{headers['host']}{request.path}", headers=headers, data=body)
        expected.context["timestamp"] = request.headers["x-amz-date"]
        expected.headers["X-Amz-Date"] = request.headers["x-amz-date"]
        auth = SigV4Auth(Credentials("key", "secret"), "execute-api", "eu-central-1")
        signature = auth.signature(auth.string_to_sign(expected, auth.canonical_request(expected)), expected)
        seen.append((request.path, request.headers["authorization"].rpartition("Signature=")[2], signature))
        return 200

    with gateway(answer, monkeypatch):
        send(b'{"type":"response.created"}')
    [(path, sent, signature)] = seen
    assert path == "/responses/@connections/L0SM9cOFvHcCIhw%3D"
    assert sent == signature


def test_what_is_throttled_or_fails_is_sent_again_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses, got = iter([429, 500, 200, 200]), []

    def answer(_request: Any, body: bytes) -> int:
        status = next(statuses)
        if status == 200:
            got.append(body)
        return status

    with gateway(answer, monkeypatch):
        send(b"1", b"2")
    assert got == [b"1", b"2"]


@pytest.mark.parametrize("status", [403, 410, 413])
def test_a_connection_that_is_gone_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    asked: list[bytes] = []

    def answer(_request: Any, body: bytes) -> int:
        asked.append(body)
        return status

    with gateway(answer, monkeypatch), pytest.raises(ConnectionGone):
        send(b"1")
    assert asked == [b"1"]
