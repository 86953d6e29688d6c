"""A response's events as the chunks of a completion (OpenAI's API reference, "The chat completion chunk object").

    created -> the role | deltas -> content, refusal, reasoning_content, tool_calls
    completed, incomplete -> finish_reason, then the usage if it was asked for | error -> an error, and nothing after it

Messages that the model sent separately become one text, with an empty line between them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from antiphon.errors import CODES
from antiphon.stream.events import Event, error_event

Chunk = dict[str, Any]

BETWEEN: Final = "\n\n"
"""What stands between two messages, and between two parts of the reasoning."""

MARK: Final = "\x00"
"""A text that nothing else of a chunk can hold."""

_CALLED: Final = {"function_call": ("function", "arguments"), "custom_tool_call": ("custom", "input")}
"""For each item that is a call: the type of the call, and the field that holds its text."""

_CUT: Final = {"max_output_tokens": "length", "deadline": "length", "content_filter": "content_filter"}


class Chunks:
    """Turns events into chunks, one event after the other.

    Args:
        include_usage: the last chunk has the usage, and no choice.
        obfuscate: chunks have the padding of their events.
    """

    def __init__(self, *, include_usage: bool = False, obfuscate: bool = False) -> None:
        self._include_usage = include_usage
        self._obfuscate = obfuscate
        self._head: Chunk = {}
        self._calls = 0
        self._text: tuple[int, int] | None = None
        self._length = 0
        self._begins = 0
        self._summary: tuple[int, int] | None = None
        self._writers: dict[str, Callable[[Event], list[Chunk]]] = {
            "response.created": self._created,
            "response.output_text.delta": self._text_delta,
            "response.output_text.annotation.added": self._annotation,
            "response.refusal.delta": self._refusal_delta,
            "response.reasoning_summary_text.delta": self._reasoning_delta,
            "response.output_item.added": self._item,
            "response.function_call_arguments.delta": self._arguments_delta,
            "response.custom_tool_call_input.delta": self._input_delta,
            "response.completed": self._ended,
            "response.incomplete": self._ended,
            "error": self._failed,
        }

    def __call__(self, event: Event) -> list[Chunk]:
        """Return the chunks of an event; most have one, many have none."""
        write = self._writers.get(event["type"])
        return [] if write is None else write(event)

    def _created(self, event: Event) -> list[Chunk]:
        response = event["response"]
        self._head = {
            "id": completion_id(response["id"]),
            "object": "chat.completion.chunk",
            "created": response["created_at"],
            "model": response["model"],
            "service_tier": response["service_tier"],
            "system_fingerprint": None,
        }
        return [self._chunk({"role": "assistant", "content": ""})]

    def _text_delta(self, event: Event) -> list[Chunk]:
        logprobs = {"content": event["logprobs"], "refusal": None} if event["logprobs"] else None
        return [self._chunk({"content": self.content(event)}, event, logprobs=logprobs)]

    def content(self, event: Event) -> str:
        """Return what a delta of the text adds to the content: its text, after what separates messages."""
        message = event["output_index"]
        part = (message, event["content_index"])
        content: str = event["delta"]
        if part != self._text:
            between = BETWEEN if self._text is not None and self._text[0] != message else ""
            self._begins = self._length + len(between)
            self._text = part
            content = between + content
        self._length += len(content)
        return content

    def around_content(self) -> Chunk | None:
        """Return a chunk whose content is ``MARK``, for a writer that writes only the rest once.

        None if chunks of content differ in more than that.
        """
        return None if self._obfuscate else self._chunk({"content": MARK})

    def _annotation(self, event: Event) -> list[Chunk]:
        given = event["annotation"]
        place = {name: given[name] + self._begins for name in ("start_index", "end_index")}
        citation = {**place, "url": given["url"], "title": given["title"]}
        return [self._chunk({"annotations": [{"type": "url_citation", "url_citation": citation}]})]

    def _refusal_delta(self, event: Event) -> list[Chunk]:
        return [self._chunk({"refusal": event["delta"]}, event)]

    def _reasoning_delta(self, event: Event) -> list[Chunk]:
        part = (event["output_index"], event["summary_index"])
        between = BETWEEN if self._summary not in (None, part) else ""
        self._summary = part
        return [self._chunk({"reasoning_content": between + event["delta"]}, event)]

    def _item(self, event: Event) -> list[Chunk]:
        item = event["item"]
        if item["type"] not in _CALLED:
            return []
        self._calls += 1
        kind, text = _CALLED[item["type"]]
        return [self._call({"id": item["call_id"], "type": kind, kind: {"name": item["name"], text: ""}})]

    def _arguments_delta(self, event: Event) -> list[Chunk]:
        return [self._call({"function": {"arguments": event["delta"]}}, event)]

    def _input_delta(self, event: Event) -> list[Chunk]:
        return [self._call({"custom": {"input": event["delta"]}}, event)]

    def _call(self, fields: dict[str, Any], event: Event | None = None) -> Chunk:
        return self._chunk({"tool_calls": [{"index": self._calls - 1, **fields}]}, event)

    def _ended(self, event: Event) -> list[Chunk]:
        response = event["response"]
        if response["status"] == "cancelled":
            return self._failed(
                error_event({"code": "response_cancelled", "message": CODES["response_cancelled"].message})
            )
        chunks = [self._chunk({}, finish_reason=finish_reason(response))]
        if self._include_usage and response["usage"] is not None:
            chunks.append({**self._head, "choices": [], "usage": usage(response["usage"])})
        return chunks

    def _failed(self, event: Event) -> list[Chunk]:
        return [{"error": event["error"]}]

    def _chunk(
        self,
        delta: dict[str, Any],
        event: Event | None = None,
        *,
        logprobs: dict[str, Any] | None = None,
        finish_reason: str | None = None,
    ) -> Chunk:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        chunk = {**self._head, "choices": [choice]}
        if self._include_usage:
            chunk["usage"] = None
        if self._obfuscate and event is not None and "obfuscation" in event:
            chunk["obfuscation"] = event["obfuscation"]
        return chunk


def completion_id(response_id: str) -> str:
    """Return the id of the completion that a response is."""
    return f"chatcmpl-{response_id.removeprefix('resp_')}"


def finish_reason(response: dict[str, Any]) -> str:
    """Return why a response ended, in the words of Chat Completions."""
    reason = (response["incomplete_details"] or {}).get("reason")
    if reason in _CUT:
        return _CUT[reason]
    if any(item["type"] in _CALLED for item in response["output"]):
        return "tool_calls"
    return "stop" if reason is None else "length"


def usage(of_response: dict[str, Any]) -> dict[str, Any]:
    """Return the usage of a response in the form of Chat Completions. Who answered stays under ``antiphon``."""
    own = {"antiphon": of_response["antiphon"]} if "antiphon" in of_response else {}
    return {
        "prompt_tokens": of_response["input_tokens"],
        "completion_tokens": of_response["output_tokens"],
        "total_tokens": of_response["total_tokens"],
        "prompt_tokens_details": {"cached_tokens": of_response["input_tokens_details"]["cached_tokens"]},
        "completion_tokens_details": {"reasoning_tokens": of_response["output_tokens_details"]["reasoning_tokens"]},
        **own,
    }
