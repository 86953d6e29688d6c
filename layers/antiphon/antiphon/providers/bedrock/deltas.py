"""Reads the events of a Converse stream as neutral deltas.

Pure: bytes in, deltas out. It is on the path of every token. Unknown events are skipped. Source: AWS's
API reference of Bedrock, "ConverseStreamOutput".
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from antiphon.errors import ProviderError
from antiphon.ports import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    StopDelta,
    TextDelta,
    UsageDelta,
)
from antiphon.providers.bedrock.eventstream import GarbledStream, MessageReader
from antiphon.providers.bedrock.messages import KIND
from antiphon.providers.bedrock.refusals import exception_of, refusal_of
from antiphon.providers.blocks import Blocks
from antiphon.providers.calls import arguments_of
from antiphon.providers.endpoint import Refusal
from antiphon.providers.reading import StreamReader, count, document_url, fields, loads, text_of

_OF_BLOCK: Final = frozenset({"contentBlockStart", "contentBlockDelta", "contentBlockStop"})


@dataclass(slots=True)
class _Block:
    """A block of content: what it is, and what of it waits for its end."""

    kind: str
    begun: int
    signature: str = ""
    redacted: bytes = b""
    citations: list[dict[str, Any]] = field(default_factory=list)


class ConverseReader(StreamReader):
    """Reads one stream; its end has no mark, so ``done`` means that no more can be read. See ``StreamReader``.

    Args:
        maker: the model, for the states of what it thinks.
    """

    answer: ClassVar[str] = "output"
    kind: ClassVar[str] = KIND

    def __init__(self, maker: str) -> None:
        super().__init__(maker)
        self._messages = MessageReader()
        self._order: Blocks[tuple[str, dict[str, Any]]] = Blocks(self._of_block)
        self._blocks: dict[Any, _Block] = {}

    def stop(self) -> StopDelta:
        """Return the last delta; see ``Reader.stop``.

        Raises:
            ProviderError: the stream ended before the model did or within a message, failed, could not be read, or what
                the model said is garbled.
        """
        if self._messages.is_within:
            raise self._error
        return super().stop()

    def _meaning(self, error: dict[str, Any]) -> Refusal:
        return refusal_of(error) or ("model_error", True)

    def _read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            for kind, payload in self._messages.feed(data):
                if kind.failed:
                    self._fail(exception_of(kind.name, kind.message, payload))
                    return
                self._named(kind.name, loads(payload) if payload else {}, deltas)
        except GarbledStream:
            self.done = self._failed = True
            self._error = ProviderError("model_error", retryable=True)

    def _flush(self, deltas: list[Delta]) -> None:
        """Nothing is completed by the end."""

    def _event(self, event: dict[str, Any], deltas: list[Delta]) -> None:
        """Translate an event that bears its own name, as in the service's reference."""
        for name, told in event.items():
            self._named(name, told, deltas)

    def _whole(self, body: dict[str, Any], deltas: list[Delta]) -> None:
        for index, told in enumerate(fields(body["output"].get("message")).get("content") or ()):
            place = {"contentBlockIndex": index}
            if "toolUse" in told:
                self._named("contentBlockStart", {**place, "start": told}, deltas)
                self._named("contentBlockDelta", {**place, "delta": told}, deltas)
            else:
                self._named("contentBlockDelta", {**place, "delta": _as_delta(told)}, deltas)
            self._named("contentBlockStop", place, deltas)
        self._named("messageStop", body, deltas)
        self._named("metadata", body, deltas)

    def _fail(self, error: dict[str, Any]) -> None:
        super()._fail({"type": "", "message": "", **error})

    def _named(self, name: str, event: dict[str, Any], deltas: list[Delta]) -> None:
        if name == "contentBlockDelta" and self._order.streams(event.get("contentBlockIndex")):
            self._delta(event.get("contentBlockIndex"), event["delta"], deltas)
        elif name in _OF_BLOCK:
            self._order.take(event.get("contentBlockIndex"), (name, event), deltas, ends=name == "contentBlockStop")
        elif name == "messageStop":
            self._order.finish(deltas)
            for open_place in list(self._blocks):
                self._stop(open_place, deltas)
            self._word = text_of(event["stopReason"])
        elif name == "metadata" and event.get("usage"):
            deltas.append(_usage(fields(event["usage"])))

    def _of_block(self, place: Any, named: tuple[str, dict[str, Any]], deltas: list[Delta]) -> None:
        name, event = named
        if name == "contentBlockDelta":
            self._delta(place, event["delta"], deltas)
        elif name == "contentBlockStart":
            self._start(place, event["start"], deltas)
        else:
            self._stop(place, deltas)

    def _delta(self, place: Any, delta: dict[str, Any], deltas: list[Delta]) -> None:
        text = delta.get("text")
        if text is not None:
            self._block(place, "text")
            self._said += len(text_of(text))
            deltas.append(TextDelta(text))
        elif "toolUse" in delta and self._block(place, "other").kind == "tool":
            self._call_piece(deltas, place, arguments=arguments_of(delta["toolUse"].get("input")))
        elif "reasoningContent" in delta:
            self._reasoning(self._block(place, "reasoning"), delta["reasoningContent"], deltas)
        elif "citation" in delta:
            self._block(place, "text").citations.append(delta["citation"])

    def _reasoning(self, block: _Block, reasoning: dict[str, Any], deltas: list[Delta]) -> None:
        block.signature += reasoning.get("signature") or ""
        block.redacted += base64.b64decode(reasoning.get("redactedContent") or b"")
        if reasoning.get("text"):
            deltas.append(ReasoningDelta(text_of(reasoning["text"])))

    def _block(self, place: Any, kind: str) -> _Block:
        """Return a block, which begins with its first delta: only calls have a start of their own."""
        block = self._blocks.get(place)
        if block is None:
            self._said = self._said if kind == "text" else 0
            self._blocks[place] = block = _Block(kind, self._said)
        return block

    def _start(self, place: Any, start: dict[str, Any], deltas: list[Delta]) -> None:
        told = start.get("toolUse")
        if not told or told.get("type"):  # a tool that the service runs itself
            self._blocks[place] = _Block("other", self._said)
            return
        self._blocks.pop(place, None)
        self._block(place, "tool")
        self._order.free(place)  # calls may interleave
        self._call_piece(deltas, place, told.get("toolUseId"), text_of(told["name"]))

    def _stop(self, place: Any, deltas: list[Delta]) -> None:
        block = self._blocks.pop(place, None)
        if block is None:
            return
        if block.signature:
            deltas.append(self._state(signature=block.signature))
        if block.redacted:
            deltas.append(self._state(redacted=base64.b64encode(block.redacted).decode()))
        if block.kind == "text" and self._said > block.begun:
            deltas += [_citation(cited, block.begun, self._said) for cited in block.citations]


def _as_delta(told: dict[str, Any]) -> dict[str, Any]:
    """Return a block of a whole answer as a delta has it."""
    reasoning = told.get("reasoningContent")
    if reasoning:
        return {"reasoningContent": {**reasoning, **fields(reasoning.get("reasoningText"))}}
    cited = fields(told.get("citationsContent")).get("content")
    return {"text": "".join(part.get("text") or "" for part in cited)} if cited else told


def _usage(usage: dict[str, Any]) -> UsageDelta:
    """Add up what was read: the protocol counts what came from a cache, and what went there, apart."""
    cached = count(usage.get("cacheReadInputTokens"))
    read = count(usage.get("inputTokens")) + count(usage.get("cacheWriteInputTokens")) + cached
    return UsageDelta(read, count(usage.get("outputTokens")), cached)


def _citation(cited: dict[str, Any], start: int, end: int) -> CitationDelta:
    """Return the citation of a stretch: a web page, a search result, or a place in a document that the caller sent."""
    title, location = cited.get("title") or "", cited.get("location") or {}
    if "web" in location:
        return CitationDelta(location["web"]["url"], title, start, end)
    url = title or cited.get("source") or "document"
    if "searchResultLocation" in location:
        url = cited.get("source") or url
    elif "documentPage" in location:
        url = document_url(url, page=location["documentPage"]["start"])
    elif "documentChar" in location:
        place = location["documentChar"]
        url = document_url(url, characters=(place["start"], place["end"]))
    return CitationDelta(url, title or url, start, end)
