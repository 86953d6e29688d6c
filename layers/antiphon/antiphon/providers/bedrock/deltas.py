"""Reads the events of a Converse stream as neutral deltas.

Pure: bytes in, deltas out. It is on the path of every token. Events that it does not know are skipped. Source: AWS's
API reference of Bedrock, "ConverseStreamOutput".
"""

from __future__ import annotations

import base64
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
from antiphon.providers.bedrock.eventstream import Garbled, Kind, MessageReader
from antiphon.providers.bedrock.messages import KIND
from antiphon.providers.bedrock.refusals import exception_of, refusal_of

_REASONS: Final[dict[str, StopReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "content_filter",  # Claude's own word, which the reference of Converse does not have
}
_FAILURES: Final = frozenset({"malformed_model_output", "malformed_tool_use"})


class EventReader:
    """Reads one stream. ``done`` is true once it can be read no further; its end has no mark.

    Args:
        maker: the model, for the states of what it thinks.
    """

    def __init__(self, maker: str) -> None:
        self.done = False
        self._maker = maker
        self._messages = MessageReader()
        self._error = ProviderError("model_error")
        self._reason: str | None = None
        self._calls = 0
        self._said = 0
        self._begun = 0
        self._block = ""
        self._signature = ""
        self._redacted = b""
        self._citations: list[dict[str, Any]] = []

    def feed(self, data: bytes) -> list[Delta]:
        """Translate the next bytes; see ``Reader.feed``."""
        deltas: list[Delta] = []
        try:
            for kind, payload in self._messages.feed(data):
                if kind.failed:
                    self._fail(kind, payload)
                    break
                event = orjson.loads(payload) if payload else {}
                if kind.name == "contentBlockDelta":
                    self._delta(event["delta"], deltas)
                else:
                    deltas += self._event(kind.name, event)
        except Garbled:
            self.done, self._error = True, ProviderError("model_error", retryable=True)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.done = True
        return deltas

    def stop(self) -> StopDelta:
        """Give the last delta; see ``Reader.stop``.

        Raises:
            ProviderError: the stream ended before the model did, failed, could not be read, or what the model said is
                garbled.
        """
        if self.done or self._messages.is_within or self._reason is None or self._reason in _FAILURES:
            raise self._error
        return StopDelta(_REASONS.get(self._reason, "stop"))

    def _fail(self, kind: Kind, payload: bytes) -> None:
        code, retryable = refusal_of(exception_of(kind.name, kind.message, payload)) or ("model_error", True)
        self.done, self._error = True, ProviderError(code, retryable=retryable)

    def _event(self, name: str, event: dict[str, Any]) -> list[Delta]:
        if name == "contentBlockStart":
            return self._start(event["start"])
        if name == "contentBlockStop":
            return self._stop()
        if name == "messageStop":
            self._reason = event["stopReason"]
        elif name == "metadata":
            return [_usage(event["usage"])]
        return []

    def _delta(self, delta: dict[str, Any], deltas: list[Delta]) -> None:
        text = delta.get("text")
        if text is not None:
            if not self._block:
                self._begin("text")
            self._said += len(text)
            deltas.append(TextDelta(_text(text)))
        elif "toolUse" in delta and self._block == "tool":
            deltas.append(ToolCallDelta(self._calls - 1, arguments=_text(delta["toolUse"]["input"])))
        elif "reasoningContent" in delta:
            self._reasoning(delta["reasoningContent"], deltas)
        elif "citation" in delta:
            self._citations.append(delta["citation"])

    def _reasoning(self, reasoning: dict[str, Any], deltas: list[Delta]) -> None:
        if not self._block:
            self._begin("reasoning")
        self._signature += reasoning.get("signature") or ""
        self._redacted += base64.b64decode(reasoning.get("redactedContent") or b"")
        if reasoning.get("text"):
            deltas.append(ReasoningDelta(_text(reasoning["text"])))

    def _begin(self, block: str) -> None:
        """Begin a block with its first delta: only calls have a start of their own."""
        self._block = block
        self._said = self._said if block == "text" else 0
        self._begun = self._said

    def _start(self, start: dict[str, Any]) -> list[Delta]:
        if "toolUse" not in start or start["toolUse"].get("type"):  # a tool that the service runs itself
            self._block = "other"
            return []
        self._block, self._said = "tool", 0
        self._calls += 1
        return [ToolCallDelta(self._calls - 1, start["toolUse"]["toolUseId"], start["toolUse"]["name"])]

    def _stop(self) -> list[Delta]:
        deltas: list[Delta] = []
        if self._signature:
            deltas.append(self._state("signature", self._signature))
        if self._redacted:
            deltas.append(self._state("redacted", base64.b64encode(self._redacted).decode()))
        if self._block == "text" and self._said > self._begun:
            deltas += [_citation(cited, self._begun, self._said) for cited in self._citations]
        self._block, self._signature, self._redacted, self._citations = "", "", b"", []
        return deltas

    def _state(self, name: str, sealed: str) -> ReasoningStateDelta:
        return ReasoningStateDelta({"kind": KIND, "maker": self._maker, name: sealed})


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("not text")
    return value


def _usage(usage: dict[str, Any]) -> UsageDelta:
    """Add up what was read: the protocol counts what came from a cache, and what went there, apart."""
    cached = int(usage.get("cacheReadInputTokens") or 0)
    read = int(usage["inputTokens"]) + int(usage.get("cacheWriteInputTokens") or 0) + cached
    return UsageDelta(read, int(usage["outputTokens"]), cached)


def _citation(cited: dict[str, Any], start: int, end: int) -> CitationDelta:
    """Say where a stretch comes from: a web page, a search result, or a place in a document that the caller sent.

    Such a document is named by its title, with a fragment for pages (RFC 8118) or characters (RFC 5147).
    """
    title, location = cited.get("title") or "", cited.get("location") or {}
    if "web" in location:
        return CitationDelta(location["web"]["url"], title, start, end)
    url = title or cited.get("source") or "document"
    if "searchResultLocation" in location:
        url = cited.get("source") or url
    elif "documentPage" in location:
        url += f"#page={location['documentPage']['start']}"
    elif "documentChar" in location:
        url += f"#char={location['documentChar']['start']},{location['documentChar']['end']}"
    return CitationDelta(url, title or url, start, end)
