"""What the readers of all protocols do alike: from bytes to events, through faults to the end. Pure.

    bytes -> server-sent events, or frames of AWS -> payloads -> a protocol's own words -> neutral deltas
          -> or, from a server that does not stream, one JSON body, read at its end

It is on the path of every token. It takes what does not change the meaning, and ends the stream at the rest.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final

import orjson

from antiphon.errors import ProviderError
from antiphon.ports import Delta, ReasoningStateDelta, StopDelta, StopReason
from antiphon.providers.calls import Calls
from antiphon.providers.endpoint import FILTERED, Refusal, error_in, facts_of
from antiphon.providers.reasons import stop_of
from antiphon.providers.sse_reader import MAX_EVENT_BYTES, SseReader

FAULTS: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
"""What reading raises if an event has another shape."""

_DONE: Final = b"[DONE]"
_LEAST_LOGPROB: Final = -9999.0
"""OpenAI's number for a token that is as good as impossible, for which other servers have ``-Infinity``."""


class StreamReader(ABC):
    """Reads one answer.

    Args:
        maker: the model and its endpoint, for the states of its reasoning; empty for a protocol without states.

    Attributes:
        done: the end mark came, or no more can be read.
        answer: the field by which a JSON body is an answer and not an error.
        mark: a field and its value by which a JSON body is an answer, too, even an empty one.
        kind: the protocol's name in states of reasoning.
    """

    answer: ClassVar[str]
    mark: ClassVar[tuple[str, str] | None] = None
    kind: ClassVar[str] = ""

    def __init__(self, maker: str = "") -> None:
        self.done = False
        self._maker = maker
        self._calls = Calls()
        self._said = 0
        self._events = SseReader()
        self._error = ProviderError("model_error")
        self._failed = False
        self._filtered = False
        self._word: str | None = None
        self._streams: bool | None = None
        self._body = b""

    def feed(self, data: bytes) -> list[Delta]:
        """Translate the next bytes, however they were cut; nothing after the end mark is read."""
        if self._streams is None:
            data = self._sniff(data)
        deltas: list[Delta] = []
        try:
            if self._streams is False:
                self._collect(data)
            else:
                self._read(data, deltas)
        except FAULTS:
            self.done = self._failed = True
        return deltas

    def end(self) -> list[Delta]:
        """Translate what the end of the body completes: an event without its blank line, or a JSON body."""
        deltas: list[Delta] = []
        if self.done:
            return deltas
        try:
            if self._streams is False:
                self.whole(loads(self._body), deltas)
            else:
                self._flush(deltas)
        except FAULTS:
            self.done = self._failed = True
        return deltas

    def stop(self) -> StopDelta:
        """Return the last delta, after the end of the body.

        Raises:
            ProviderError: the stream ended before the model did, failed, or could not be read.
        """
        if self._filtered:
            return StopDelta("content_filter")
        reason = None if self._failed or self._word is None else self._reason(self._word)
        if reason is None:
            raise self._error
        return StopDelta("tool_calls" if reason == "stop" and len(self._calls) else reason)

    def whole(self, body: Any, deltas: list[Delta]) -> None:
        """Read a JSON body: an answer, or an error in spite of its status."""
        marked = isinstance(body, dict) and self.mark is not None and body.get(self.mark[0]) == self.mark[1]
        if marked or (isinstance(body, dict) and body.get(self.answer)):
            self._whole(body, deltas)
        else:
            self._fail(error_in(body))

    @abstractmethod
    def _event(self, event: dict[str, Any], deltas: list[Delta]) -> None:
        """Translate one event."""

    @abstractmethod
    def _whole(self, body: dict[str, Any], deltas: list[Delta]) -> None:
        """Translate an answer that came as a JSON body."""

    @abstractmethod
    def _meaning(self, error: dict[str, Any]) -> Refusal:
        """Return what an error means."""

    def _call_piece(
        self,
        deltas: list[Delta],
        place: Any,
        call_id: str | None = None,
        name: str | None = None,
        arguments: str = "",
        state: dict[str, str] | None = None,
    ) -> None:
        """Add a piece of a call, once the call has a name; see ``Calls.piece``."""
        piece = self._calls.piece(place, call_id, name, arguments, state)
        if piece is not None:
            deltas.append(piece)

    def _state(self, **sealed: str) -> ReasoningStateDelta:
        return ReasoningStateDelta({"kind": self.kind, "maker": self._maker, **sealed})

    def _reason(self, word: str) -> StopReason | None:
        return stop_of(word)

    def _read(self, data: bytes, deltas: list[Delta]) -> None:
        for payload in self._events.feed(data):
            if payload[:1] == b"{":  # nearly always: straight to the event
                try:
                    event = orjson.loads(payload)
                except orjson.JSONDecodeError:
                    event = loads(payload)
                self._event(event, deltas)
            else:
                self._payload(payload, deltas)
            if self.done:
                return

    def _payload(self, payload: bytes, deltas: list[Delta]) -> None:
        if payload == _DONE:
            self.done = True
        elif payload and not payload.isspace():
            self._event(loads(payload), deltas)

    def _flush(self, deltas: list[Delta]) -> None:
        for payload in self._events.flush():
            if payload == _DONE or _parses(payload):
                self._payload(payload, deltas)

    def _fail(self, error: dict[str, Any]) -> None:
        """End the stream with an error; a filtered answer ends its turn."""
        code, retryable = self._meaning(error)
        self.done = True
        if code == FILTERED:
            self._filtered = True
        else:
            self._failed = True
            self._error = ProviderError(code, retryable=retryable, facts=facts_of(error))

    def _sniff(self, data: bytes) -> bytes:
        """Find out by its first sign whether the body is a stream: types of content are not always true."""
        data, self._body = self._body + data, b""
        first = data.removeprefix(b"\xef\xbb\xbf").lstrip()
        if not first:  # white space means nothing yet: it waits
            self._body = data
            return b""
        self._streams = first[:1] not in (b"{", b"[")
        return data if self._streams else first

    def _collect(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > MAX_EVENT_BYTES:
            raise ValueError("a body is too large")


def loads(payload: bytes) -> Any:
    """Parse JSON, with what strict parsers refuse: NaN, infinities, and halves of surrogate pairs.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)


def text_of(value: object) -> str:
    """Return a text as it is.

    Raises:
        TypeError: it is something else.
    """
    if type(value) is not str:
        raise TypeError("not text")
    return value


def fields(value: object) -> dict[str, Any]:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def count(value: object) -> int:
    """Return a number of tokens; 0 for what is none."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return max(int(value), 0) if isinstance(value, int | float) and math.isfinite(value) else 0


def stretch(start: object, end: object, length: int) -> tuple[int, int]:
    """Return the range of a citation within a text of a length; the whole text if it has none."""
    if not isinstance(start, int) or not isinstance(end, int):
        return 0, length
    begin = min(max(start, 0), length)
    return begin, max(begin, min(max(end, 0), length))


def document_url(name: str, *, page: object = None, characters: tuple[object, object] | None = None) -> str:
    """Return the URL of a place in a document of the caller: a page (RFC 8118), or characters (RFC 5147)."""
    if page is not None:
        return f"{name}#page={page}"
    return name if characters is None else f"{name}#char={characters[0]},{characters[1]}"


def logprobs_of(tokens: object) -> list[dict[str, Any]]:
    """Return log probabilities in the specification's form; without those that have another one."""
    known = [token for token in tokens if _is_logprob(token)] if isinstance(tokens, list) else []
    return [_logprob(token) | {"top_logprobs": _tops(token.get("top_logprobs"))} for token in known]


def _tops(tokens: object) -> list[dict[str, Any]]:
    return [_logprob(token) for token in tokens if _is_logprob(token)] if isinstance(tokens, list) else []


def _is_logprob(token: object) -> bool:
    return isinstance(token, dict) and isinstance(token.get("token"), str)


def _logprob(token: dict[str, Any]) -> dict[str, Any]:
    text, number = token["token"], token.get("logprob")
    usual = isinstance(number, int | float) and math.isfinite(number)
    told = token.get("bytes")
    read = told if isinstance(told, list) and told else list(text.encode("utf-8", "replace"))
    return {"token": text, "logprob": number if usual else _LEAST_LOGPROB, "bytes": read}


def _parses(payload: bytes) -> bool:
    try:
        loads(payload)
    except (ValueError, RecursionError):
        return False
    return True
