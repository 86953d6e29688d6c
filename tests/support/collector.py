"""A receiver of OTLP in the place of OpenTelemetry's collector: reads what it is sent by the official message types."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PATIENCE = 20.0


@dataclass(frozen=True)
class Received:
    """A span as it arrived; ids in hexadecimal digits, the parent's is empty if there is none."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    begun: float
    ended: float
    attributes: dict[str, Any]
    failed: bool


@dataclass(frozen=True)
class Reply:
    """How a request is answered.

    Attributes:
        rejected: how many of its spans are refused.
        hangs: it is not answered.
        closes: it is not answered, and its connection is closed.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    rejected: int = 0
    hangs: bool = False
    closes: bool = False


class Collector:
    """What has arrived so far.

    Attributes:
        url: where it listens.
        replies: for the next requests, in order; afterwards all are accepted.
        requests: headers and path of each request.
        resources: the resource's attributes, of each request that was accepted.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.replies: list[Reply] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.resources: list[dict[str, Any]] = []
        self.scopes: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.closed = threading.Event()
        self._spans: list[Received] = []
        self._changed = threading.Condition()

    @property
    def spans(self) -> list[Received]:
        """All spans that were accepted."""
        with self._changed:
            return list(self._spans)

    def until(self, *names: str) -> list[Received]:
        """Wait until spans of these names have arrived, as many as there are names; return all spans."""
        wanted = {name: names.count(name) for name in names}

        def come() -> bool:
            found = [span.name for span in self._spans]
            return all(found.count(name) >= count for name, count in wanted.items())

        with self._changed:
            assert self._changed.wait_for(come, PATIENCE), [span.name for span in self._spans]
            return list(self._spans)

    def asked(self, count: int) -> None:
        """Wait until so many requests have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, PATIENCE), len(self.requests)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Note a request and return its answer."""
        read = ExportTraceServiceRequest()
        read.ParseFromString(body)
        with self._changed:
            self.requests.append((path, headers))
            self.bodies.append(body)
            reply = self.replies.pop(0) if self.replies else Reply()
            if reply.status == 200 and not reply.hangs and not reply.closes:
                for group in read.resource_spans:
                    self.resources.append({each.key: _value(each.value) for each in group.resource.attributes})
                    for scoped in group.scope_spans:
                        self.scopes.append((scoped.scope.name, scoped.scope.version))
                        self._spans += map(_received, scoped.spans)
            self._changed.notify_all()
        return reply


@contextmanager
def collector(replies: Sequence[Reply] = (), *, port: int = 0, certificate: Path | None = None) -> Iterator[Collector]:
    """Serve a collector; with a certificate by https."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            reply = found.take(self.path, named, body)
            if reply.hangs or reply.closes:
                if reply.hangs:
                    found.closed.wait(PATIENCE)
                self.close_connection = True
                return
            answer = ExportTraceServiceResponse()
            if reply.rejected:
                answer.partial_success.rejected_spans = reply.rejected
                answer.partial_success.error_message = "too many"
            content = answer.SerializeToString()
            self.send_response(reply.status)
            for name, value in {"content-type": "application/x-protobuf", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    found = Collector(f"{scheme}://127.0.0.1:{server.server_address[1]}")
    found.replies = list(replies)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.closed.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


def tree(spans: Sequence[Received]) -> dict[str, list[str]]:
    """Return the names of the spans below each, in the order in which they began, by the name of the upper one."""
    named = {span.id: span.name for span in spans}
    found: dict[str, list[str]] = {}
    for span in sorted(spans, key=lambda span: span.begun):
        found.setdefault(named.get(span.parent, ""), []).append(span.name)
    return found


def now() -> float:
    """Return the time as spans have it."""
    return time.time()


def _received(span: Span) -> Received:
    return Received(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        begun=span.start_time_unix_nano / 1e9,
        ended=span.end_time_unix_nano / 1e9,
        attributes={each.key: _value(each.value) for each in span.attributes},
        failed=span.status.code == Status.STATUS_CODE_ERROR,
    )


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind or "string_value")
