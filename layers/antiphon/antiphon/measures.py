"""The measures of one request: names, numbers and times for the log, for metrics and for traces.

A record never has content of a request or an answer. Any code can note something in the record of the running request.
Tasks that a request starts share its record, so concurrent requests do not mix. Notes outside a request are dropped.
Nothing here runs for each delta.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from antiphon.spans import Span


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
        for name, value in ended(response).items():
            setattr(self, name, value)

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


_current: ContextVar[Measures | None] = ContextVar("measures", default=None)


def ended(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a response ended, by the names of ``Measures``. Leaves out what is not known."""
    found: dict[str, Any] = {"outcome": response["status"]}
    if response.get("error"):
        found["code"] = response["error"]["code"]
    found["tool_calls"] = sum(item["type"].endswith("_call") for item in response["output"])
    usage = response.get("usage")
    if usage:
        found["input_tokens"], found["output_tokens"] = usage["input_tokens"], usage["output_tokens"]
        found["cached_tokens"] = usage["input_tokens_details"]["cached_tokens"]
        found["reasoning_tokens"] = usage["output_tokens_details"]["reasoning_tokens"]
    return found


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
    return Span("model", provider, model=model)


def tool_call(kind: str, label: str, tool: str, call_id: str) -> Span:
    """Return the span of a call of a tool that Antiphon runs.

    Args:
        kind: of its server.
        label: of its server.
        tool: the tool's name.
        call_id: the id of the call's item.
    """
    return Span("tool", f"{kind} {label}", kind_of_server=kind, label=label, tool=tool, call_id=call_id)


def fetch() -> Span:
    """Return the span of a fetch of a caller's URL, without the URL: it is content."""
    return Span("fetch", "url")


def _since(begun: float, then: float | None) -> float | None:
    return None if then is None else round((then - begun) * 1000, 1)
