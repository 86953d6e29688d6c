"""Reads the chunks of a Chat Completions stream as neutral deltas.

Pure: bytes in, deltas out; it does not import HTTP. It is on the path of every token. Servers differ in what they leave
out or repeat, so it takes what is unambiguous and refuses the rest. Source: OpenAI's API reference, "The chat
completion chunk object"; ``reasoning_content`` is DeepSeek's and vLLM's name for readable reasoning, ``reasoning``
OpenRouter's; ``annotations`` are those of models that search the web at OpenAI, and OpenRouter's; content in parts is
Mistral's.
"""

from __future__ import annotations

from typing import Any, ClassVar

from antiphon.errors import ProviderError
from antiphon.ports import CitationDelta, Delta, ReasoningDelta, RefusalDelta, StopDelta, TextDelta, UsageDelta
from antiphon.providers.calls import arguments_of
from antiphon.providers.endpoint import Refusal, error_in
from antiphon.providers.openai_errors import refusal_of
from antiphon.providers.reading import StreamReader, count, fields, logprobs_of, stretch, text_of

_COUNTS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


class ChunkReader(StreamReader):
    """Reads one stream; see ``StreamReader``."""

    answer: ClassVar[str] = "choices"

    def __init__(self) -> None:
        super().__init__()
        self._spoke = False
        self._tokens: list[dict[str, Any]] = []
        self._usage: dict[str, Any] = {}

    def stop(self) -> StopDelta:
        """Return the last delta; see ``Reader.stop``.

        Raises:
            ProviderError: the stream ended before the model did, failed, could not be read, or has a call without name.
        """
        stop = super().stop()
        if self._calls.nameless and stop.reason != "length":
            raise ProviderError("model_error")
        return stop

    def _meaning(self, error: dict[str, Any]) -> Refusal:
        return refusal_of(error) or ("model_error", False)

    def _whole(self, body: dict[str, Any], deltas: list[Delta]) -> None:
        self._event(body, deltas)

    def _event(self, chunk: dict[str, Any], deltas: list[Delta]) -> None:
        if chunk.get("error") or chunk.get("object") == "error":
            self._fail(error_in(chunk))
            return
        choices = chunk.get("choices")
        choice: dict[str, Any] = (choices and choices[0]) or {}
        if choice:
            self._choice(choice, deltas)
        usage = chunk.get("usage") or choice.get("usage")
        if usage and not self.done:
            self._count(fields(usage), deltas)

    def _choice(self, choice: dict[str, Any], deltas: list[Delta]) -> None:
        delta = choice.get("delta") or (None if self._spoke else choice.get("message"))
        if delta:
            self._delta(delta, choice.get("logprobs"), deltas)
        if choice.get("error"):
            self._fail(error_in(choice))
        elif choice.get("finish_reason") not in (None, "", "null"):  # words of some servers for null
            self._word = text_of(choice["finish_reason"])

    def _delta(self, delta: dict[str, Any], logprobs: object, deltas: list[Delta]) -> None:
        if len(delta) == 1 and not logprobs and not self._tokens:  # nearly always: straight to the text
            content = delta.get("content")
            if content and type(content) is str:
                self._said += len(content)
                self._spoke = True
                deltas.append(TextDelta(content))
                return
        before = len(deltas)
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning:
            self._reason_aloud(reasoning, deltas)
        if logprobs:
            self._tokens += logprobs_of(fields(logprobs).get("content"))
        content = delta.get("content")
        if content:
            self._content(content, deltas)
        refusal = delta.get("refusal")
        if refusal:
            deltas.append(RefusalDelta(text_of(refusal)))
        calls = delta.get("tool_calls") or delta.get("function_call")
        if calls:
            self._said = 0
            for call in _calls_in(delta):
                self._call(call, deltas)
        annotations = delta.get("annotations")
        if annotations and self._said:
            cited = [fields(each).get("url_citation") for each in annotations]
            deltas.extend([self._cited(each) for each in cited if each and each.get("url")])
        self._spoke = self._spoke or len(deltas) > before

    def _content(self, content: object, deltas: list[Delta]) -> None:
        if type(content) is str:
            self._said += len(content)
            deltas.append(TextDelta(content, self._tokens or None))
            if self._tokens:
                self._tokens = []
        elif isinstance(content, list):
            for part in content:
                self._part(part, deltas)
        else:
            raise TypeError("no content")

    def _part(self, part: object, deltas: list[Delta]) -> None:
        """Translate one of several parts of a content; unknown parts are ignored."""
        if isinstance(part, str):
            self._content(part, deltas)
            return
        told = fields(part)
        if told.get("type") in {"thinking", "reasoning"}:
            self._reason_aloud(told.get("thinking") or told.get("text") or "", deltas)
        elif told.get("text"):
            self._content(text_of(told["text"]), deltas)

    def _reason_aloud(self, reasoning: object, deltas: list[Delta]) -> None:
        parts = reasoning if isinstance(reasoning, list) else [reasoning]
        text = "".join(part if isinstance(part, str) else text_of(fields(part).get("text") or "") for part in parts)
        self._said = 0
        if text:
            deltas.append(ReasoningDelta(text))

    def _call(self, call: dict[str, Any], deltas: list[Delta]) -> None:
        function = call.get("function") or {}
        told, name = call.get("id"), text_of(function.get("name") or "") or None
        call_id = str(told) if isinstance(told, int) else text_of(told or "") or None
        arguments = arguments_of(function.get("arguments"))
        self._call_piece(deltas, call.get("index"), call_id, name, arguments, _signed(call))

    def _cited(self, cited: dict[str, Any]) -> CitationDelta:
        start, end = stretch(cited.get("start_index"), cited.get("end_index"), self._said)
        return CitationDelta(text_of(cited["url"]), cited.get("title") or "", start, end)

    def _count(self, usage: dict[str, Any], deltas: list[Delta]) -> None:
        """Add up what was counted: some servers send the count with every chunk, or a part of it each time."""
        self._usage |= {name: value for name, value in usage.items() if value is not None}
        if _COUNTS.isdisjoint(self._usage):
            return
        all_, read = count(self._usage.get("total_tokens")), count(self._usage.get("prompt_tokens"))
        written = count(self._usage.get("completion_tokens", max(all_ - read, 0)))
        kept = count(fields(self._usage.get("prompt_tokens_details")).get("cached_tokens"))
        thought = count(fields(self._usage.get("completion_tokens_details")).get("reasoning_tokens"))
        deltas.append(UsageDelta(read, written, kept or count(self._usage.get("prompt_cache_hit_tokens")), thought))


def _calls_in(delta: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pieces of calls: a list, one alone, or the one call of the protocol's first form."""
    calls = delta.get("tool_calls")
    if not calls:
        return [{"index": "function_call", "function": delta["function_call"]}]
    return [calls] if isinstance(calls, dict) else [call for call in calls if call is not None]


def _signed(call: dict[str, Any]) -> dict[str, str] | None:
    """Return what Gemini must be given back with a call."""
    signature = fields(fields(call.get("extra_content")).get("google")).get("thought_signature")
    return {"thought_signature": text_of(signature)} if signature else None
