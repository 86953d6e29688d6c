"""The measures of one request: names, numbers and times for the log, for metrics and for traces.

A record never has content of a request or an answer. Any code can note something in the record of the running request.
Tasks that a request starts share its record, so concurrent requests do not mix. Notes outside a request are dropped.
Nothing here runs for each delta.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, Literal, Self

Kind = Literal["request", "store", "remote"]


class Measures:
    """The record of one request. None means unknown or not applicable.

    Not a dataclass, because creating one with so many fields takes a millisecond of every cold start.

    Args:
        method: the request's method.
        route: the path's pattern, such as ``/v1/responses/{id}``; None for an unknown path.

    Attributes:
        begun: when the request arrived, by ``time.perf_counter``, like all times here.
        ended: when its last byte was sent.
        first_delta: when the first delta of a streamed answer was sent.
        status: the answer's status.
        code: the error code that the caller got, in a body or in a stream.
        key_id, user: the ids of the caller's key and user.
        agent, provider, model: what answered, with the provider's configured name and its own name of the model.
        outcome: the final status of a response that ended in this request: completed, incomplete, failed or cancelled.
        provider_retries: how often a model was called again.
        tool_calls: how many calls of tools the response holds.
        store_calls: how many calls were sent to DynamoDB, including repeated ones.
        store_retries: how many of them got no answer or were throttled.
        broken: the answer could not be sent completely.
    """

    ended: float | None = None
    first_delta: float | None = None
    status: int | None = None
    code: str | None = None
    key_id: str | None = None
    user: str | None = None
    response_id: str | None = None
    agent: str | None = None
    provider: str | None = None
    model: str | None = None
    outcome: str | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    provider_retries: int = 0
    tool_calls: int = 0
    store_calls: int = 0
    store_retries: int = 0
    broken: bool = False

    def __init__(self, method: str = "", route: str | None = None) -> None:
        self.method = method
        self.route = route
        self.begun = time.perf_counter()

    def sent_delta(self) -> None:
        """Note that the first delta was sent."""
        self.first_delta = time.perf_counter()

    def end(self) -> None:
        """Note that the answer has ended."""
        self.ended = time.perf_counter()

    def take(self, response: Mapping[str, Any]) -> None:
        """Note how a response ended."""
        self.outcome = response["status"]
        self.code = (response.get("error") or {}).get("code", self.code)
        self.tool_calls = sum(item["type"].endswith("_call") for item in response["output"])
        usage = response.get("usage")
        if usage:
            self.input_tokens, self.output_tokens = usage["input_tokens"], usage["output_tokens"]
            self.cached_tokens = usage["input_tokens_details"]["cached_tokens"]
            self.reasoning_tokens = usage["output_tokens_details"]["reasoning_tokens"]

    @property
    def ttft_ms(self) -> float | None:
        """Return the milliseconds to the first token, if the response was created in this request and streamed."""
        return None if self.outcome is None else _since(self.begun, self.first_delta)

    @property
    def duration_ms(self) -> float | None:
        """Return the milliseconds to the last byte."""
        return _since(self.begun, self.ended)

    def facts(self) -> dict[str, Any]:
        """Return what is known, by name, with times in milliseconds. Leaves out None."""
        known = {name: getattr(self, name) for name in _FACTS}
        return {name: value for name, value in known.items() if value is not None}


_FACTS: Final = ("method", "route", *list(Measures.__annotations__)[2:], "duration_ms", "ttft_ms")
"""All attributes except the clocks."""


class Span:
    """A part of a request's time, such as a call; a context manager. Spans opened inside it are its children.

    Args:
        kind: the kind of span.
        name: what was called.
        sink: called with it and with each span below it when they end; None uses its parent's.
        facts: its annotations; more can be added until it ends.

    Attributes:
        id: 16 hexadecimal digits; empty if there is no sink.
        begun, ended: in seconds since the epoch.
        failure: the class of the error that ended it, or None.
    """

    __slots__ = ("_token", "begun", "ended", "facts", "failure", "id", "kind", "name", "parent", "sink")

    def __init__(self, kind: Kind, name: str, *, sink: Callable[[Span], None] | None = None, **facts: Any) -> None:
        self.kind = kind
        self.name = name
        self.facts = facts
        self.parent = _span.get()
        self.sink: Callable[[Span], None] | None = sink or (self.parent.sink if self.parent else None)
        self.id = secrets.token_hex(8) if self.sink else ""
        self.begun = self.ended = 0.0
        self.failure: type[BaseException] | None = None

    def __enter__(self) -> Self:
        """Start the span."""
        self._token = _span.set(self)
        self.begun = time.time()
        return self

    def __exit__(
        self, failure: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the span and pass it to the sink."""
        self.ended = time.time()
        self.failure = failure
        _span.reset(self._token)
        if self.sink:
            self.sink(self)

    def elapsed_ms(self) -> float:
        """Return the milliseconds since it began."""
        return round((time.time() - self.begun) * 1000, 1)


_current: ContextVar[Measures | None] = ContextVar("measures", default=None)
_span: ContextVar[Span | None] = ContextVar("span", default=None)


def begin(method: str, route: str | None) -> Measures:
    """Start the record of a request, for this task and the tasks that it starts from now on."""
    record = Measures(method, route)
    _current.set(record)
    return record


def current() -> Measures:
    """Return the record of the running request; outside a request, a record that is dropped."""
    return _current.get() or Measures()


def store_call(operation: str) -> Span:
    """Count a call of DynamoDB and return its span."""
    current().store_calls += 1
    return Span("store", "DynamoDB", operation=operation)


def model_call(provider: str, model: str) -> Span:
    """Return the span of a call of a model; ``provider`` is the configured name."""
    return Span("remote", provider, model=model)


def tool_call(kind: str, label: str) -> Span:
    """Return the span of a call of a tool that Antiphon runs.

    Args:
        kind: of its server.
        label: of its server.
    """
    return Span("remote", f"{kind} {label}")


def fetch() -> Span:
    """Return the span of a fetch of a caller's URL, without the URL: it is content."""
    return Span("remote", "url")


def _since(begun: float, then: float | None) -> float | None:
    return None if then is None else round((then - begun) * 1000, 1)
