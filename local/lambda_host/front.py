"""The REST API and the Function URL on this machine: a request becomes an event, and its answer is sent chunk by chunk.

What the platform itself answers (no such route, a function that failed) is what the template's gateway responses are.
"""

from __future__ import annotations

import base64
import http.server
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self

from local.lambda_host.answer import ENDED, InvocationAnswer
from local.lambda_host.events import HttpRequest, rest_event, url_event
from local.lambda_host.template import Template

Invoke = Callable[[str, dict[str, Any]], InvocationAnswer]
"""Passes an event to a function by its name."""

Door = Callable[[HttpRequest], InvocationAnswer | None]
"""Passes a request to its function; None if there is none."""

_FAILED: Final = (
    b'{"error":{"message":"Something failed here.","type":"server_error","code":"internal_error","param":null}}'
)
_UNKNOWN: Final = (
    b'{"error":{"message":"There is no such path.","type":"not_found","code":"route_not_found","param":null}}'
)
BODILESS: Final = frozenset({204, 304})
"""Statuses of answers without a body or its framing (RFC 9112, section 6.3)."""

_HOP: Final = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


def rest_door(template: Template, invoke: Invoke) -> Door:
    """Return the REST API. A path may begin with the stage, as it does on AWS's own host name."""
    routes = [(route, route.pattern()) for route in template.routes]
    stage = f"/{template.environment}/"

    def door(request: HttpRequest) -> InvocationAnswer | None:
        if request.target.startswith(stage):
            request = HttpRequest(
                request.method, request.target[len(stage) - 1 :], request.headers, request.body, request.source
            )
        for route, pattern in routes:
            found = pattern.fullmatch(request.path)
            if found and route.method in {request.method, "ANY"}:
                event = rest_event(
                    request, stage=template.environment, resource=route.path, parameters=found.groupdict()
                )
                return invoke(route.function, event)
        return None

    return door


def url_door(function: str, invoke: Invoke) -> Door:
    """Return a Function URL."""
    return lambda request: invoke(function, url_event(request))


class Front:
    """One front door on a port of its own; a context manager.

    Args:
        door: passes requests on.
        port: 0 for any.
        headers: added to answers of its own.

    Attributes:
        root: its URL, without a slash at the end.
    """

    def __init__(self, door: Door, port: int = 0, headers: Mapping[str, str] | None = None) -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.headers = headers or {}
        self._server.door = door
        self.root = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Begin to serve."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    door: Door
    headers: Mapping[str, str]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not log a client that left."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        headers = tuple(self.headers.items())
        request = HttpRequest(self.command, self.path, headers, self._body(), self.client_address[0])
        answer = self.server.door(request)
        if answer is None:
            self._refuse(404, _UNKNOWN, {"x-should-retry": "false"})
        elif not self._streamed(answer):
            self._buffered(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = _serve  # noqa: N815

    def _body(self) -> bytes:
        """Read the request's body, by its length or in chunks (RFC 9112, section 7.1)."""
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            """A trailer."""
        return b"".join(pieces)

    def _streamed(self, answer: InvocationAnswer) -> bool:
        """Send an answer as it arrives. Return False if it is not a streamed one."""
        pieces = answer.pieces()
        payload = b""
        for piece in pieces:
            payload += piece
            _, end, payload_begun = payload.partition(b"\0" * 8)
            if end:
                prelude = answer.prelude
                bodiless = prelude["statusCode"] in BODILESS
                framing = {} if bodiless else {"transfer-encoding": "chunked"}
                self._head(prelude["statusCode"], prelude["headers"], prelude["cookies"], framing)
                self._chunks(_with(payload_begun, pieces))
                if not bodiless:
                    self._end(answer)
                return True
        return False

    def _chunks(self, pieces: Iterator[bytes]) -> None:
        if self.command == "HEAD":
            return
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    def _end(self, answer: InvocationAnswer) -> None:
        """End the body. One that failed or was cut gets no end mark, so that no client takes it for complete."""
        if answer.ended(None).state == "complete" and not answer.trailers:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def _buffered(self, answer: InvocationAnswer) -> None:
        document = answer.ended(None).document
        if document is None or answer.state not in ENDED:
            self._refuse(502, _FAILED, {"x-should-retry": "true", "retry-after": "1"})
            return
        text = document.get("body") or ""
        body = base64.b64decode(text) if document.get("isBase64Encoded") else text.encode()
        several = {name: ", ".join(values) for name, values in document.get("multiValueHeaders", {}).items()}
        self._whole(document["statusCode"], document.get("headers", {}) | several, body)

    def _refuse(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send an answer of the gateway itself."""
        own = {"content-type": "application/json", "x-request-id": str(uuid.uuid4())}
        self._whole(status, {**own, **self.server.headers, **headers}, body)

    def _whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._head(status, headers, (), {"content-length": str(len(body))})
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _head(self, status: int, headers: Mapping[str, str], cookies: Any, framing: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        for cookie in cookies:
            self.send_header("set-cookie", cookie)
        for name, value in framing.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the functions do."""


def _with(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest
