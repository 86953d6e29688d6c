"""The protocols of the providers, each as a server would speak it: neutral deltas become the frames of its stream.

A test says what a model says, in ``antiphon.ports`` deltas, and each protocol writes that byte for byte, so that one
suite runs against every provider. ``says`` names what a protocol has words for, ``state`` what it gives with reasoning,
``secret`` the part of it that no client may see, ``impossible`` something that its models cannot be asked, and
``filtered`` the error of a prompt that its safety system refuses before a stream.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from antiphon.ports import (
    CitationDelta,
    Delta,
    MessageDelta,
    ModelProvider,
    ReasoningDelta,
    ReasoningStateDelta,
    RefusalDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.bedrock.adapter import Bedrock
from antiphon.providers.openai_chat.adapter import OpenAIChat
from antiphon.providers.openai_responses.adapter import OpenAIResponses
from tests.support import upstream as chat
from tests.support.upstream import CUT, DONE, Script

COMMON = (TextDelta, ReasoningDelta, ToolCallDelta, UsageDelta, StopDelta)


class Protocol:
    """One protocol: how to reach it, and how it says things."""

    name: str
    kind: str
    model: str = "m"
    headers: ClassVar[dict[str, str]] = {"content-type": "text/event-stream"}
    state: ClassVar[dict[str, str] | None] = None
    secret = ""
    impossible: ClassVar[dict[str, Any]] = {}
    says: tuple[type, ...] = COMMON
    filtered: ClassVar[dict[str, Any]] = {}

    def provider(self, base_url: str, **more: Any) -> ModelProvider:
        raise NotImplementedError

    def frames(self, deltas: Sequence[Delta]) -> list[bytes]:
        """Write what a model says, whole: from the first frame to the end mark."""
        raise NotImplementedError

    def script(self, deltas: Sequence[Delta], *, single_bytes: bool = False) -> Script:
        frames = self.frames(deltas)
        steps = [bytes([byte]) for byte in b"".join(frames)] if single_bytes else frames
        return Script(steps, headers=self.headers)

    def cut(self, deltas: Sequence[Delta], count: int) -> Script:
        """Send the first ``count`` bytes, then cut the connection."""
        return Script([b"".join(self.frames(deltas))[:count], CUT], headers=self.headers)

    def failing(self, deltas: Sequence[Delta]) -> Script:
        """Send deltas, then a failure: too many requests."""
        raise NotImplementedError

    def spoiled(self, words: str) -> bytes:
        """Write a frame that cannot be read."""
        return f"data: {{{words}\n\n".encode()

    def told(self, body: dict[str, Any]) -> dict[str, Any]:
        """Read a request's body."""
        return body


def sse(event: dict[str, Any]) -> bytes:
    """Write an event with its name, as Anthropic and OpenAI's Responses do."""
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


class Chat(Protocol):
    name = kind = "openai_chat"
    filtered: ClassVar = {"code": "content_filter", "message": "the provider's words"}
    says = (*COMMON, RefusalDelta)

    def provider(self, base_url: str, **more: Any) -> ModelProvider:
        return OpenAIChat(base_url, "canary-secret", **more)

    def frames(self, deltas: Sequence[Delta]) -> list[bytes]:
        return [*map(chat.frame, map(self._chunk, deltas)), DONE]

    def failing(self, deltas: Sequence[Delta]) -> Script:
        error = b'data: {"error":{"message":"the provider\'s words","code":429}}\n\n'
        return Script([*self.frames(deltas)[:-1], error], headers=self.headers)

    def _chunk(self, delta: Delta) -> dict[str, Any]:
        match delta:
            case TextDelta(text):
                return chat.text(text)
            case ReasoningDelta(text):
                return chat.chunk({"reasoning_content": text})
            case RefusalDelta(text):
                return chat.chunk({"refusal": text})
            case ToolCallDelta(slot, call_id, name, arguments):
                return chat.tool_call(slot, call_id, name, arguments)
            case UsageDelta():
                return chat.usage(*delta)
            case StopDelta(reason):
                return chat.finish(reason)
        raise AssertionError(delta)


@dataclass
class _Block:
    """The open content block of a protocol that has such."""

    kind: str = ""
    index: int = -1


class Messages(Protocol):
    name = kind = "anthropic"
    model = "claude-opus-4-8"
    secret = "EqQBCgIYAhIM"
    state: ClassVar = {"kind": "anthropic", "maker": f"{model}@127.0.0.1", "signature": secret}
    impossible: ClassVar = {"presence_penalty": 1.0}
    filtered: ClassVar = {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}
    says = (*COMMON, ReasoningStateDelta, CitationDelta)
    reasons: ClassVar = {
        "stop": "end_turn",
        "tool_calls": "tool_use",
        "length": "max_tokens",
        "content_filter": "refusal",
    }

    def provider(self, base_url: str, **more: Any) -> ModelProvider:
        return Anthropic(base_url, "canary-secret", **more)

    def frames(self, deltas: Sequence[Delta]) -> list[bytes]:
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": usage}
        start: dict[str, Any] = {"type": "message_start", "message": message}
        return [sse(event) for event in (start, {"type": "ping"}, *self._events(deltas), {"type": "message_stop"})]

    def failing(self, deltas: Sequence[Delta]) -> Script:
        error = {"type": "error", "error": {"type": "rate_limit_error", "message": "the provider's words"}}
        return Script([*self.frames(deltas)[:-1], sse(error)], headers=self.headers)

    def _events(self, deltas: Sequence[Delta]) -> Iterator[dict[str, Any]]:
        block = _Block()
        usage: dict[str, Any] = {"output_tokens": 0}
        for delta in deltas:
            match delta:
                case UsageDelta(read, written, cached, thought):
                    details = {"thinking_tokens": thought}
                    usage = {"input_tokens": read - cached, "cache_read_input_tokens": cached}
                    usage |= {"output_tokens": written, "output_tokens_details": details}
                case StopDelta(reason):
                    yield from self._close(block)
                    stopped = {"stop_reason": self.reasons[reason], "stop_sequence": None}
                    yield {"type": "message_delta", "delta": stopped, "usage": usage}
                case _:
                    yield from self._said(delta, block)

    def _said(self, delta: Delta, block: _Block) -> Iterator[dict[str, Any]]:
        match delta:
            case TextDelta(text):
                yield from self._open(block, "text", {"type": "text", "text": ""})
                yield self._delta(block, {"type": "text_delta", "text": text})
            case ReasoningDelta(text):
                yield from self._open(block, "thinking", {"type": "thinking", "thinking": "", "signature": ""})
                yield self._delta(block, {"type": "thinking_delta", "thinking": text})
            case ReasoningStateDelta({"redacted": data}):
                yield from self._open(block, "", {"type": "redacted_thinking", "data": data})
                yield from self._close(block)
            case ReasoningStateDelta(state):
                yield from self._open(block, "thinking", {"type": "thinking", "thinking": "", "signature": ""})
                yield self._delta(block, {"type": "signature_delta", "signature": state["signature"]})
                yield from self._close(block)
            case CitationDelta():
                yield self._delta(block, {"type": "citations_delta", "citation": self._citation(delta)})
            case ToolCallDelta(slot, call_id, name, arguments):
                start: dict[str, Any] = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
                yield from self._open(block, f"tool {slot}", start)
                if arguments:
                    yield self._delta(block, {"type": "input_json_delta", "partial_json": arguments})

    def _citation(self, delta: CitationDelta) -> dict[str, Any]:
        return {"type": "web_search_result_location", "url": delta.url, "title": delta.title, "cited_text": "x"}

    def _open(self, block: _Block, kind: str, start: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if block.kind == kind and kind:
            return
        yield from self._close(block)
        block.kind, block.index = kind or start["type"], block.index + 1
        yield {"type": "content_block_start", "index": block.index, "content_block": start}

    def _close(self, block: _Block) -> Iterator[dict[str, Any]]:
        if block.kind:
            yield {"type": "content_block_stop", "index": block.index}
        block.kind = ""

    def _delta(self, block: _Block, delta: dict[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": block.index, "delta": delta}


class Responses(Protocol):
    name = kind = "openai_responses"
    filtered: ClassVar = {"code": "content_filter", "message": "the provider's words"}
    secret = "gAAAAABo"
    state: ClassVar = {"kind": "openai_responses", "maker": "m@127.0.0.1", "id": "rs_1", "encrypted_content": secret}
    says = (*COMMON, MessageDelta, RefusalDelta, ReasoningStateDelta, CitationDelta)
    bodies: ClassVar[dict[str, dict[str, Any]]] = {
        "message": {"role": "assistant", "content": [], "status": "in_progress"},
        "reasoning": {"summary": []},
        "function_call": {"arguments": "", "status": "in_progress"},
    }

    def provider(self, base_url: str, **more: Any) -> ModelProvider:
        return OpenAIResponses(base_url, "canary-secret", **more)

    def frames(self, deltas: Sequence[Delta]) -> list[bytes]:
        created = {"id": "resp_1", "status": "in_progress", "output": []}
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": created},
            {"type": "response.in_progress", "response": created},
            *self._events(deltas),
        ]
        return [sse({**event, "sequence_number": number}) for number, event in enumerate(events)]

    def failing(self, deltas: Sequence[Delta]) -> Script:
        error = {"type": "error", "code": "rate_limit_exceeded", "message": "the provider's words", "param": None}
        return Script([*self.frames(deltas), sse(error)], headers=self.headers)

    def _events(self, deltas: Sequence[Delta]) -> Iterator[dict[str, Any]]:
        block = _Block()
        usage: dict[str, Any] | None = None
        for delta in deltas:
            match delta:
                case UsageDelta(read, written, cached, thought):
                    usage = {"input_tokens": read, "input_tokens_details": {"cached_tokens": cached}}
                    usage |= {"output_tokens": written, "output_tokens_details": {"reasoning_tokens": thought}}
                case StopDelta(reason):
                    yield from self._close(block, {})
                    yield self._ending(reason, usage)
                case _:
                    yield from self._said(delta, block)

    def _ending(self, reason: str, usage: dict[str, Any] | None) -> dict[str, Any]:
        details = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(reason)
        status = "incomplete" if details else "completed"
        incomplete = {"reason": details} if details else None
        response = {"id": "resp_1", "status": status, "incomplete_details": incomplete, "usage": usage}
        return {"type": f"response.{status}", "response": response}

    def _said(self, delta: Delta, block: _Block) -> Iterator[dict[str, Any]]:
        match delta:
            case MessageDelta(phase):
                yield from self._close(block, {})
                yield from self._open(block, "message", **({"phase": phase} if phase else {}))
            case TextDelta(text):
                yield from self._open(block, "message")
                yield self._at(block, "output_text.delta", delta=text, content_index=0, logprobs=[])
            case RefusalDelta(text):
                yield from self._open(block, "message")
                yield self._at(block, "refusal.delta", delta=text, content_index=0)
            case CitationDelta(url, title, start, end):
                cited = {"type": "url_citation", "url": url, "title": title, "start_index": start, "end_index": end}
                yield self._at(block, "output_text.annotation.added", content_index=0, annotation=cited)
            case ReasoningDelta(text):
                yield from self._open(block, "reasoning")
                yield self._at(block, "reasoning_summary_text.delta", delta=text, summary_index=0)
            case ReasoningStateDelta(state):
                yield from self._open(block, "reasoning")
                yield from self._close(block, state)
            case ToolCallDelta(slot, call_id, name, arguments):
                yield from self._open(block, f"function_call {slot}", call_id=call_id, name=name)
                if arguments:
                    yield self._at(block, "function_call_arguments.delta", delta=arguments)

    def _at(self, block: _Block, kind: str, **more: Any) -> dict[str, Any]:
        return {"type": f"response.{kind}", "item_id": f"item_{block.index}", "output_index": block.index, **more}

    def _open(self, block: _Block, kind: str, **more: Any) -> Iterator[dict[str, Any]]:
        if block.kind == kind:
            return
        yield from self._close(block, {})
        block.kind, block.index = kind, block.index + 1
        what = kind.partition(" ")[0]
        item = {"type": what, "id": f"item_{block.index}", **self.bodies[what], **more}
        yield {"type": "response.output_item.added", "output_index": block.index, "item": item}
        if what == "message":
            yield self._at(block, "content_part.added", content_index=0, part={"type": "output_text", "text": ""})
        if what == "reasoning":
            yield self._at(block, "reasoning_summary_part.added", summary_index=0, part={"type": "summary_text"})

    def _close(self, block: _Block, more: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Close the item; whole texts and arguments come again, as the protocol has it."""
        if not block.kind:
            return
        what = block.kind.partition(" ")[0]
        if what == "function_call":
            yield self._at(block, "function_call_arguments.done", arguments="(again)")
        elif what == "message":
            yield self._at(block, "output_text.done", content_index=0, text="(again)")
        item = {"id": f"item_{block.index}", **self.bodies[what], **more, "type": what, "arguments": "(again)"}
        yield {"type": "response.output_item.done", "output_index": block.index, "item": item}
        block.kind = ""


class Converse(Protocol):
    name = kind = "bedrock"
    model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    headers: ClassVar = {"content-type": "application/vnd.amazon.eventstream"}
    secret = "EqQBCgIYAhIM"
    state: ClassVar = {"kind": "bedrock", "maker": model, "signature": secret}
    impossible: ClassVar = {"presence_penalty": 1.0}
    says = (*COMMON, ReasoningStateDelta, CitationDelta)
    reasons: ClassVar = {
        "stop": "end_turn",
        "tool_calls": "tool_use",
        "length": "max_tokens",
        "content_filter": "guardrail_intervened",
    }

    def provider(self, base_url: str, **more: Any) -> ModelProvider:
        return Bedrock(endpoint_url=base_url, region="eu-central-1", **more)

    def frames(self, deltas: Sequence[Delta]) -> list[bytes]:
        return [event_frame("messageStart", {"role": "assistant"}), *self._events(deltas)]

    def failing(self, deltas: Sequence[Delta]) -> Script:
        error = exception_frame("throttlingException", {"message": "the provider's words"})
        return Script([*self.frames(deltas), error], headers=self.headers)

    def spoiled(self, words: str) -> bytes:
        frame = bytearray(event_frame("contentBlockDelta", {"delta": {"text": words}, "contentBlockIndex": 0}))
        frame[-6] ^= 1  # the checksum is wrong
        return bytes(frame)

    def _events(self, deltas: Sequence[Delta]) -> Iterator[bytes]:
        block = _Block()
        usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
        for delta in deltas:
            match delta:
                case UsageDelta(read, written, cached, _):
                    usage = {"inputTokens": read - cached, "outputTokens": written, "totalTokens": read + written}
                    usage["cacheReadInputTokens"] = cached
                case StopDelta(reason):
                    yield from self._close(block)
                    yield event_frame("messageStop", {"stopReason": self.reasons[reason]})
                    yield event_frame("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})
                case _:
                    yield from self._said(delta, block)

    def _said(self, delta: Delta, block: _Block) -> Iterator[bytes]:
        match delta:
            case TextDelta(text):
                yield from self._open(block, "text")
                yield self._delta(block, {"text": text})
            case ReasoningDelta(text):
                yield from self._open(block, "reasoning")
                yield self._delta(block, {"reasoningContent": {"text": text}})
            case ReasoningStateDelta(state):
                yield from self._open(block, "reasoning")
                yield self._delta(block, {"reasoningContent": {"signature": state["signature"]}})
                yield from self._close(block)
            case CitationDelta(url, title):
                yield self._delta(block, {"citation": {"title": title, "location": {"web": {"url": url}}}})
            case ToolCallDelta(slot, call_id, name, arguments):
                if block.kind != f"tool {slot}":
                    yield from self._open(block, f"tool {slot}")
                    start = {"toolUse": {"toolUseId": call_id, "name": name}}
                    yield event_frame("contentBlockStart", {"start": start, "contentBlockIndex": block.index})
                if arguments:
                    yield self._delta(block, {"toolUse": {"input": arguments}})

    def _open(self, block: _Block, kind: str) -> Iterator[bytes]:
        if block.kind != kind:
            yield from self._close(block)
            block.kind, block.index = kind, block.index + 1

    def _close(self, block: _Block) -> Iterator[bytes]:
        if block.kind:
            yield event_frame("contentBlockStop", {"contentBlockIndex": block.index})
        block.kind = ""

    def _delta(self, block: _Block, delta: dict[str, Any]) -> bytes:
        return event_frame("contentBlockDelta", {"delta": delta, "contentBlockIndex": block.index})


def event_frame(kind: str, payload: dict[str, Any]) -> bytes:
    """Write an event of an AWS event stream."""
    return _frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception_frame(kind: str, payload: dict[str, Any]) -> bytes:
    """Write an exception of an AWS event stream."""
    return _frame({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, payload)


def _frame(headers: dict[str, str], payload: dict[str, Any]) -> bytes:
    """Frame a message: lengths, their checksum, headers, payload, a checksum of all (AWS, "Event stream encoding")."""
    named = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    body = json.dumps(payload, ensure_ascii=False).encode()
    lengths = struct.pack(">II", 16 + len(named) + len(body), len(named))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + named + body
    return message + struct.pack(">I", zlib.crc32(message))


PROTOCOLS: tuple[Protocol, ...] = (Chat(), Messages(), Responses(), Converse())
