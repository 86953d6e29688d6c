"""Reads the events of a Responses stream as neutral deltas.

Pure: bytes in, deltas out; it must not know HTTP. It is on the path of every token. Events of tools that the endpoint
runs itself are never asked for, and are skipped as unknown ones are. Source: OpenAI's API reference, "Streaming
events"; ``response.reasoning.delta`` is the specification's name for readable reasoning, OpenAI's, vLLM's and
llama.cpp's is ``response.reasoning_text.delta``.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from antiphon.errors import ProviderError
from antiphon.ports import (
    CitationDelta,
    Delta,
    MessageDelta,
    Phase,
    ReasoningDelta,
    ReasoningStateDelta,
    RefusalDelta,
    StopDelta,
    StopReason,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.endpoint import FILTERED
from antiphon.providers.openai_errors import refusal_of
from antiphon.providers.openai_responses.request import KIND
from antiphon.providers.sse_reader import SseReader

Place = int | str | None

_DONE: Final = b"[DONE]"
_REASONING: Final = frozenset(
    {"response.reasoning_summary_text.delta", "response.reasoning_text.delta", "response.reasoning.delta"}
)
_PHASES: Final[tuple[Phase, ...]] = ("commentary", "final_answer")
_ENDINGS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class EventReader:
    """Reads one stream. ``done`` is true once its ending came, or it can be read no further.

    Args:
        maker: the model and its endpoint, for the states of what it thinks.
    """

    def __init__(self, maker: str) -> None:
        self.done = False
        self._maker = maker
        self._events = SseReader()
        self._reason: StopReason | None = None
        self._error = ProviderError("model_error")
        self._slots: dict[Place, int] = {}
        self._told: set[Place] = set()
        self._messages = 0
        self._said = 0
        self._begun = 0

    def feed(self, data: bytes) -> list[Delta]:
        """Translate the next bytes; see ``Reader.feed``."""
        deltas: list[Delta] = []
        try:
            for payload in self._events.feed(data):
                if payload == _DONE:
                    self.done = True
                else:
                    self._event(orjson.loads(payload), deltas)
                if self.done:
                    break
        except (ValueError, TypeError, KeyError, AttributeError):
            self.done, self._reason = True, None
        return deltas

    def stop(self) -> StopDelta:
        """Give the last delta; see ``Reader.stop``.

        Raises:
            ProviderError: the stream ended before the model did, failed, or could not be read.
        """
        if self._reason is None:
            raise self._error
        return StopDelta("tool_calls" if self._reason == "stop" and self._slots else self._reason)

    def _event(self, event: dict[str, Any], deltas: list[Delta]) -> None:
        kind = event["type"]
        if kind == "response.output_text.delta":
            text = _text(event["delta"])
            self._said += len(text)
            deltas.append(TextDelta(text, event.get("logprobs") or None))
        elif kind == "response.function_call_arguments.delta":
            self._arguments(_place(event, event.get("item_id")), event["delta"], deltas)
        elif kind in _REASONING:
            deltas.append(ReasoningDelta(_text(event["delta"])))
        elif kind == "response.refusal.delta":
            deltas.append(RefusalDelta(_text(event["delta"])))
        elif kind in _ENDINGS:
            self._end(event["response"], deltas)
        elif kind == "error":
            self._fail(event.get("error") or event)
        else:
            self._mark(kind, event, deltas)

    def _mark(self, kind: str, event: dict[str, Any], deltas: list[Delta]) -> None:
        if kind == "response.output_item.added":
            self._open(_place(event, event["item"].get("id")), event["item"], deltas)
        elif kind == "response.output_item.done":
            self._close(_place(event, event["item"].get("id")), event["item"], deltas)
        elif kind == "response.content_part.added":
            self._begun = self._said
        elif kind == "response.reasoning_summary_part.added" and event["summary_index"] > 0:
            deltas.append(ReasoningDelta("\n\n"))
        elif kind == "response.output_text.annotation.added":
            self._cite(event["annotation"], deltas)

    def _open(self, place: Place, item: dict[str, Any], deltas: list[Delta]) -> None:
        self._said = self._begun = 0
        if item["type"] == "message":
            phase = next((known for known in _PHASES if known == item.get("phase")), None)
            if self._messages or phase:
                deltas.append(MessageDelta(phase))
            self._messages += 1
        elif item["type"] == "function_call":
            self._slots[place] = slot = len(self._slots)
            deltas.append(ToolCallDelta(slot, _text(item["call_id"]), _text(item["name"])))

    def _close(self, place: Place, item: dict[str, Any], deltas: list[Delta]) -> None:
        if item["type"] == "function_call" and place not in self._told:
            self._arguments(place, item["arguments"], deltas)  # they came whole
        elif item["type"] == "reasoning" and item.get("encrypted_content"):
            sealed = {name: _text(item[name]) for name in ("id", "encrypted_content")}
            deltas.append(ReasoningStateDelta({"kind": KIND, "maker": self._maker, **sealed}))

    def _arguments(self, place: Place, arguments: str, deltas: list[Delta]) -> None:
        if arguments:
            self._told.add(place)
            deltas.append(ToolCallDelta(self._slots[place], arguments=_text(arguments)))

    def _cite(self, annotation: dict[str, Any], deltas: list[Delta]) -> None:
        """Tell a citation of a page; other kinds belong to tools that the endpoint runs itself."""
        if annotation["type"] == "url_citation":
            start, end = (
                min(max(self._begun + annotation[name], self._begun), self._said)
                for name in ("start_index", "end_index")
            )
            deltas.append(
                CitationDelta(_text(annotation["url"]), annotation.get("title") or "", start, max(start, end))
            )

    def _end(self, response: dict[str, Any], deltas: list[Delta]) -> None:
        self.done = True
        if response.get("usage"):
            deltas.append(_usage(response["usage"]))
        if response["status"] == "failed":
            self._fail(response.get("error") or {})
        elif response["status"] == "incomplete":
            why = (response.get("incomplete_details") or {}).get("reason")
            self._reason = "content_filter" if why == "content_filter" else "length"
        else:
            self._reason = "stop"

    def _fail(self, error: dict[str, Any]) -> None:
        code, retryable = refusal_of(error) or ("model_error", error.get("code") is None)
        self.done, self._reason = True, "content_filter" if code == FILTERED else None
        if code != FILTERED:
            self._error = ProviderError(code, retryable=retryable)


def _place(event: dict[str, Any], item_id: str | None) -> Place:
    """Tell which item an event is about: by its index, for some servers change ids; llama.cpp gives ids alone."""
    place: Place = event.get("output_index", item_id)
    return place


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("not text")
    return value


def _usage(usage: dict[str, Any]) -> UsageDelta:
    read, written = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return UsageDelta(
        int(usage["input_tokens"]),
        int(usage["output_tokens"]),
        int(read.get("cached_tokens") or 0),
        int(written.get("reasoning_tokens") or 0),
    )
