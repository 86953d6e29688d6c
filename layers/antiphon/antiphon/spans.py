"""Spans: the parts of a request's time, such as a call of a model, as a tree.

A span goes to the sinks of its parent when it ends. X-Ray has a sink for each sampled request (``awslambda.tracing``).
OpenTelemetry has one for the process, the tracer (``telemetry``); without it, there are no traces.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Protocol, Self

Kind = Literal["request", "agent", "model", "tool", "store", "fetch"]
REQUEST: Final[Kind] = "request"

Sink = Callable[["Span"], None]


class Trace(NamedTuple):
    """The trace that spans belong to.

    Attributes:
        id: 32 hexadecimal digits.
        parent: the span above the first one, which another process made; empty if there is none.
        sampled: whether its spans are sent.
    """

    id: str
    parent: str
    sampled: bool


class Tracer(Protocol):
    """Makes traces, and sends their spans."""

    def begin(self, traceparent: str, xray: str = "") -> Trace:
        """Continue a trace, or make a new one.

        Args:
            traceparent: the header of W3C Trace Context; empty or malformed for none.
            xray: X-Ray's tracing header, which counts if there is no other; likewise.
        """

    def __call__(self, span: Span) -> None:
        """Take a span that has ended. Never waits."""

    async def flush(self, seconds: float) -> None:
        """Send the spans that were taken, as far as that is possible in this time."""

    async def run(self) -> None:
        """Send the spans that are taken, in batches, until it is cancelled. For a process that serves by itself."""

    async def aclose(self, seconds: float) -> None:
        """Send what is left within a time, and close the connections."""


class Span:
    """A part of a request's time, such as a call; a context manager. Spans opened inside it are its children.

    Args:
        kind: the kind of span.
        name: what was called.
        sink: called with it and with each span below it when they end, beside the sinks of its parent.
        trace: the trace that begins or continues here; None for its parent's.
        facts: its annotations; more can be added until it ends.

    Attributes:
        id: 16 hexadecimal digits; empty if there is no sink and no trace.
        begun, ended: in seconds since the epoch.
        failure: the class of the error that ended it, or None.
        code: that error's own code, or None.
    """

    __slots__ = (
        "_token",
        "begun",
        "code",
        "ended",
        "facts",
        "failure",
        "id",
        "kind",
        "name",
        "parent",
        "sinks",
        "trace",
    )

    def __init__(
        self, kind: Kind, name: str, *, sink: Sink | None = None, trace: Trace | None = None, **facts: Any
    ) -> None:
        self.kind = kind
        self.name = name
        self.facts = facts
        self.parent = parent = _span.get()
        self.sinks: tuple[Sink, ...] = parent.sinks if parent else ()
        self.trace: Trace | None = parent.trace if parent else None
        if sink is not None:
            self.sinks = (*self.sinks, sink)
        self.id = secrets.token_hex(8) if self.sinks or self.trace or trace else ""
        if trace is not None:
            self.join(trace)
        self.begun = self.ended = 0.0
        self.failure: type[BaseException] | None = None
        self.code: str | None = None

    def join(self, trace: Trace) -> None:
        """Make the span, which has an id, and those that are opened inside it from now on, a part of a trace."""
        self.trace = trace
        others = tuple(sink for sink in self.sinks if sink is not _tracer)
        self.sinks = (*others, _tracer) if trace.sampled and _tracer is not None else others

    def __enter__(self) -> Self:
        """Start the span."""
        self._token = _span.set(self)
        self.begun = time.time()
        return self

    def __exit__(
        self, failure: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the span and pass it to its sinks."""
        self.ended = time.time()
        self.failure = failure
        self.code = getattr(error, "code", None)
        with contextlib.suppress(ValueError):  # a coroutine that was never finished ends where it is removed
            _span.reset(self._token)
        for sink in self.sinks:
            sink(self)

    def elapsed_ms(self) -> float:
        """Return the milliseconds since it began."""
        return round((time.time() - self.begun) * 1000, 1)


_span: ContextVar[Span | None] = ContextVar("span", default=None)
_tracer: Tracer | None = None


def trace_with(tracer: Tracer | None) -> None:
    """Set what makes the traces of this process; None for none."""
    global _tracer  # noqa: PLW0603 - a process has one, as it has one log
    _tracer = tracer


def tracer() -> Tracer | None:
    """Return what makes the traces of this process; None if there are none."""
    return _tracer


@contextmanager
def request_span(traceparent: str, xray: str) -> Iterator[Span | None]:
    """Begin or continue a trace with what is done inside; yield its span, or None if there are no traces.

    If X-Ray has a span for the request already, that is the one.

    Args:
        traceparent: the caller's header; see ``Tracer.begin``.
        xray: X-Ray's tracing header.
    """
    if _tracer is None:
        yield None
        return
    trace, above = _tracer.begin(traceparent, xray), _span.get()
    if above is not None and above.kind == REQUEST:
        above.join(trace)
        yield above
        return
    with Span(REQUEST, "antiphon", trace=trace) as span:
        yield span


def agent_span(agent: str, traceparent: str, **facts: Any) -> AbstractContextManager[Span | None]:
    """Return the span of a response that is run; None if there are no traces.

    Args:
        agent: the agent's id.
        traceparent: that of the request that created the response, if a worker runs it; empty for the trace of what is
            done now, or a new one.
        facts: see ``Span``.
    """
    if _tracer is None:
        return nullcontext()
    above = _span.get()
    continues = not traceparent and above is not None and above.trace is not None
    return Span("agent", agent, trace=None if continues else _tracer.begin(traceparent), **facts)


def traceparent() -> str:
    """Return the trace of what is done now, in the form of W3C Trace Context; empty if there is none."""
    span = _span.get()
    if span is None or span.trace is None:
        return ""
    return f"00-{span.trace.id}-{span.id}-{span.trace.sampled:02x}"
