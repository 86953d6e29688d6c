"""What happened in one request, noted where it is known: for the log, for metrics and for traces.

A leaf. It must not know who reads it, nor what is said in a request: it holds names, numbers and times, never content.
Whoever has something to note asks for the record of the running request; tasks that a request starts share it, so many
requests at once in one process do not mix. Outside a request notes go nowhere. Nothing here is done for each delta.
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
    """The record of one request. What is None is not known, or does not apply.

    No dataclass: to make one of so many fields takes a millisecond of every cold start.

    Args:
        method: of the request.
        route: the path's pattern, such as ``/v1/responses/{id}``; None for no known path.

    Attributes:
        begun: when the request arrived, in the clock of ``time.perf_counter``, as all times here.
        ended: when its last byte was sent.
        first_delta: when the first delta of a streamed answer was sent.
        status: of the answer.
        code: the error code that the caller saw, as a body or in the stream.
        key_id, user: the ids of the caller's key and user.
        agent, provider, model: who answered; the provider's configured name and its own name of the model.
        outcome: the status that a response came to in this request: completed, incomplete, failed or cancelled.
        provider_retries: how often a model was called again.
        tool_calls: how many calls of tools the response holds.
        store_calls: how many calls DynamoDB got, those that had to be sent again included.
        store_retries: how many of them got no answer, or were throttled.
        broken: the answer could not be sent to its end.
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
        """Note that the first delta has left."""
        self.first_delta = time.perf_counter()

    def end(self) -> None:
        """Note that the answer has ended."""
        self.ended = time.perf_counter()

    def take(self, response: Mapping[str, Any]) -> None:
        """Note how a response ended, out of its resource."""
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
        """The time to the first token, where the response was made in this request and streamed, in milliseconds."""
        return None if self.outcome is None else _since(self.begun, self.first_delta)

    @property
    def duration_ms(self) -> float | None:
        """The time to the last byte, in milliseconds."""
        return _since(self.begun, self.ended)

    def facts(self) -> dict[str, Any]:
        """Give what is known by name, times in milliseconds; nothing that is None."""
        known = {name: getattr(self, name) for name in _FACTS}
        return {name: value for name, value in known.items() if value is not None}


_FACTS: Final = ("method", "route", *list(Measures.__annotations__)[2:], "duration_ms", "ttft_ms")
"""All but the clocks."""


class Span:
    """A stretch of a request's time, such as a call; a context manager. Those opened inside it are its children.

    Args:
        kind: what it is.
        name: whom it is spent on.
        sink: takes it and all below it, each once it has ended; None for its parent's.
        facts: what is known of it; more may be added until it ends.

    Attributes:
        id: 16 hexadecimal digits; empty where nobody takes it.
        begun, ended: in seconds since the epoch.
        failure: the class of the error that ended it; None where none did.
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
        """Begin."""
        self._token = _span.set(self)
        self.begun = time.time()
        return self

    def __exit__(
        self, failure: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and be taken."""
        self.ended = time.time()
        self.failure = failure
        _span.reset(self._token)
        if self.sink:
            self.sink(self)

    def elapsed_ms(self) -> float:
        """Give the time since it began, in milliseconds."""
        return round((time.time() - self.begun) * 1000, 1)


_current: ContextVar[Measures | None] = ContextVar("measures", default=None)
_span: ContextVar[Span | None] = ContextVar("span", default=None)


def begin(method: str, route: str | None) -> Measures:
    """Begin the record of a request, for this task and those that it starts from now on."""
    record = Measures(method, route)
    _current.set(record)
    return record


def current() -> Measures:
    """Give the record of the running request; outside one, a record that nobody reads."""
    return _current.get() or Measures()


def store_call(operation: str) -> Span:
    """Count a call of DynamoDB, and give its span."""
    current().store_calls += 1
    return Span("store", "DynamoDB", operation=operation)


def model_call(provider: str, model: str) -> Span:
    """Give the span of a call of a model; the provider by its configured name."""
    return Span("remote", provider, model=model)


def fetch() -> Span:
    """Give the span of a look at a URL that a caller chose; which one is content."""
    return Span("remote", "url")


def _since(begun: float, then: float | None) -> float | None:
    return None if then is None else round((then - begun) * 1000, 1)
