"""Reads the events of a Messages stream as neutral deltas.

Pure: bytes in, deltas out; it must not know HTTP. It is on the path of every token. Events and deltas that it does not
know are skipped, as the protocol asks of clients. Source: Anthropic's documentation, "Streaming messages".
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from antiphon.errors import ProviderError
from antiphon.ports import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    ReasoningStateDelta,
    StopDelta,
    StopReason,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.anthropic.messages import KIND
from antiphon.providers.endpoint import FILTERED, Refusal
from antiphon.providers.sse_reader import SseReader
from antiphon.providers.wording import is_context_overflow

_REASONS: Final[dict[str, StopReason]] = {
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # the turn is not at its end: it goes on when it is sent back
    "refusal": "content_filter",
}
"""Every other (``end_turn``, ``stop_sequence``) is ``stop``."""

_ERRORS: Final[dict[str, tuple[str, bool]]] = {
    "authentication_error": ("provider_auth", False),
    "permission_error": ("provider_auth", False),
    "billing_error": ("provider_auth", False),
    "rate_limit_error": ("provider_rate_limited", True),
    "timeout_error": ("provider_timeout", True),
    "conflict_error": ("model_error", True),
    "overloaded_error": ("model_error", True),
    "api_error": ("model_error", True),
    "invalid_request_error": ("provider_refused_request", False),
    "not_found_error": ("provider_model_not_found", False),
    "request_too_large": ("provider_refused_request", False),
}


_FILTERED: Final = "content filtering policy"
"""How Anthropic says that it cut off an answer, or a prompt: the protocol has no code for it."""
_PASSING: Final = ("provider_rate_limited", "provider_auth")


def refusal_of(error: dict[str, Any]) -> Refusal | None:
    """Return what an error means, before the stream or in it; None if its type is not known."""
    message = str(error.get("message") or "")
    known = _ERRORS.get(str(error.get("type")))
    if _FILTERED in message:
        return FILTERED, False
    if (known is None or known[0] not in _PASSING) and is_context_overflow(message):
        return "context_length_exceeded", False
    return known


class EventReader:
    """Reads one stream. ``done`` is true once its end mark came, or it can be read no further.

    Args:
        maker: the model and its endpoint, for the states of what it thinks.
    """

    def __init__(self, maker: str) -> None:
        self.done = False
        self._maker = maker
        self._events = SseReader()
        self._reason: str | None = None
        self._error = ProviderError("model_error")
        self._failed = False
        self._usage: dict[str, Any] = {}
        self._block: dict[str, Any] = {}
        self._calls = 0
        self._said = 0
        self._begun = 0
        self._signature = ""
        self._citations: list[dict[str, Any]] = []

    def feed(self, data: bytes) -> list[Delta]:
        """Translate the next bytes; see ``Reader.feed``."""
        deltas: list[Delta] = []
        try:
            for payload in self._events.feed(data):
                self._event(orjson.loads(payload), deltas)
                if self.done:
                    break
        except (ValueError, TypeError, KeyError, AttributeError):
            self.done = self._failed = True
        return deltas

    def stop(self) -> StopDelta:
        """Give the last delta; see ``Reader.stop``.

        Raises:
            ProviderError: the stream ended before the model did, failed, or could not be read.
        """
        if self._reason is None or self._failed:
            raise self._error
        return StopDelta(_REASONS.get(self._reason, "stop"))

    def _event(self, event: dict[str, Any], deltas: list[Delta]) -> None:
        kind = event["type"]
        if kind == "content_block_delta":
            self._delta(event["delta"], deltas)
        elif kind == "content_block_start":
            self._start(event["content_block"], deltas)
        elif kind == "content_block_stop":
            self._stop(deltas)
        elif kind == "message_start":
            self._usage = event["message"].get("usage") or {}
        elif kind == "message_delta":
            self._end(event, deltas)
        elif kind == "message_stop":
            self.done = True
        elif kind == "error":
            self._fail(refusal_of(event["error"]) or ("model_error", True))

    def _fail(self, refusal: Refusal) -> None:
        code, retryable = refusal
        self.done = True
        if code == FILTERED:
            self._reason = "refusal"
            return
        self._error = ProviderError(code, retryable=retryable)
        self._failed = True

    def _delta(self, delta: dict[str, Any], deltas: list[Delta]) -> None:
        kind = delta["type"]
        if kind == "text_delta":
            self._text(delta["text"], deltas)
        elif kind == "input_json_delta" and self._block["type"] == "tool_use":
            deltas.append(ToolCallDelta(self._calls - 1, arguments=_text(delta["partial_json"])))
        elif kind == "thinking_delta":
            deltas.append(ReasoningDelta(_text(delta["thinking"])))
        elif kind == "signature_delta":
            self._signature += _text(delta["signature"])
        elif kind == "citations_delta":
            self._citations.append(delta["citation"])

    def _text(self, text: str, deltas: list[Delta]) -> None:
        self._said += len(_text(text))
        deltas.append(TextDelta(text))

    def _start(self, block: dict[str, Any], deltas: list[Delta]) -> None:
        self._block, self._signature, self._citations = block, "", []
        if block["type"] == "text":
            self._begun = self._said
            self._citations = list(block.get("citations") or ())
            if block.get("text"):
                self._text(block["text"], deltas)
            return
        self._said = 0
        if block["type"] == "tool_use":
            whole = orjson.dumps(block["input"]).decode() if block.get("input") else ""
            deltas.append(ToolCallDelta(self._calls, _text(block["id"]), _text(block["name"]), whole))
            self._calls += 1
        elif block["type"] == "thinking":
            self._signature = block.get("signature") or ""
            if block.get("thinking"):
                deltas.append(ReasoningDelta(_text(block["thinking"])))

    def _stop(self, deltas: list[Delta]) -> None:
        kind = self._block.get("type")
        if kind == "thinking" and self._signature:
            deltas.append(self._state("signature", self._signature))
        elif kind == "redacted_thinking":
            deltas.append(self._state("redacted", _text(self._block["data"])))
        elif kind == "text" and self._said > self._begun:
            deltas.extend([_citation(cited, self._begun, self._said) for cited in self._citations])
        self._block = {}

    def _state(self, name: str, sealed: str) -> ReasoningStateDelta:
        return ReasoningStateDelta({"kind": KIND, "maker": self._maker, name: sealed})

    def _end(self, event: dict[str, Any], deltas: list[Delta]) -> None:
        self._usage |= {name: value for name, value in (event.get("usage") or {}).items() if value is not None}
        self._reason = event["delta"].get("stop_reason") or self._reason
        if self._usage:
            deltas.append(_usage(self._usage))


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("not text")
    return value


def _usage(usage: dict[str, Any]) -> UsageDelta:
    """Add up what was read: the protocol counts what came from its cache, and what went there, apart."""
    cached = int(usage.get("cache_read_input_tokens") or 0)
    read = int(usage.get("input_tokens") or 0) + int(usage.get("cache_creation_input_tokens") or 0) + cached
    details = usage.get("output_tokens_details") or {}
    return UsageDelta(read, int(usage["output_tokens"]), cached, int(details.get("thinking_tokens") or 0))


def _citation(cited: dict[str, Any], start: int, end: int) -> CitationDelta:
    """Say where a stretch comes from: a web page, or a place in a document that the caller sent.

    Such a document is named by its title, with a fragment for pages (RFC 8118) or characters (RFC 5147).
    """
    kind = cited["type"]
    if kind == "web_search_result_location":
        return CitationDelta(_text(cited["url"]), cited.get("title") or "", start, end)
    if kind == "search_result_location":
        return CitationDelta(_text(cited["source"]), cited.get("title") or "", start, end)
    title = cited.get("document_title") or f"document-{cited['document_index']}"
    fragment = ""
    if kind == "page_location":
        fragment = f"#page={cited['start_page_number']}"
    elif kind == "char_location":
        fragment = f"#char={cited['start_char_index']},{cited['end_char_index']}"
    return CitationDelta(title + fragment, title, start, end)
