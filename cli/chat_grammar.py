"""The grammar of a Chat Completions stream (OpenAI's API reference, "The chat completion chunk object").

    stream := opening delta* finish usage? "[DONE]"  |  opening? delta* error "[DONE]"
    opening := a chunk whose delta has the role
    finish := a chunk with a finish_reason
    usage := a chunk without choices, if `include_usage` was asked for

It shares no code with what makes chunks, so neither can hide the other's mistakes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from antiphon.stream.grammar import Frame

CHAT_RULES: Final = {
    "frame": "A frame is `data: JSON` and an empty line, or a comment and an empty line.",
    "shape": "A chunk has an id, its object, a time, a model and choices; a choice has an index and a delta.",
    "same": "All chunks have the same id, time and model.",
    "choice": "There is one choice, with the index 0.",
    "role": "The first delta has the role `assistant`, and no other delta has another role.",
    "text": "Content, refusal and reasoning are text, or null.",
    "call-index": "Calls are counted from 0, in the order in which they begin.",
    "call-begin": "The first piece of a call has its id and its name, and no later piece has others.",
    "arguments": "The pieces of a call's arguments, joined, are a JSON object, unless the answer was cut.",
    "finish": "Exactly one choice has a finish_reason, which is a known one, and no delta follows it.",
    "finish-calls": "The finish_reason is `tool_calls` if there are calls, and only then.",
    "usage": "The usage comes once and last, without choices, if it was asked for; and it adds up.",
    "error": "An error has a message, and nothing but `[DONE]` follows it.",
    "done": "A stream ends with exactly one `data: [DONE]`, and nothing follows it.",
}
"""Every rule by its id, in one sentence."""

REASONS: Final = frozenset({"stop", "length", "tool_calls", "content_filter"})
_DONE: Final = b"data: [DONE]"
_TEXTS: Final = ("content", "refusal", "reasoning_content")
_CALLED: Final = {"function": "arguments", "custom": "input"}
"""For each type of call the field that holds its text."""


@dataclass(frozen=True, slots=True)
class ChatViolation:
    """A broken rule, and the number of the chunk that broke it. It holds no text of the stream."""

    rule: str
    chunk: int

    def __str__(self) -> str:
        return f"{self.rule}, chunk {self.chunk}: {CHAT_RULES[self.rule]}"


@dataclass(slots=True)
class ChatStream:
    """What a stream amounts to.

    Attributes:
        asked: the usage was asked for.
        forced: the request named a function, which ends some servers' answers with `stop`.
        violations: the broken rules, in order.
    """

    asked: bool = False
    forced: bool = False
    violations: list[ChatViolation] = field(default_factory=list)
    content: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    reason: str | None = None
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    _head: tuple[Any, ...] | None = None
    _opened: bool = False
    _number: int = -1

    def take(self, chunk: dict[str, Any]) -> None:
        """Check the next chunk."""
        self._number += 1
        self._require(self.error is None, "error")
        self._require(self.usage is None, "usage")
        if "error" in chunk:
            self.error = chunk["error"] if isinstance(chunk["error"], dict) else {}
            self._require(isinstance(self.error.get("message"), str), "error")
            return
        try:
            self._take_chunk(chunk)
        except (KeyError, TypeError, AttributeError, IndexError):
            self._require(False, "shape")

    def finish(self) -> None:
        """Check that the stream is whole."""
        if self.error is not None:
            return
        self._require(self.reason is not None, "finish")
        self._require(self._opened, "role")
        if self.reason in {"stop", "tool_calls"}:
            self._require(
                all(_is_object(call["text"]) for call in self.calls if call["type"] == "function"), "arguments"
            )
            reasons = {"tool_calls", "stop"} if self.forced and self.calls else {"tool_calls" if self.calls else "stop"}
            self._require(self.reason in reasons, "finish-calls")
        self._require(not self.asked or self.usage is not None, "usage")

    def violate(self, rule: str) -> None:
        """Note that a rule was broken after the last chunk."""
        self.violations.append(ChatViolation(rule, self._number))

    def _require(self, held: bool, rule: str) -> bool:
        if not held:
            self.violate(rule)
        return held

    def _take_chunk(self, chunk: dict[str, Any]) -> None:
        head = (chunk["id"], chunk["created"], chunk["model"])
        typed = isinstance(head[0], str) and isinstance(head[1], int) and isinstance(head[2], str)
        self._require(typed and chunk["object"] == "chat.completion.chunk", "shape")
        self._require(self._head in (None, head), "same")
        self._head = head
        self._take_usage(chunk)
        for choice in chunk["choices"]:
            self._take_choice(choice)

    def _take_usage(self, chunk: dict[str, Any]) -> None:
        if chunk.get("usage") is None:
            self._require(chunk["choices"] != [], "choice")
            return
        self.usage = used = chunk["usage"]
        self._require(self.asked and not chunk["choices"], "usage")
        self._require(used["total_tokens"] == used["prompt_tokens"] + used["completion_tokens"], "usage")

    def _take_choice(self, choice: dict[str, Any]) -> None:
        self._require(choice["index"] == 0, "choice")
        self._require(self.reason is None, "finish")
        delta = choice["delta"]
        roles = {None, "assistant"} if self._opened else {"assistant"}
        self._require(delta.get("role") in roles, "role")
        self._opened = True
        if self._require(all(isinstance(delta.get(name), str | None) for name in _TEXTS), "text"):
            self.content += delta.get("content") or ""
        for piece in delta.get("tool_calls") or ():
            self._take_piece(piece)
        if choice["finish_reason"] is not None:
            self.reason = choice["finish_reason"]
            self._require(self.reason in REASONS, "finish")

    def _take_piece(self, piece: dict[str, Any]) -> None:
        index, kind = piece["index"], "custom" if "custom" in piece else "function"
        called = piece[kind]
        if index == len(self.calls):
            self._require(bool(piece.get("id")) and bool(called.get("name")), "call-begin")
            self.calls.append({"id": piece.get("id") or "", "type": kind, "name": called.get("name") or "", "text": ""})
        elif not self._require(isinstance(index, int) and 0 <= index < len(self.calls), "call-index"):
            return
        call = self.calls[index]
        same = (piece.get("id"), called.get("name")), (call["id"], call["name"])
        self._require(
            kind == call["type"] and all(new in {None, "", old} for new, old in zip(*same, strict=True)), "call-begin"
        )
        call["text"] += called.get(_CALLED[kind]) or ""


def check_chat(frames: Iterable[Frame], *, asked: bool = False, forced: bool = False) -> ChatStream:
    """Check a stream and return what it amounts to.

    Args:
        frames: the whole stream.
        asked: the request has ``include_usage``.
        forced: the request names a function.
    """
    stream = ChatStream(asked=asked, forced=forced)
    done = 0
    for frame in frames:
        if done or frame.text == _DONE:
            done += 1
        elif not frame.is_comment:
            chunk = _read(frame)
            if chunk is None:
                stream.violate("frame")
            else:
                stream.take(chunk)
    stream.finish()
    if done != 1:
        stream.violate("done")
    return stream


def _read(frame: Frame) -> dict[str, Any] | None:
    if not frame.whole or not frame.text.startswith(b"data: ") or b"\n" in frame.text:
        return None
    try:
        value = json.loads(frame.text[6:])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
