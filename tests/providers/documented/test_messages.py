"""Every field of the Messages protocol in Anthropic's library is read, skipped on purpose, or an error."""

from __future__ import annotations

from typing import Any

import anthropic.types as messages
from anthropic.types.shared import ErrorType

from antiphon.ports import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    ReasoningStateDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.anthropic.deltas import MessagesReader
from tests.support.documented import REFUSED, failure, names, pieces
from tests.support.protocols import sse

# Anthropic's Messages


def start(block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": block}


def delta(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, **fields}}


STOP = {"type": "content_block_stop", "index": 0}


TEXT = {"type": "text", "text": ""}


TOOL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}


THINKING = {"type": "thinking", "thinking": "", "signature": ""}


WEB = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "x"}


SIGNED = {"kind": "anthropic", "maker": "me", "signature": "s"}


SEALED = {"kind": "anthropic", "maker": "me", "redacted": "d"}


DOCUMENT = {"document_index": 0, "document_title": "r", "cited_text": "x", "file_id": None}


def end(reason: str | None = "end_turn", **counts: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 1, **counts}}


def message(*events: dict[str, Any], reason: str = "end_turn") -> list[Delta]:
    ending = (end(reason), {"type": "message_stop"})
    return pieces(lambda: MessagesReader("me"), b"".join(map(sse, (*events, *ending))))


MESSAGES_EVENTS = {
    "message_start",
    "message_delta",
    "message_stop",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
}


MESSAGES_DELTAS: dict[str, tuple[list[dict[str, Any]], list[Delta]]] = {
    "text_delta": ([start(TEXT), delta("text_delta", text="Hi"), STOP], [TextDelta("Hi")]),
    "input_json_delta": (
        [start(TOOL), delta("input_json_delta", partial_json="{}"), STOP],
        [ToolCallDelta(0, "t", "f"), ToolCallDelta(0, arguments="{}")],
    ),
    "thinking_delta": ([start(THINKING), delta("thinking_delta", thinking="Hm"), STOP], [ReasoningDelta("Hm")]),
    "signature_delta": (
        [start(THINKING), delta("signature_delta", signature="s"), STOP],
        [ReasoningStateDelta(SIGNED)],
    ),
    "citations_delta": (
        [start(TEXT), delta("text_delta", text="word"), delta("citations_delta", citation=WEB), STOP],
        [TextDelta("word"), CitationDelta("https://a.example", "A", 0, 4)],
    ),
}


MESSAGES_BLOCKS: dict[str, tuple[dict[str, Any], list[Delta]]] = {
    "text": ({"type": "text", "text": "Hi"}, [TextDelta("Hi")]),
    "thinking": (
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        [ReasoningDelta("Hm"), ReasoningStateDelta(SIGNED)],
    ),
    "redacted_thinking": ({"type": "redacted_thinking", "data": "d"}, [ReasoningStateDelta(SEALED)]),
    "tool_use": (TOOL, [ToolCallDelta(0, "t", "f")]),
}


BLOCKS_SKIPPED = {
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "container_upload",
}


MESSAGES_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


MESSAGES_CITATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "char_location": ({**DOCUMENT, "start_char_index": 4, "end_char_index": 9}, "r#char=4,9"),
    "page_location": ({**DOCUMENT, "start_page_number": 2, "end_page_number": 3}, "r#page=2"),
    "content_block_location": ({**DOCUMENT, "start_block_index": 0, "end_block_index": 1}, "r"),
    "web_search_result_location": ({**WEB, "encrypted_index": "e"}, "https://a.example"),
    "search_result_location": ({"source": "https://b.example", "title": "B"}, "https://b.example"),
}


MESSAGES_ERRORS: dict[str, tuple[str, bool]] = {
    "invalid_request_error": REFUSED,
    "authentication_error": ("provider_auth", False),
    "billing_error": ("provider_auth", False),
    "permission_error": ("provider_auth", False),
    "not_found_error": ("provider_model_not_found", False),
    "rate_limit_error": ("provider_rate_limited", True),
    "timeout_error": ("provider_timeout", True),
    "api_error": ("model_error", True),
    "overloaded_error": ("model_error", True),
    "conflict_error": ("model_error", True),
}


ERRORS_OF_OTHERS = {"memory_precondition_failed_error", "memory_path_conflict_error"}
"""They belong to stores of memory, which no message uses."""


def test_every_event_of_messages_is_decided():
    assert names(messages.RawMessageStreamEvent) == MESSAGES_EVENTS  # beside ``ping`` and ``error``, which have no type
    assert message({"type": "message_start", "message": {"usage": {}}}, {"type": "ping"}) == message()


def test_every_delta_of_messages_is_decided():
    assert names(messages.RawContentBlockDelta) == set(MESSAGES_DELTAS)
    for events, told in MESSAGES_DELTAS.values():
        assert message(*events)[:-2] == told


def test_every_block_of_messages_is_decided():
    assert names(messages.ContentBlock) == {*MESSAGES_BLOCKS, *BLOCKS_SKIPPED}
    for block, told in MESSAGES_BLOCKS.values():
        assert message(start(block), STOP)[:-2] == told
    for kind in BLOCKS_SKIPPED:
        block = {"type": kind, "id": "s", "name": "web_search", "input": {}, "content": []}
        assert message(start(block), delta("input_json_delta", partial_json="{}"), STOP) == message(), kind


def test_every_reason_of_messages_is_decided():
    assert names(messages.StopReason) == set(MESSAGES_REASONS)
    for reason, told in MESSAGES_REASONS.items():
        assert message(reason=reason)[-1] == StopDelta(told)


def test_every_citation_of_messages_is_decided():
    assert names(messages.TextCitation) == set(MESSAGES_CITATIONS)
    for kind, (place, url) in MESSAGES_CITATIONS.items():
        cited = delta("citations_delta", citation={"type": kind, **place})
        told = message(start(TEXT), delta("text_delta", text="word"), cited, STOP)[1]
        assert isinstance(told, CitationDelta)
        assert (told.url, told.start, told.end) == (url, 0, 4)


def test_every_error_of_messages_is_decided():
    assert names(ErrorType) == {*MESSAGES_ERRORS, *ERRORS_OF_OTHERS}
    for kind, told in MESSAGES_ERRORS.items():
        error = {"type": "error", "error": {"type": kind, "message": "canary"}, "request_id": "canary"}
        assert failure(lambda: MessagesReader("me"), sse(error)) == told, kind


def test_an_answer_that_messages_filtered_is_no_error():
    words = "Output blocked by content filtering policy"
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    assert message(start({"type": "text", "text": "Hi"}), error) == [TextDelta("Hi"), StopDelta("content_filter")]


def test_every_count_of_messages_is_decided():
    counted = {"input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"}
    details = {"output_tokens_details", "cache_creation"}  # of what was thought, and of how long a cache is kept
    assert set(messages.Usage.model_fields) == {
        *counted,
        *details,
        "inference_geo",
        "server_tool_use",
        "service_tier",
        "speed",
    }
    assert set(messages.MessageDeltaUsage.model_fields) <= set(messages.Usage.model_fields)
    assert set(messages.OutputTokensDetails.model_fields) == {"thinking_tokens"}
    counts = {"input_tokens": 10, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 7, "output_tokens": 1}
    details = {"output_tokens": 20, "output_tokens_details": {"thinking_tokens": 5}}
    begun = {"type": "message_start", "message": {"usage": counts}}
    # What was read is what was new, what went to the cache and what came from it; none of the three holds another.
    assert pieces(lambda: MessagesReader("me"), sse(begun) + sse(end(**details)))[0] == UsageDelta(20, 20, 7, 5)
