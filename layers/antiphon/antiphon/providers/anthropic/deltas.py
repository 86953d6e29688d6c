"""Reads the events of a Messages stream as neutral deltas.

Pure: bytes in, deltas out; it does not import HTTP. It is on the path of every token. Unknown events
and deltas are skipped, as the protocol asks of clients. Source: Anthropic's documentation, "Streaming messages".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from antiphon.ports import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from antiphon.providers.anthropic.messages import KIND
from antiphon.providers.blocks import Blocks
from antiphon.providers.calls import arguments_of
from antiphon.providers.endpoint import FILTERED, Refusal, error_in
from antiphon.providers.reading import StreamReader, count, document_url, fields, text_of
from antiphon.providers.wording import is_context_overflow

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
"""A part of Anthropic's message if it filters an answer or a prompt; the protocol has no code for that."""
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


@dataclass(slots=True)
class _Block:
    """A block of content: what it is, and what of it waits for its end."""

    kind: str
    begun: int = 0
    whole: str = ""
    sealed: str = ""
    citations: list[dict[str, Any]] = field(default_factory=list)


class MessagesReader(StreamReader):
    """Reads one stream; see ``StreamReader``.

    Args:
        maker: the model and its endpoint, for the states of what it thinks.
    """

    answer: ClassVar[str] = "content"
    mark: ClassVar[tuple[str, str]] = ("type", "message")
    kind: ClassVar[str] = KIND

    def __init__(self, maker: str) -> None:
        super().__init__(maker)
        self._usage: dict[str, Any] = {}
        self._order: Blocks[dict[str, Any]] = Blocks(self._of_block)
        self._blocks: dict[Any, _Block] = {}
        self._begun = 0
        self._latest: Any = None

    def _meaning(self, error: dict[str, Any]) -> Refusal:
        return refusal_of(error) or ("model_error", True)

    def _whole(self, body: dict[str, Any], deltas: list[Delta]) -> None:
        for index, block in enumerate(body.get("content") or ()):
            self._start(index, block, deltas)
            self._stop(index, deltas)
        self._end({"delta": body, "usage": body.get("usage")}, deltas)
        self.done = True

    def _event(self, event: dict[str, Any], deltas: list[Delta]) -> None:
        kind = event.get("type") or ("error" if event.get("error") else "")
        if kind == "content_block_delta":
            place = event.get("index", self._latest)
            if self._order.streams(place):
                self._delta(place, event["delta"], deltas)
            else:
                self._order.take(place, event, deltas)
        elif kind == "content_block_start":
            self._order.take(self._new_place(event, deltas), event, deltas)
        elif kind == "content_block_stop":
            self._order.take(event.get("index", self._latest), event, deltas, ends=True)
        elif kind == "message_start":
            self._usage = fields(event["message"].get("usage"))
        elif kind == "message_delta":
            self._end(event, deltas)
        elif kind == "message_stop":
            self.done = True
        elif kind == "error":
            self._fail(error_in(event))

    def _new_place(self, event: dict[str, Any], deltas: list[Delta]) -> Any:
        """Return the place of a block that begins. Without an index, the blocks before it have ended."""
        self._begun += 1
        if "index" not in event:
            self._order.finish(deltas)
        self._latest = event.get("index", -self._begun)
        return self._latest

    def _of_block(self, place: Any, event: dict[str, Any], deltas: list[Delta]) -> None:
        if event["type"] == "content_block_delta":
            self._delta(place, event["delta"], deltas)
        elif event["type"] == "content_block_start":
            self._start(place, event["content_block"], deltas)
        else:
            self._stop(place, deltas)

    def _delta(self, place: Any, delta: dict[str, Any], deltas: list[Delta]) -> None:
        kind = delta["type"]
        if kind == "text_delta":
            if place not in self._blocks:
                self._block(place, "text")
            text = delta["text"]
            if text is not None:
                self._said += len(text_of(text))
                deltas.append(TextDelta(text))
        elif kind == "input_json_delta":
            self._arguments(place, arguments_of(delta.get("partial_json")), deltas)
        elif kind == "thinking_delta":
            deltas.append(ReasoningDelta(text_of(delta["thinking"])))
        elif kind == "signature_delta":
            self._block(place, "thinking").sealed += text_of(delta["signature"])
        elif kind == "citations_delta":
            self._block(place, "text").citations.append(delta["citation"])

    def _block(self, place: Any, kind: str) -> _Block:
        """Return a block; one that has not begun begins with its first delta."""
        block = self._blocks.get(place)
        if block is None:
            self._blocks[place] = block = _Block(kind, begun=self._said)
        return block

    def _arguments(self, place: Any, arguments: str, deltas: list[Delta]) -> None:
        block = self._blocks[place]
        if block.kind == "tool_use":
            block.whole = "" if arguments else block.whole
            self._call_piece(deltas, place, arguments=arguments)

    def _start(self, place: Any, told: dict[str, Any], deltas: list[Delta]) -> None:
        kind = told["type"]
        self._blocks[place] = block = _Block(kind, begun=self._said)
        if kind == "text":
            block.citations = list(told.get("citations") or ())
            if told.get("text"):
                self._said += len(text_of(told["text"]))
                deltas.append(TextDelta(told["text"]))
            return
        self._said = 0
        if kind == "tool_use":
            self._order.free(place)  # calls may interleave
            block.whole = arguments_of(told["input"]) if told.get("input") else ""
            call_id, name = text_of(told.get("id") or "") or None, text_of(told["name"])
            self._call_piece(deltas, place, call_id, name)
        elif kind == "thinking":
            block.sealed = told.get("signature") or ""
            if told.get("thinking"):
                deltas.append(ReasoningDelta(text_of(told["thinking"])))
        elif kind == "redacted_thinking":
            block.sealed = text_of(told["data"])

    def _stop(self, place: Any, deltas: list[Delta]) -> None:
        block = self._blocks.pop(place, None)
        if block is None:
            return
        if block.kind == "tool_use" and block.whole:
            self._call_piece(deltas, place, arguments=block.whole)
        elif block.kind == "thinking" and block.sealed:
            deltas.append(self._state(signature=block.sealed))
        elif block.kind == "redacted_thinking":
            deltas.append(self._state(redacted=block.sealed))
        elif block.kind == "text" and self._said > block.begun:
            deltas.extend([_citation(cited, block.begun, self._said) for cited in block.citations])

    def _end(self, event: dict[str, Any], deltas: list[Delta]) -> None:
        self._order.finish(deltas)
        for place in list(self._blocks):  # some proxies leave out the ends of blocks
            self._stop(place, deltas)
        self._usage |= {name: value for name, value in fields(event.get("usage")).items() if value is not None}
        self._word = fields(event.get("delta")).get("stop_reason") or self._word
        if self._usage:
            deltas.append(_usage(self._usage))


def _usage(usage: dict[str, Any]) -> UsageDelta:
    """Add up what was read: the protocol counts what came from its cache, and what went there, apart."""
    cached = count(usage.get("cache_read_input_tokens"))
    read = count(usage.get("input_tokens")) + count(usage.get("cache_creation_input_tokens")) + cached
    thought = count(fields(usage.get("output_tokens_details")).get("thinking_tokens"))
    return UsageDelta(read, count(usage.get("output_tokens")), cached, thought)


def _citation(cited: dict[str, Any], start: int, end: int) -> CitationDelta:
    """Return the citation of a stretch: a web page, or a place in a document that the caller sent."""
    kind = cited["type"]
    if kind == "web_search_result_location":
        return CitationDelta(text_of(cited["url"]), cited.get("title") or "", start, end)
    if kind == "search_result_location":
        return CitationDelta(text_of(cited["source"]), cited.get("title") or "", start, end)
    title = cited.get("document_title") or f"document-{cited['document_index']}"
    url = title
    if kind == "page_location":
        url = document_url(title, page=cited["start_page_number"])
    elif kind == "char_location":
        url = document_url(title, characters=(cited["start_char_index"], cited["end_char_index"]))
    return CitationDelta(url, title, start, end)
