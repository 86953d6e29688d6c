"""Texts whose pieces interleave are kept apart by index or id on every protocol that has these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from antiphon.ports import (
    CitationDelta,
    Delta,
    MessageDelta,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.openai_responses.adapter import OpenAIResponses
from tests.support.calls import model_call, run
from tests.support.protocols import PROTOCOLS, event_frame
from tests.support.upstream import Script, Upstream

BEDROCK = next(protocol for protocol in PROTOCOLS if protocol.name == "bedrock")
Event = dict[str, Any]


def said(deltas: list[Delta]) -> list[str]:
    """Return what was said, without how it was cut: neighbours of a kind are joined."""
    told: list[str] = []
    for delta in deltas:
        match delta:
            case TextDelta(piece) | RefusalDelta(piece) | ReasoningDelta(piece):
                kind = type(delta).__name__.removesuffix("Delta").lower()
                if told and told[-1].startswith(f"{kind}:"):
                    told[-1] += piece
                else:
                    told.append(f"{kind}:{piece}")
            case ToolCallDelta(_, _, name, arguments):
                told.append(f"call:{name or ''}{arguments}")
            case MessageDelta():
                told.append("message")
    return told


def interleaved(*blocks: list[Any]) -> Iterator[Any]:
    """Take an event of each block in turn."""
    left = [list(block) for block in blocks]
    while any(left):
        for block in left:
            if block:
                yield block.pop(0)


def anthropic(events: Iterator[Event], *, usage: bool = True) -> list[Delta]:
    end = [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}]
    with Upstream([Script.stream(*events, *(end if usage else ()), {"type": "message_stop"}, done=False)]) as upstream:
        return run(Anthropic(upstream.base_url), model_call("Hi"))


def block(index: int, kind: str, start: Event, *deltas: Event, stop: bool = True) -> list[Event]:
    def event(step: str, **more: Any) -> Event:
        return {"type": f"content_block_{step}", "index": index, **more}

    return [
        event("start", content_block={"type": kind, **start}),
        *(event("delta", delta=delta) for delta in deltas),
        *([event("stop")] if stop else ()),
    ]


def text_block(index: int, *pieces: str, stop: bool = True) -> list[Event]:
    return block(index, "text", {"text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces), stop=stop)


@pytest.mark.parametrize("stop", [True, False], ids=["with ends", "without ends"])
def test_texts_of_two_blocks_of_a_message_are_not_mixed(*, stop: bool) -> None:
    one, two = text_block(0, "a", "b", "c", stop=stop), text_block(1, "1", "2", "3", stop=stop)
    assert said(anthropic(interleaved(one, two))) == ["text:abc123"]


def test_a_call_within_a_text_comes_after_it_and_a_citation_keeps_its_stretch() -> None:
    cited = {"type": "web_search_result_location", "url": "https://a.example", "title": "A"}
    one = text_block(0, "abc", "def")
    one.insert(2, {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": cited}})
    call = block(1, "tool_use", {"id": "t", "name": "f"}, {"type": "input_json_delta", "partial_json": "{}"})
    deltas = anthropic(interleaved(one, call, text_block(2, "xyz")))
    assert said(deltas) == ["text:abcdef", "call:f", "call:{}", "text:xyz"]
    assert [delta for delta in deltas if isinstance(delta, CitationDelta)] == [
        CitationDelta("https://a.example", "A", 0, 6)
    ]


def test_thinking_and_text_that_interleave_are_not_mixed() -> None:
    thinking = block(0, "thinking", {}, *({"type": "thinking_delta", "thinking": piece} for piece in "abc"))
    assert said(anthropic(interleaved(thinking, text_block(1, "1", "2")))) == ["reasoning:abc", "text:12"]


def test_blocks_without_an_index_follow_each_other_at_once() -> None:
    events = [*text_block(0, "a", stop=False), *text_block(1, "b", "c", stop=False)]
    for event in events:
        del event["index"]
    deltas = anthropic(iter(events))
    assert said(deltas) == ["text:abc"]
    assert [delta.text for delta in deltas if isinstance(delta, TextDelta)] == ["a", "b", "c"]


@pytest.mark.parametrize("stop", [True, False], ids=["with ends", "without ends"])
def test_texts_of_two_blocks_of_converse_are_not_mixed(*, stop: bool) -> None:
    def pieces(index: int, texts: str) -> list[bytes]:
        frames = [
            event_frame("contentBlockDelta", {"contentBlockIndex": index, "delta": {"text": text}}) for text in texts
        ]
        return [*frames, event_frame("contentBlockStop", {"contentBlockIndex": index})] if stop else frames

    call = [
        event_frame(
            "contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}
        ),
        event_frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": "{}"}}}),
        event_frame("contentBlockStop", {"contentBlockIndex": 1}),
    ]
    frames = [
        *interleaved(pieces(0, "abc"), call, pieces(2, "123")),
        event_frame("messageStop", {"stopReason": "end_turn"}),
    ]
    with Upstream([Script(frames, headers=BEDROCK.headers)]) as upstream:
        deltas = run(BEDROCK.provider(upstream.base_url), model_call("Hi"))
    assert said([delta for delta in deltas if isinstance(delta, TextDelta)]) == ["text:abc123"]
    assert said([delta for delta in deltas if isinstance(delta, ToolCallDelta)]) == ["call:f", "call:{}"]


def responses(*events: Event) -> list[Delta]:
    end = {"type": "response.completed", "response": {"status": "completed"}}
    with Upstream([Script.stream(*events, end, done=False)]) as upstream:
        return run(OpenAIResponses(upstream.base_url), model_call("Hi"))


def parts(place: Event, *texts: str, done: bool = True) -> list[list[Event]]:
    """Write the events of a message's parts, each a list."""

    def event(kind: str, index: int, **more: Any) -> Event:
        return {"type": f"response.{kind}", **place, "content_index": index, **more}

    return [
        [
            event("content_part.added", index, part={"type": "output_text", "text": ""}),
            *(event("output_text.delta", index, delta=piece) for piece in text),
            *([event("output_text.done", index, text=text)] if done else ()),
            *([event("content_part.done", index, part={"type": "output_text", "text": text})] if done else ()),
        ]
        for index, text in enumerate(texts)
    ]


def message(index: int, place: Event, *texts: str, done: bool = True) -> list[Event]:
    item = {"type": "message", "id": f"i{index}"}
    content = [{"type": "output_text", "text": text} for text in texts]
    at = {name: value for name, value in place.items() if name == "output_index"}
    return [
        {"type": "response.output_item.added", **at, "item": item},
        *interleaved(*parts(place, *texts, done=done)),
        *([{"type": "response.output_item.done", **at, "item": {**item, "content": content}}] if done else ()),
    ]


@pytest.mark.parametrize("by", ["output_index", "item_id"])
@pytest.mark.parametrize("done", [True, False], ids=["with ends", "without ends"])
def test_messages_whose_pieces_interleave_are_messages_of_their_own(by: str, *, done: bool) -> None:
    one, two = (
        message(n, {"output_index": n} if by == "output_index" else {"item_id": f"i{n}"}, text, done=done)
        for n, text in enumerate(("abc", "123"))
    )
    assert said(responses(*interleaved(one, two))) == ["text:abc", "message", "text:123"]


@pytest.mark.parametrize("done", [True, False], ids=["with ends", "without ends"])
def test_parts_of_a_message_that_interleave_are_not_mixed(*, done: bool) -> None:
    assert said(responses(*message(0, {"output_index": 0}, "abc", "123", "xyz", done=done))) == ["text:abc123xyz"]


def test_messages_that_were_never_announced_are_messages_of_their_own() -> None:
    one, two = (
        [{"type": "response.output_text.delta", "output_index": n, "delta": piece} for piece in text]
        for n, text in enumerate(("abc", "123"))
    )
    assert said(responses(*interleaved(one, two))) == ["text:abc", "message", "text:123"]


def test_a_call_within_a_message_comes_after_it() -> None:
    call = [
        {
            "type": "response.output_item.added",
            "output_index": 1,
            "item": {"type": "function_call", "call_id": "c", "name": "f"},
        },
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"},
        {"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "arguments": "{}"}},
    ]
    deltas = responses(*interleaved(message(0, {"output_index": 0}, "abcdef"), call))
    assert said(deltas) == ["text:abcdef", "call:f", "call:{}"]
