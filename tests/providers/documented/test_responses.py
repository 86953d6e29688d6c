"""Every field of the Responses protocol in OpenAI's library is read, skipped on purpose, or an error."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import ResponseError, ResponseOutputItem, ResponseStreamEvent, response_usage
from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_output_text import Annotation

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
from antiphon.providers.openai_responses.deltas import ResponsesReader
from tests.support.documented import CITED, REFUSED, failure, names, pieces
from tests.support.protocols import sse

AGAIN = "says again, whole, what came in pieces"


NOTHING = "says nothing that an answer holds"


UNASKED = "is never asked for"


# OpenAI's Responses


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind if kind == "error" else f"response.{kind}", **fields}


def ended(status: str = "completed", **fields: Any) -> dict[str, Any]:
    return event(status, response={"status": status, **fields})


def item(kind: str, what: str = "added", **fields: Any) -> dict[str, Any]:
    return event(f"output_item.{what}", output_index=0, item={"type": kind, "id": "i", **fields})


def responses(*events: dict[str, Any]) -> list[Delta]:
    return pieces(lambda: ResponsesReader("me"), b"".join(map(sse, events)))


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
