"""Reads the chunks of a Chat Completions stream as neutral deltas.

Pure: bytes in, deltas out; it must not know HTTP. It is on the path of every token. Servers differ in what they leave
out or repeat, so it takes what is unambiguous and refuses the rest. Source: OpenAI's API reference, "The chat
completion chunk object"; ``reasoning_content`` is DeepSeek's and vLLM's name for readable reasoning, ``reasoning``
OpenRouter's; ``annotations`` are those of models that search the web at OpenAI, and OpenRouter's.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from antiphon.errors import ProviderError
from antiphon.ports import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    RefusalDelta,
    StopDelta,
    StopReason,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.endpoint import FILTERED
from antiphon.providers.openai_errors import refusal_of
from antiphon.providers.sse_reader import SseReader

_DONE: Final = b"[DONE]"
_REASONS: Final[dict[str, StopReason]] = {
    "length": "length",
    "model_length": "length",  # Mistral's word for a full context
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
}
_FAILURES: Final = frozenset({"error", "insufficient_system_resource"})  # OpenRouter's word, DeepSeek's word


class ChunkReader:
    """Reads one stream. ``done`` is true once its end mark came, or it can be read no further."""

    def __init__(self) -> None:
        self.done = False
        self._events = SseReader()
        self._finish: str | None = None
        self._error = ProviderError("model_error")
        self._said = 0
        self._tokens: list[dict[str, Any]] = []
        self._slots: dict[int, int] = {}
        self._ids: list[str | None] = []

    def feed(self, data: bytes) -> list[Delta]:
        """Translate the next bytes, however they were cut; nothing after the end mark is read.

        A chunk that is not JSON, has another shape or tells an error ends the stream: what came before it is still
        given, and ``stop`` raises.
        """
        deltas: list[Delta] = []
        try:
            for payload in self._events.feed(data):
                if payload == _DONE:
                    self.done = True
                    break
                self._chunk(orjson.loads(payload), deltas)
                if self.done:
                    break
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            self.done, self._finish = True, "error"
        return deltas

    def stop(self) -> StopDelta:
        """Give the last delta, after the end of the stream.

        Raises:
            ProviderError: the stream ended before the model did, or could not be read.
        """
        if self._finish is None or self._finish in _FAILURES:
            raise self._error
        reason: StopReason = _REASONS.get(self._finish, "stop")
        return StopDelta("tool_calls" if reason == "stop" and self._ids else reason)

    def _chunk(self, chunk: dict[str, Any], deltas: list[Delta]) -> None:
        if chunk.get("error"):
            self._fail(chunk["error"])
            return
        choices = chunk.get("choices")
        if choices:
            choice = choices[0]
            delta = choice.get("delta")
            if delta:
                self._delta(delta, choice.get("logprobs"), deltas)
            if choice.get("finish_reason") is not None:
                self._finish = _text(choice["finish_reason"])
        usage = chunk.get("usage")
        if usage:
            deltas.append(_usage(usage))

    def _fail(self, error: dict[str, Any]) -> None:
        code, retryable = refusal_of(error) or ("model_error", False)
        self.done, self._finish = True, "content_filter" if code == FILTERED else "error"
        if code != FILTERED:
            self._error = ProviderError(code, retryable=retryable)

    def _delta(self, delta: dict[str, Any], logprobs: dict[str, Any] | None, deltas: list[Delta]) -> None:
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning:
            self._said = 0
            deltas.append(ReasoningDelta(_text(reasoning)))
        content = delta.get("content")
        if logprobs:
            self._tokens += _logprobs(logprobs)
        if content:
            self._said += len(_text(content))
            deltas.append(TextDelta(content, self._tokens or None))
            if self._tokens:
                self._tokens = []
        refusal = delta.get("refusal")
        if refusal:
            deltas.append(RefusalDelta(_text(refusal)))
        calls = delta.get("tool_calls")
        if calls:
            self._said = 0
            deltas.extend([self._call(call) for call in calls])
        annotations = delta.get("annotations")
        if annotations and self._said:
            deltas.extend([self._cited(each["url_citation"]) for each in annotations if each["type"] == "url_citation"])

    def _call(self, call: dict[str, Any]) -> ToolCallDelta:
        function = call.get("function") or {}
        arguments = _text(function.get("arguments") or "")
        call_id, name = _text(call.get("id") or "") or None, function.get("name") or None
        index = call.get("index")
        slot = self._slot_of(call_id, name) if index is None else self._slots.get(index)
        if slot is not None and not self._renamed(slot, call_id, name):
            return ToolCallDelta(slot, arguments=arguments)
        slot = len(self._ids)
        self._slots[slot if index is None else index] = slot
        self._ids.append(call_id)
        return ToolCallDelta(slot, call_id, _text(name), arguments, _signed(call))

    def _cited(self, cited: dict[str, Any]) -> CitationDelta:
        start, end = (min(max(int(cited.get(name) or 0), 0), self._said) for name in ("start_index", "end_index"))
        return CitationDelta(_text(cited["url"]), cited.get("title") or "", start, max(start, end))

    def _slot_of(self, call_id: str | None, name: str | None) -> int | None:
        """Find the call of a piece without an index: by its id, or else the last one, unless a name begins another."""
        if call_id in self._ids and call_id is not None:
            return self._ids.index(call_id)
        return None if name is not None or not self._ids else len(self._ids) - 1

    def _renamed(self, slot: int, call_id: str | None, name: str | None) -> bool:
        """Whether a piece begins another call under a used index: some servers number every call 0."""
        known = self._ids[slot]
        return None not in (known, call_id, name) and call_id != known


def _signed(call: dict[str, Any]) -> dict[str, str] | None:
    """Return what Gemini must be given back with a call."""
    google = (call.get("extra_content") or {}).get("google") or {}
    signature = google.get("thought_signature")
    return {"thought_signature": _text(signature)} if signature else None


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("not text")
    return value


def _logprobs(logprobs: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the tokens of a chunk: one that is a part of a character has no text, and goes with the next that has."""
    tokens = logprobs.get("content") or ()
    return [
        _logprob(token) | {"top_logprobs": [_logprob(top) for top in token.get("top_logprobs") or ()]}
        for token in tokens
    ]


def _logprob(token: dict[str, Any]) -> dict[str, Any]:
    text = _text(token["token"])
    return {"token": text, "logprob": token["logprob"], "bytes": token.get("bytes") or list(text.encode())}


def _usage(usage: dict[str, Any]) -> UsageDelta:
    read = usage.get("prompt_tokens_details") or {}
    written = usage.get("completion_tokens_details") or {}
    return UsageDelta(
        int(usage["prompt_tokens"]),
        int(usage["completion_tokens"]),
        int(read.get("cached_tokens") or 0),
        int(written.get("reasoning_tokens") or 0),
    )
