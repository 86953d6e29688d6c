"""What providers document of their streams, as their own libraries define it, each decided: read, or skipped and why.

The lists of names here are held against the installed libraries, so that a name that is new there fails a test until
somebody has decided it. Every stream is read whole and, which must be the same, byte by byte.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import anthropic.types as messages
import pytest
from anthropic.types.shared import ErrorType
from botocore.eventstream import EventStream
from botocore.exceptions import EventStreamError
from botocore.model import Shape, StructureShape
from botocore.parsers import EventStreamJSONParser
from botocore.session import Session
from openai.types.chat import chat_completion_chunk as chat
from openai.types.completion_usage import CompletionTokensDetails, PromptTokensDetails
from openai.types.responses import ResponseError, ResponseOutputItem, ResponseStreamEvent, response_usage
from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_output_text import Annotation
from pydantic import BaseModel

from antiphon.errors import ProviderError
from antiphon.ports import (
    CitationDelta,
    Delta,
    ReasoningDelta,
    ReasoningStateDelta,
    RefusalDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.anthropic.deltas import MessagesReader
from antiphon.providers.bedrock.deltas import ConverseReader
from antiphon.providers.bedrock.eventstream import MessageReader
from antiphon.providers.openai_chat.deltas import ChunkReader
from antiphon.providers.openai_responses.deltas import ResponsesReader
from tests.support.protocols import event_frame, exception_frame, sse
from tests.support.upstream import DONE, chunk, finish, frame, usage

AGAIN = "says again, whole, what came in pieces"
NOTHING = "says nothing that an answer holds"
UNASKED = "is never asked for"


def names(kind: Any, field: str = "type") -> set[str]:
    """Give the literals of a field of a union of models, or of a literal itself."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return names(kind.model_fields[field].annotation)
    if get_origin(kind) is Annotated:
        return names(get_args(kind)[0], field)
    if get_origin(kind) in {Union, UnionType}:
        return {name for each in get_args(kind) if each is not NoneType for name in names(each, field)}
    return set(get_args(kind))


def fed(reader: Any, feeds: Iterable[bytes]) -> list[Delta]:
    """Feed a reader until it is done, as whoever reads the body does."""
    deltas: list[Delta] = []
    for data in feeds:
        deltas += reader.feed(data)
        if reader.done:
            break
    return deltas


def pieces(reader: Any, data: bytes) -> list[Delta]:
    whole = reader()
    deltas = fed(whole, [data])
    assert fed(reader(), (bytes([byte]) for byte in data)) == deltas
    return [*deltas, whole.stop()]


def failure(reader: Any, data: bytes) -> tuple[str, bool]:
    for feeds in ([data], [bytes([byte]) for byte in data]):
        read = reader()
        fed(read, feeds)
        with pytest.raises(ProviderError) as caught:
            read.stop()
        assert "canary" not in repr(caught.value)
    return caught.value.code, caught.value.retryable


# OpenAI's Responses


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind if kind == "error" else f"response.{kind}", **fields}


def ended(status: str = "completed", **fields: Any) -> dict[str, Any]:
    return event(status, response={"status": status, **fields})


def item(kind: str, what: str = "added", **fields: Any) -> dict[str, Any]:
    return event(f"output_item.{what}", output_index=0, item={"type": kind, "id": "i", **fields})


def responses(*events: dict[str, Any]) -> list[Delta]:
    return pieces(lambda: ResponsesReader("me"), b"".join(map(sse, events)))


CITED = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 9}
TOKENS = [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]
CALL = item("function_call", call_id="c", name="f")
THOUGHT = {"kind": "openai_responses", "maker": "me", "id": "i", "encrypted_content": "sealed"}
SAID = event("output_text.delta", delta="word")

RESPONSES_READ: dict[str, tuple[list[dict[str, Any]], Delta]] = {
    "output_text.delta": ([event("output_text.delta", delta="a", logprobs=TOKENS)], TextDelta("a", TOKENS)),
    "refusal.delta": ([event("refusal.delta", delta="No")], RefusalDelta("No")),
    "reasoning_summary_text.delta": ([event("reasoning_summary_text.delta", delta="Hm")], ReasoningDelta("Hm")),
    "reasoning_text.delta": ([event("reasoning_text.delta", delta="Hm")], ReasoningDelta("Hm")),
    "reasoning_summary_part.added": (
        [event("reasoning_summary_part.added", summary_index=1)],
        ReasoningDelta("\n\n"),
    ),
    "function_call_arguments.delta": (
        [CALL, event("function_call_arguments.delta", output_index=0, delta="{}")],
        ToolCallDelta(0, arguments="{}"),
    ),
    "output_item.added": ([CALL], ToolCallDelta(0, "c", "f")),
    "output_item.done": ([item("reasoning", "done", encrypted_content="sealed")], ReasoningStateDelta(THOUGHT)),
    "output_text.annotation.added": (
        [SAID, event("output_text.annotation.added", annotation=CITED)],
        CitationDelta("https://a.example", "A", 0, 4),
    ),
    "content_part.added": ([SAID, event("content_part.added"), SAID], TextDelta("word")),
}
RESPONSES_ENDINGS = {"completed", "incomplete", "failed"}
RESPONSES_SKIPPED: dict[str, set[str]] = {
    AGAIN: {
        "output_text.done",
        "refusal.done",
        "content_part.done",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "reasoning_text.done",
        "function_call_arguments.done",
    },
    NOTHING: {"created", "queued", "in_progress"},
    UNASKED: {"compaction.compacting"},
}
UNDECLARED = (
    "audio.",
    "code_interpreter_call",
    "custom_tool_call_input.",
    "file_search_call.",
    "image_generation_call.",
    "mcp_call",
    "mcp_list_tools.",
    "web_search_call.",
    "shell_call",
)
"""Events of tools and media that are never asked for; a name that begins otherwise has to be decided."""

ITEMS_SKIPPED = {
    "file_search_call",
    "function_call_output",
    "web_search_call",
    "computer_call",
    "computer_call_output",
    "program",
    "program_output",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
    "compaction",
    "image_generation_call",
    "code_interpreter_call",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_call",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "custom_tool_call",
    "custom_tool_call_output",
}
REFUSED = ("provider_refused_request", False)
RESPONSES_ERRORS: dict[str, tuple[str, bool]] = {
    "server_error": ("model_error", True),
    "rate_limit_exceeded": ("provider_rate_limited", True),
    "vector_store_timeout": ("provider_timeout", True),
    "invalid_prompt": REFUSED,
    "data_residency_mismatch": REFUSED,
    **dict.fromkeys(
        (
            "invalid_image",
            "invalid_image_format",
            "invalid_base64_image",
            "invalid_image_url",
            "image_too_large",
            "image_too_small",
            "image_parse_error",
            "invalid_image_mode",
            "image_file_too_large",
            "unsupported_image_media_type",
            "empty_image_file",
            "failed_to_download_image",
            "image_file_not_found",
        ),
        REFUSED,
    ),
}
RESPONSES_FILTERS = {"bio_policy", "misalignment_policy_violation", "image_content_policy_violation"}


def test_every_event_of_responses_is_decided():
    documented = {name.removeprefix("response.") for name in names(ResponseStreamEvent)}
    tools = {name for name in documented if name.startswith(UNDECLARED)}
    skipped = {name for group in RESPONSES_SKIPPED.values() for name in group}
    assert documented - tools == {*RESPONSES_READ, *RESPONSES_ENDINGS, *skipped, "error"}
    for name in tools | skipped:
        assert responses(event(name), ended()) == [StopDelta("stop")], name


@pytest.mark.parametrize("name", RESPONSES_READ)
def test_an_event_of_responses_is_read(name):
    events, told = RESPONSES_READ[name]
    assert responses(*events, ended())[-2] == told


def test_every_item_of_responses_is_decided():
    assert names(ResponseOutputItem) == {*ITEMS_SKIPPED, "message", "function_call", "reasoning"}
    for kind in ITEMS_SKIPPED:
        assert responses(item(kind), item(kind, "done"), ended()) == [StopDelta("stop")], kind


def test_every_annotation_of_responses_is_decided():
    skipped = {"file_citation", "container_file_citation", "file_path"}  # places in files that only the provider holds
    assert names(Annotation) == {*skipped, "url_citation"}
    for kind in skipped:
        added = event("output_text.annotation.added", annotation={"type": kind})
        assert responses(SAID, added, ended()) == [TextDelta("word"), StopDelta("stop")], kind


def test_every_error_of_responses_is_decided():
    assert names(ResponseError, "code") == set(RESPONSES_ERRORS) | RESPONSES_FILTERS
    for code, told in RESPONSES_ERRORS.items():
        error = {"code": code, "message": "canary"}
        for failing in (event("error", **error), event("error", error=error), ended("failed", error=error)):
            assert failure(lambda: ResponsesReader("me"), sse(failing)) == told, code
    for code in RESPONSES_FILTERS:
        assert responses(SAID, event("error", code=code, message="canary"))[-1] == StopDelta("content_filter")


def test_every_reason_of_an_incomplete_response_is_decided():
    told = dict.fromkeys(("max_output_tokens", "max_messages", "steered"), "length")
    told["content_filter"] = "content_filter"
    assert names(IncompleteDetails.model_fields["reason"].annotation.__args__[0]) == set(told)
    for reason, ours in told.items():
        assert responses(ended("incomplete", incomplete_details={"reason": reason})) == [StopDelta(ours)]


def test_every_count_of_responses_is_decided():
    assert set(response_usage.InputTokensDetails.model_fields) == {
        "cached_tokens",
        "cache_write_tokens",
        "cache_write_tokens_details",
    }
    assert set(response_usage.OutputTokensDetails.model_fields) == {"reasoning_tokens"}
    counts = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},  # both are part of the nine
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 5},
    }
    assert responses(ended(usage=counts))[0] == UsageDelta(9, 7, 4, 5)


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


# Bedrock's Converse

CONVERSE = Session().get_service_model("bedrock-runtime").operation_model("ConverseStream")
STREAM: StructureShape = CONVERSE.output_shape.members["stream"]


class Raw:
    """A body of an event stream, as urllib3 gives it: in pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def stream(self) -> Iterator[bytes]:
        yield from self._pieces

    def close(self) -> None:
        """It holds nothing."""


def parsed(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    yield from EventStream(Raw(pieces), STREAM, EventStreamJSONParser(), "ConverseStream")


def read_by_us(chunks: Iterable[bytes]) -> list[dict[str, Any]]:
    messages = MessageReader()
    return [{kind.name: json.loads(payload)} for chunk in chunks for kind, payload in messages.feed(chunk)]


def encoded(value: Any) -> Any:
    """Write blobs as the protocol does: botocore reads them as bytes."""
    if isinstance(value, dict):
        return {name: encoded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [encoded(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def converse(*frames: bytes, reason: str = "end_turn") -> list[Delta]:
    """Read a stream, of which botocore must say the same as we do."""
    data = b"".join((*frames, event_frame("messageStop", {"stopReason": reason})))
    if not any(b"exception" in frame for frame in frames):
        assert read_by_us([data]) == [encoded(event) for event in parsed([data])]
    return pieces(lambda: ConverseReader("me"), data)


def paths(shape: Shape, prefix: str = "", depth: int = 4) -> Iterator[str]:
    """Give the path of every leaf below a shape."""
    if shape.type_name == "list":
        yield from paths(shape.member, prefix + "[]", depth)
    elif shape.type_name == "structure" and shape.members and depth:
        for name, member in shape.members.items():
            yield from paths(member, f"{prefix}.{name}" if prefix else name, depth - 1)
    else:
        yield prefix


def began(**fields: Any) -> bytes:
    return event_frame("contentBlockStart", {"start": fields, "contentBlockIndex": 0})


def given(**fields: Any) -> bytes:
    return event_frame("contentBlockDelta", {"delta": fields, "contentBlockIndex": 0})


STOPPED = event_frame("contentBlockStop", {"contentBlockIndex": 0})
USE = {"toolUseId": "t", "name": "f"}
CONVERSE_EVENTS = {
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
}
CONVERSE_STARTS: dict[str, tuple[dict[str, Any], list[Delta]]] = {
    "toolUse.toolUseId": ({"toolUse": USE}, [ToolCallDelta(0, "t", "f")]),
    "toolUse.name": ({"toolUse": USE}, [ToolCallDelta(0, "t", "f")]),
    "toolUse.type": ({"toolUse": {**USE, "type": "server_tool_use"}}, []),
    "toolResult.toolUseId": ({"toolResult": {"toolUseId": "t"}}, []),
    "toolResult.type": ({"toolResult": {"toolUseId": "t", "type": "x"}}, []),
    "toolResult.status": ({"toolResult": {"toolUseId": "t", "status": "error"}}, []),
    "image.format": ({"image": {"format": "png"}}, []),
}
"""All but functions are of tools and media that are never asked for."""

CONVERSE_DELTAS: dict[str, tuple[list[bytes], list[Delta]]] = {
    "text": ([given(text="Hi")], [TextDelta("Hi")]),
    "toolUse.input": (
        [began(toolUse=USE), given(toolUse={"input": "{}"})],
        [ToolCallDelta(0, "t", "f"), ToolCallDelta(0, arguments="{}")],
    ),
    "toolResult[].text": ([began(toolResult={"toolUseId": "t"}), given(toolResult=[{"text": "x"}])], []),
    "toolResult[].json": ([began(toolResult={"toolUseId": "t"}), given(toolResult=[{"json": {}}])], []),
    "reasoningContent.text": ([given(reasoningContent={"text": "Hm"})], [ReasoningDelta("Hm")]),
    "reasoningContent.redactedContent": (
        [given(reasoningContent={"redactedContent": "ZA=="})],
        [ReasoningStateDelta({"kind": "bedrock", "maker": "me", "redacted": "ZA=="})],
    ),
    "reasoningContent.signature": (
        [given(reasoningContent={"signature": "s"})],
        [ReasoningStateDelta({"kind": "bedrock", "maker": "me", "signature": "s"})],
    ),
    "image.source.bytes": ([began(image={"format": "png"}), given(image={"source": {"bytes": "AA=="}})], []),
    "image.source.s3Location": ([given(image={"source": {"s3Location": {"uri": "s3://b/k"}}})], []),
    "image.error.message": ([given(image={"error": {"message": "canary"}})], []),
}
CONVERSE_CITATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "web": ({"url": "https://a.example", "domain": "a.example"}, "https://a.example"),
    "documentChar": ({"documentIndex": 0, "start": 4, "end": 9}, "A#char=4,9"),
    "documentPage": ({"documentIndex": 0, "start": 2, "end": 3}, "A#page=2"),
    "documentChunk": ({"documentIndex": 0, "start": 0, "end": 1}, "A"),
    "searchResultLocation": ({"searchResultIndex": 0, "start": 0, "end": 1}, "https://b.example"),
}
CONVERSE_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
CONVERSE_GARBLED = {"malformed_model_output", "malformed_tool_use"}
CONVERSE_METADATA = {"usage", "metrics", "trace", "performanceConfig", "serviceTier"}
CONVERSE_USAGE = {
    "inputTokens",
    "outputTokens",
    "totalTokens",
    "cacheReadInputTokens",
    "cacheWriteInputTokens",
    "cacheDetails",
}
CONVERSE_EXCEPTIONS = {
    "internalServerException",
    "modelStreamErrorException",
    "serviceUnavailableException",
    "throttlingException",
    "validationException",
}
"""``test_bedrock`` has their codes, and those of the exceptions before a stream."""


def test_every_event_of_converse_is_decided():
    assert set(STREAM.members) == CONVERSE_EVENTS | CONVERSE_EXCEPTIONS
    assert converse(event_frame("messageStart", {"role": "assistant"})) == [StopDelta("stop")]
    for name in CONVERSE_EXCEPTIONS:
        with pytest.raises(EventStreamError, match=name):
            list(parsed([exception_frame(name, {"message": "canary"})]))
        with pytest.raises(ProviderError):
            converse(exception_frame(name, {"message": "canary"}))


def test_every_start_of_converse_is_decided():
    assert set(paths(STREAM.members["contentBlockStart"].members["start"])) == set(CONVERSE_STARTS)
    for start_, told in CONVERSE_STARTS.values():
        assert converse(began(**start_), given(toolUse={"input": ""}), STOPPED)[: len(told)] == told


def test_what_the_service_runs_itself_is_no_call_of_ours():
    served = began(toolUse={**USE, "type": "server_tool_use"})
    assert converse(served, given(toolUse={"input": "{}"}), STOPPED, given(text="Hi"), STOPPED) == [
        TextDelta("Hi"),
        StopDelta("stop"),
    ]


def test_every_delta_of_converse_is_decided():
    known = {
        path for path in paths(STREAM.members["contentBlockDelta"].members["delta"]) if not path.startswith("citation")
    }
    known = {path.removesuffix(".uri").removesuffix(".bucketOwner") for path in known}
    assert known == set(CONVERSE_DELTAS)
    for frames, told in CONVERSE_DELTAS.values():
        assert converse(*frames, STOPPED)[:-1] == told


def test_every_citation_of_converse_is_decided():
    cited = STREAM.members["contentBlockDelta"].members["delta"].members["citation"]
    assert set(cited.members) == {"title", "source", "sourceContent", "location"}
    assert set(cited.members["location"].members) == set(CONVERSE_CITATIONS)
    for kind, (place, url) in CONVERSE_CITATIONS.items():
        citation = {
            "title": "A",
            "source": "https://b.example",
            "sourceContent": [{"text": "x"}],
            "location": {kind: place},
        }
        frames = (given(text="word"), given(citation=citation), STOPPED)
        assert converse(*frames)[1] == CitationDelta(url, "A", 0, 4)


def test_every_reason_of_converse_is_decided():
    documented = set(STREAM.members["messageStop"].members["stopReason"].enum)
    assert documented == set(CONVERSE_REASONS) | CONVERSE_GARBLED
    for reason, told in CONVERSE_REASONS.items():
        assert converse(reason=reason) == [StopDelta(told)]
    for reason in CONVERSE_GARBLED:
        with pytest.raises(ProviderError):
            converse(reason=reason)


def test_all_metadata_of_converse_is_decided():
    shape = STREAM.members["metadata"]
    assert set(shape.members) == CONVERSE_METADATA
    assert set(shape.members["usage"].members) == CONVERSE_USAGE
    usage_ = {
        "inputTokens": 10,
        "outputTokens": 5,
        "totalTokens": 25,
        "cacheReadInputTokens": 7,
        "cacheWriteInputTokens": 3,
    }
    usage_ |= {"cacheDetails": [{"ttl": "5m", "inputTokens": 3}]}
    metadata = {
        "usage": usage_,
        "metrics": {"latencyMs": 1},
        "trace": {"guardrail": {"actionReason": "canary"}, "promptRouter": {"invokedModelId": "canary"}},
        "performanceConfig": {"latency": "standard"},
        "serviceTier": {"type": "default"},
    }
    assert converse(event_frame("metadata", metadata)) == [UsageDelta(20, 5, 7), StopDelta("stop")]
