"""Every field of Chat Completions in OpenAI's library is read, skipped on purpose, or an error."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import chat_completion_chunk as chat
from openai.types.completion_usage import CompletionTokensDetails, PromptTokensDetails

from antiphon.ports import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    RefusalDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.openai_chat.deltas import ChunkReader
from tests.support.documented import CITED, failure, names, pieces
from tests.support.upstream import DONE, chunk, finish, frame, usage

# Chat Completions


def completions(*chunks: dict[str, Any]) -> list[Delta]:
    return pieces(ChunkReader, b"".join(map(frame, chunks)) + DONE)


CHAT_READ: dict[str, tuple[Any, list[Delta]]] = {
    "content": ("Hi", [TextDelta("Hi")]),
    "refusal": ("No", [RefusalDelta("No")]),
    "tool_calls": (
        [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        [ToolCallDelta(0, "c", "f", "{}")],
    ),
    "role": ("assistant", []),
    "audio": ({"id": "a", "data": "AA=="}, []),
    "function_call": ({"name": "f", "arguments": "{}"}, [ToolCallDelta(0, None, "f", "{}")]),
}
"""The last two are skipped: audio is never asked for, nor are the functions that came before tools."""


BEYOND = {
    "reasoning_content": ("Hm", [ReasoningDelta("Hm")]),
    "reasoning": ("Hm", [ReasoningDelta("Hm")]),
    "annotations": ([{"type": "url_citation", "url_citation": CITED}], []),
}
"""What others add: DeepSeek and vLLM, OpenRouter, models that search the web."""


CHAT_CHUNK_SKIPPED = {
    "id",
    "created",
    "model",
    "object",
    "moderation",
    "obfuscation",
    "service_tier",
    "system_fingerprint",
}


CHAT_REASONS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
}


def test_every_field_of_a_chunk_is_decided():
    assert set(chat.ChatCompletionChunk.model_fields) == {*CHAT_CHUNK_SKIPPED, "choices", "usage"}
    assert set(chat.Choice.model_fields) == {"delta", "finish_reason", "index", "logprobs"}
    assert set(chat.ChoiceDelta.model_fields) == set(CHAT_READ)
    assert set(chat.ChoiceDeltaToolCall.model_fields) == {"index", "id", "function", "type"}
    assert set(chat.ChoiceLogprobs.model_fields) == {"content", "refusal"}  # a refusal has no place for them


@pytest.mark.parametrize("name", [*CHAT_READ, *BEYOND])
def test_a_field_of_a_delta_is_read(name):
    value, told = (CHAT_READ | BEYOND)[name]
    assert [each for each in completions(chunk({name: value}), finish()) if not isinstance(each, StopDelta)] == told


def test_an_annotation_in_a_chunk_is_a_citation():
    cited = chunk({"content": "", "annotations": [{"type": "url_citation", "url_citation": CITED}, {"type": "file"}]})
    assert completions(chunk({"content": "word"}), cited, finish())[1] == CitationDelta("https://a.example", "A", 0, 4)


def test_every_reason_to_finish_is_decided():
    assert names(chat.Choice.model_fields["finish_reason"].annotation.__args__[0]) == set(CHAT_REASONS)
    for reason, told in CHAT_REASONS.items():
        assert completions(finish(reason)) == [StopDelta(told)]


def test_every_count_of_a_completion_is_decided():
    # What was predicted, spoken or seen is part of the totals; what went to a cache is part of what was read.
    assert set(CompletionTokensDetails.model_fields) == {
        "accepted_prediction_tokens",
        "audio_tokens",
        "reasoning_tokens",
        "rejected_prediction_tokens",
        "text_tokens",
    }
    assert set(PromptTokensDetails.model_fields) == {
        "audio_tokens",
        "cache_write_tokens",
        "cached_tokens",
        "image_tokens",
        "text_tokens",
    }
    assert completions(finish(), usage(9, 7, 4, 5))[0] == UsageDelta(9, 7, 4, 5)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"code": "server_error"}, ("model_error", True)),
        ({"code": 502, "metadata": {"provider_name": "canary"}}, ("model_error", True)),
        ({"code": 429}, ("provider_rate_limited", True)),
        ({"code": 401}, ("provider_auth", False)),
        ({"code": 500, "type": "InternalServerError"}, ("model_error", True)),
        ({"code": 400, "type": "exceed_context_size_error"}, ("context_length_exceeded", False)),
        ({"code": "tool_use_failed", "type": "invalid_request_error"}, ("model_error", True)),
        ({"code": "insufficient_quota", "type": "insufficient_quota"}, ("provider_auth", False)),
        ({"type": "an_error_of_tomorrow"}, ("model_error", False)),
    ],
)
def test_an_error_in_a_chunk_has_its_code(error, told):
    failing = frame({"error": {**error, "message": "canary"}, "choices": [{"delta": {}, "finish_reason": "error"}]})
    assert failure(ChunkReader, failing + frame(finish())) == told


@pytest.mark.parametrize("error", [{"code": "content_filter"}, {"code": 403, "metadata": {"flagged_input": "canary"}}])
def test_a_filter_in_a_chunk_is_no_error(error):
    assert completions(chunk({"content": "a"}), {"error": error}) == [TextDelta("a"), StopDelta("content_filter")]
