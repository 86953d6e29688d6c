"""Traces on Lambda: what a sampled request spends its time on, as X-Ray's subsegments below Lambda's own segment.

A span is one datagram to the daemon that Lambda runs, sent when it ends
(AWS X-Ray Developer Guide, "Segment documents"); so a long stream holds none in memory, and nothing is waited for. The
X-Ray SDK would do the same for 500 ms of imports (``docs/adr/0014-what-a-request-is-measured-by.md``). A document holds
names, numbers and times: no text of a request, and of an error its class.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from antiphon.awslambda.http import App, Receive, Scope, Send
from antiphon.spans import Span

HEADER: Final = b'{"format":"json","version":1}\n'
"""Begins every datagram (AWS X-Ray Developer Guide, "Sending segment documents to the X-Ray daemon")."""

LONGEST_NAME: Final = 200
_UNNAMEABLE: Final = re.compile(r"[^\w\s.:/%&#=+\\@-]")
_TRACE: Final = re.compile("1-[0-9a-f]{8}-[0-9a-f]{24}")
_SEGMENT: Final = re.compile("[0-9a-f]{16}")
_THROTTLED: Final = 429
_CALLERS_FAULT: Final = range(400, 500)
_OUR_FAULT: Final = 500


class TraceParent(NamedTuple):
    """The parent of a request's spans: the trace, and Lambda's segment in it."""

    trace: str
    parent: str


def parent_of(header: str) -> TraceParent | None:
    """Read a tracing header; None if the request is not sampled."""
    fields = dict(field.split("=", 1) for field in header.split(";") if "=" in field)
    found = TraceParent(fields.get("Root", ""), fields.get("Parent", ""))
    sampled = fields.get("Sampled") == "1" and _TRACE.fullmatch(found.trace) and _SEGMENT.fullmatch(found.parent)
    return found if sampled else None


def traced(app: App, daemon_address: str) -> App:
    """Wrap an ASGI application: what a sampled request did is sent to the daemon.

    Args:
        app: the application.
        daemon_address: the value of ``AWS_XRAY_DAEMON_ADDRESS``.
    """
    address = address_of(daemon_address)

    async def with_trace(scope: Scope, receive: Receive, send: Send) -> None:
        with traced_work(address, scope.get("antiphon.trace", ""), scope["antiphon.request_id"]) as span:
            try:
                await app(scope, receive, send)
            finally:
                if span is not None and "antiphon.measures" in scope:
                    span.facts |= scope["antiphon.measures"].facts()

    return with_trace


@contextlib.contextmanager
def traced_work(address: tuple[str, int], header: str, request_id: str) -> Iterator[Span | None]:
    """Send what is done inside to the daemon; yield its span, or None if it is not sampled.

    Args:
        address: the daemon's.
        header: the tracing header of the invocation.
        request_id: AWS's id of the invocation.
    """
    found = parent_of(header)
    if found is None:
        yield None
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.setblocking(False)

        def sink(span: Span) -> None:
            with contextlib.suppress(OSError):  # a trace is never worth a request
                daemon.sendto(HEADER + json.dumps(document(span, found)).encode(), address)

        with Span("request", "antiphon", sink=sink, request_id=request_id) as span:
            yield span


def address_of(text: str) -> tuple[str, int]:
    """Read the daemon's address, ``HOST:PORT`` or ``tcp:HOST:PORT udp:HOST:PORT``: the address for datagrams."""
    datagrams = next((part[4:] for part in text.split() if part.startswith("udp:")), text)
    host, _, port = datagrams.rpartition(":")
    return host, int(port)


def document(span: Span, found: TraceParent) -> dict[str, Any]:
    """Write a span as an independent subsegment."""
    facts = dict(span.facts)
    written = {
        "type": "subsegment",
        "trace_id": found.trace,
        "parent_id": span.parent.id if span.parent else found.parent,
        "id": span.id,
        "name": _UNNAMEABLE.sub("_", span.name)[:LONGEST_NAME],
        "start_time": span.begun,
        "end_time": span.ended,
        **_flags(span),
    }
    if span.kind == "store":
        written |= {"namespace": "aws", "aws": {"operation": facts.pop("operation")}}
    elif span.kind in {"model", "tool", "fetch"}:
        written["namespace"] = "remote"
    if span.failure is not None:
        facts["exception"] = span.failure.__name__
    annotations = {name: value for name, value in facts.items() if value is not None}
    return written | ({"annotations": annotations} if annotations else {})


def _flags(span: Span) -> dict[str, bool]:
    """Return whose fault it was, in X-Ray's words: ``error`` is the caller's, ``fault`` the callee's."""
    status = span.facts.get("status") or 0
    if span.failure is not None:
        ours = span.kind == "store" or issubclass(span.failure, asyncio.CancelledError)
        return {"error": True} if ours else {"fault": True}
    if status >= _OUR_FAULT or span.facts.get("outcome") == "failed":
        return {"fault": True}
    if status in _CALLERS_FAULT:
        return {"error": True, "throttle": status == _THROTTLED}
    return {}
