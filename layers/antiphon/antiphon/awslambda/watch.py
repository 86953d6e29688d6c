"""The observation of a function: its log and, if the stack asks for them, metrics and traces.

What is not asked for is not imported.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Final, Literal

from antiphon import measures, spans
from antiphon.awslambda.http import App, Receive, Scope, Send
from antiphon.awslambda.logging import correlated

NAMESPACE: Final = "POWERTOOLS_METRICS_NAMESPACE"
"""The stack asks for metrics by naming their namespace."""

DAEMON: Final = "AWS_XRAY_DAEMON_ADDRESS"
"""Lambda's own variable. Whether a request is traced is in its header."""

FLUSH_SECONDS: Final = 2.0
"""How long an environment sends the spans of OpenTelemetry after an answer, before it may be frozen."""

_log: Final = logging.getLogger("antiphon.awslambda")


def watched(app: App, service: str) -> App:
    """Return an ASGI application with the metrics and traces that the environment asks for.

    Args:
        app: the application.
        service: the function's name in metrics.
    """
    if os.environ.get(NAMESPACE):
        from antiphon.awslambda.metrics import metered

        app = metered(app, service)
    if os.environ.get(DAEMON):
        from antiphon.awslambda.tracing import traced

        app = traced(app, os.environ[DAEMON])
    if spans.tracer() is not None:
        app = _flushed(app)
    return correlated(app)


def _flushed(app: App) -> App:
    async def with_flush(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            await send_spans()

    return with_flush


async def send_spans() -> None:
    """Send the spans that wait, if there are traces: the environment may be frozen now."""
    tracer = spans.tracer()
    if tracer is not None:
        await tracer.flush(FLUSH_SECONDS)


def emit_message(service: str, request_id: str) -> None:
    """Write the metrics of the WebSocket message that this task has answered, if the environment asks for them.

    Args:
        service: the function's name in metrics.
        request_id: the gateway's id of the message.
    """
    record = measures.current()
    if record.ended is not None and os.environ.get(NAMESPACE):
        from antiphon.awslambda.metrics import emit

        emit(record, service, {"correlation_id": request_id})


class WatchedWork:
    """The observation of work that is no HTTP request: a line in the log, metrics and traces, as for a request.

    Args:
        service: the function's name in metrics.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._cold = True

    @contextlib.contextmanager
    def watching(self, kind: Literal["run", "sweep", "events"], request_id: str, trace: str) -> Iterator[None]:
        """Measure what is done inside.

        Args:
            kind: what is done. A sweep is logged at DEBUG: there is one a minute.
            request_id: AWS's id of the invocation.
            trace: X-Ray's tracing header.
        """
        about = {"correlation_id": request_id, "cold_start": self._cold}
        self._cold = False
        record = measures.begin(kind, None)
        with self._traced(record, request_id, trace):
            try:
                yield
            finally:
                record.end()
                _log.log(logging.INFO if kind == "run" else logging.DEBUG, "worked", extra=record.facts())
                if kind == "run" and os.environ.get(NAMESPACE):
                    from antiphon.awslambda.metrics import emit

                    emit(record, self._service, about)

    @contextlib.contextmanager
    def _traced(self, record: measures.Measures, request_id: str, trace: str) -> Iterator[None]:
        if not os.environ.get(DAEMON):
            yield
            return
        from antiphon.awslambda.tracing import address_of, traced_work

        with traced_work(address_of(os.environ[DAEMON]), trace, request_id) as span:
            yield
            if span is not None:
                span.facts |= record.facts()
