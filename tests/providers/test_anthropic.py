from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from antiphon.errors import ApiError, ProviderError
from antiphon.ports import (
    CitationDelta,
    Delta,
    ModelCall,
    ReasoningDelta,
    ReasoningStateDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.anthropic.deltas import MessagesReader
from antiphon.providers.anthropic.request import messages_request
from antiphon.providers.description import family_of
from antiphon.providers.require import require
from tests.support.calls import function_call, function_call_output, function_tool, model_call, run, user
from tests.support.protocols import sse
from tests.support.reading import read_whole_and_bytewise
from tests.support.upstream import Script, Upstream


def start(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def end(reason: str = "end_turn", **usage: Any) -> dict[str, Any]:
    stopped = {"stop_reason": reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": stopped, "usage": {"output_tokens": 1, **usage}}


MESSAGE_STOP = {"type": "message_stop"}
TEXT = {"type": "text", "text": ""}
DOCUMENT = {"document_index": 0, "document_title": "report.pdf", "cited_text": "x"}


def read(*events: dict[str, Any]) -> list[Delta]:
    return read_whole_and_bytewise(lambda: MessagesReader("me"), b"".join(map(sse, events)))


def failed(*events: dict[str, Any] | bytes) -> ProviderError:
    reader = MessagesReader("me")
    for event in events:
        reader.feed(event if isinstance(event, bytes) else sse(event))
    with pytest.raises(ProviderError) as caught:
        reader.stop()
    return caught.value


def test_every_documented_event_and_delta_is_read():
    message = {"id": "m", "usage": {"input_tokens": 10, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 7}}
    tool = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    assert read(
        {"type": "message_start", "message": message},
        {"type": "ping"},
        start({"type": "thinking", "thinking": "", "signature": ""}),
        delta("thinking_delta", thinking="Hm."),
        delta("signature_delta", signature="Eq"),
        delta("signature_delta", signature="QB"),
        stop(),
        start({"type": "redacted_thinking", "data": "sealed"}, 1),
        stop(1),
        start(TEXT, 2),
        delta("text_delta", 2, text="Hi"),
        delta("citations_delta", 2, citation={"type": "page_location", "start_page_number": 3, **DOCUMENT}),
        stop(2),
        start(tool, 3),
        delta("input_json_delta", 3, partial_json=""),
        delta("input_json_delta", 3, partial_json='{"a":1}'),
        stop(3),
        end("tool_use", output_tokens=20, output_tokens_details={"thinking_tokens": 5}),
        MESSAGE_STOP,
    ) == [
        ReasoningDelta("Hm."),
        ReasoningStateDelta({"kind": "anthropic", "maker": "me", "signature": "EqQB"}),
        ReasoningStateDelta({"kind": "anthropic", "maker": "me", "redacted": "sealed"}),
        TextDelta("Hi"),
        CitationDelta("report.pdf#page=3", "report.pdf", 0, 2),
        ToolCallDelta(0, "toolu_1", "f"),
        ToolCallDelta(0),
        ToolCallDelta(0, arguments='{"a":1}'),
        UsageDelta(20, 20, 7, 5),
        StopDelta("tool_calls"),
    ]


def test_thinking_that_is_not_shown_still_has_its_signature():
    block = {"type": "thinking", "thinking": "", "signature": "whole"}
    assert read(start(block), stop(), end(), MESSAGE_STOP)[0] == ReasoningStateDelta(
        {"kind": "anthropic", "maker": "me", "signature": "whole"}
    )


def test_blocks_that_begin_with_content_lose_none_of_it():
    tool = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
    thinking = {"type": "thinking", "thinking": "Hm."}
    deltas = read(start(thinking), stop(), start({"type": "text", "text": "Hi"}), stop(), start(tool), stop(), end())
    call = [ToolCallDelta(0, "t", "f"), ToolCallDelta(0, arguments='{"a":1}')]
    assert deltas[:4] == [ReasoningDelta("Hm."), TextDelta("Hi"), *call]


@pytest.mark.parametrize(
    ("place", "url", "title"),
    [
        ({"type": "char_location", "start_char_index": 4, "end_char_index": 9, **DOCUMENT}, "report.pdf#char=4,9", 1),
        ({"type": "page_location", "start_page_number": 2, "end_page_number": 3, **DOCUMENT}, "report.pdf#page=2", 1),
        ({"type": "content_block_location", "start_block_index": 0, **DOCUMENT}, "report.pdf", 1),
        (
            {"type": "web_search_result_location", "url": "https://a.example", "title": "report.pdf"},
            "https://a.example",
            1,
        ),
        (
            {"type": "search_result_location", "source": "https://b.example", "title": "report.pdf"},
            "https://b.example",
            1,
        ),
        ({"type": "content_block_location", "document_index": 2, "document_title": None}, "document-2", 0),
    ],
)
def test_every_kind_of_citation_names_its_source(place, url, title):
    deltas = read(
        start(TEXT), delta("text_delta", text="Intro. "), stop(),
        start(TEXT), delta("citations_delta", citation=place), delta("text_delta", text="Grüße"), stop(), end(),
    )  # fmt: skip
    assert deltas[2] == CitationDelta(url, "report.pdf" if title else url, 7, 12)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "length"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
    ],
)
def test_every_stop_reason_has_its_neutral_word(reason, told):
    assert read(end(reason), MESSAGE_STOP)[-1] == StopDelta(told)


@pytest.mark.parametrize(
    ("kind", "code", "retryable"),
    [
        ("overloaded_error", "model_error", True),
        ("api_error", "model_error", True),
        ("rate_limit_error", "provider_rate_limited", True),
        ("timeout_error", "provider_timeout", True),
        ("authentication_error", "provider_auth", False),
        ("permission_error", "provider_auth", False),
        ("billing_error", "provider_auth", False),
        ("invalid_request_error", "provider_refused_request", False),
        ("not_found_error", "provider_model_not_found", False),
        ("request_too_large", "provider_refused_request", False),
        ("an_error_of_tomorrow", "model_error", True),
    ],
)
def test_every_error_in_the_stream_has_its_code(kind, code, retryable):
    error = failed({"type": "error", "error": {"type": kind, "message": "canary"}}, end(), MESSAGE_STOP)
    assert (error.code, error.retryable) == (code, retryable)
    assert "canary" not in repr(error)


def test_what_is_not_known_is_skipped():
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    assert read(
        {"type": "an_event_of_tomorrow"}, start(block), delta("input_json_delta", partial_json="{}"), stop(),
        delta("a_delta_of_tomorrow"), end(), MESSAGE_STOP,
    ) == [UsageDelta(0, 1), StopDelta("stop")]  # fmt: skip


@pytest.mark.parametrize(
    "bad", [b"data: {\n\n", b"data: []\n\n", sse(delta("text_delta", text=3)), sse({"type": "error"})]
)
def test_what_cannot_be_read_is_a_failure_without_its_words(bad):
    assert failed(start(TEXT), bad, end(), MESSAGE_STOP).code == "model_error"


def test_a_stream_without_a_stop_reason_was_cut():
    assert failed(start(TEXT), delta("text_delta", text="a"), MESSAGE_STOP).code == "model_error"


# requests


def body(call: ModelCall, model: str = "claude-opus-4-8", **more: Any) -> dict[str, Any]:
    call = replace(call, model=model)
    can = family_of("anthropic", model).capabilities
    require(can, call)
    return messages_request(call, can, "me", **more)


@pytest.mark.parametrize(
    ("model", "effort", "told"),
    [
        ("claude-opus-5", "xhigh", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}),
        ("claude-sonnet-4-6", "low", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ("claude-sonnet-4-5-20250929", "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ("claude-opus-4-20250514", "high", {"thinking": {"type": "enabled", "budget_tokens": 16_000}}),
        ("claude-opus-4-8", "none", {}),
        ("claude-3-haiku-20240307", "none", {}),
    ],
)
def test_effort_becomes_what_the_family_understands(model, effort, told):
    sent = body(model_call(reasoning={"effort": effort}), model)
    assert {name: sent[name] for name in ("thinking", "output_config") if name in sent} == told


def test_a_budget_needs_room():
    with pytest.raises(ApiError) as caught:
        body(model_call(reasoning={"effort": "low"}, max_output_tokens=1024), "claude-sonnet-4-5")
    assert (caught.value.code, caught.value.param) == ("out_of_range", "max_output_tokens")


@pytest.mark.parametrize(
    ("choice", "more", "told"),
    [
        ("auto", {}, {"type": "auto"}),
        ("required", {}, {"type": "any"}),
        ("required", {"parallel_tool_calls": False}, {"type": "any", "disable_parallel_tool_use": True}),
        ({"type": "function", "name": "f"}, {}, {"type": "tool", "name": "f"}),
        ({"type": "allowed_tools", "mode": "required", "tools": []}, {}, {"type": "any"}),
        ({"type": "allowed_tools", "tools": []}, {}, {"type": "auto"}),
    ],
)
def test_every_tool_choice_is_translated(choice, more, told):
    assert body(model_call(tools=[function_tool("f")], tool_choice=choice, **more))["tool_choice"] == told


def test_without_tools_earlier_calls_are_declared_and_none_may_be_made():
    items = [user("x"), function_call("call_1", "f"), function_call_output("call_1", "y")]
    sent = body(model_call(items, tool_choice="none"))
    assert sent["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert sent["tool_choice"] == {"type": "none"}


def test_ids_and_arguments_that_the_protocol_cannot_carry_are_carried_otherwise():
    items = [user("x"), function_call("a b/é", "f", "{not json"), function_call_output("a b/é", "")]
    sent = body(model_call(items))["messages"]
    [call], [result] = sent[1]["content"], sent[2]["content"]
    assert call["input"] == {"INVALID_JSON": "{not json"}
    assert call["id"] == result["tool_use_id"]
    assert call["id"].startswith("call_")
    assert "content" not in result


def test_outputs_stand_before_what_the_user_says_and_empty_text_is_left_out():
    items = [user("x"), function_call("c", "f"), user("y"), function_call_output("c", "z"), user("")]
    assert [block["type"] for block in body(model_call(items))["messages"][-1]["content"]] == ["tool_result", "text"]


def test_instructions_in_the_midst_are_marked_where_the_model_knows_no_such_role():
    told = {"type": "message", "role": "system", "content": "Now in Latin."}
    sent = body(model_call([user("x"), told]), "claude-sonnet-4-5")["messages"]
    assert sent[0]["content"][1]["text"] == "<system>\nNow in Latin.\n</system>"


def test_citations_are_asked_for_where_the_endpoint_is_set_up_so():
    notes = {"type": "input_file", "filename": "n.txt", "file_data": "data:text/plain;base64,SGk="}
    [document] = body(model_call([user([notes])]), citations=True)["messages"][0]["content"]
    assert document["citations"] == {"enabled": True}


def test_sampling_is_told_to_families_that_take_it():
    assert body(model_call(temperature=0.2), "claude-sonnet-4-6")["temperature"] == 0.2
    assert "temperature" not in body(model_call(temperature=1.0), "claude-opus-4-8")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"prompt is too long: 208310 tokens > 200000 maximum", "context_length_exceeded"),
        (b"input length and `max_tokens` exceed context limit: 1 + 2 > 2", "context_length_exceeded"),
        (b"messages: at least one message is required", "provider_refused_request"),
    ],
)
def test_a_context_that_is_too_long_is_told_apart(message, code):
    refusal = b'{"type":"error","error":{"type":"invalid_request_error","message":"%b"}}' % message
    with Upstream([Script.error(400, refusal)]) as upstream, pytest.raises(ProviderError) as caught:
        run(Anthropic(upstream.base_url), model_call())
    assert caught.value.code == code


def test_overload_before_the_first_word_can_be_tried_again():
    with Upstream([Script.error(529, b"{}", retry_after="3")]) as upstream, pytest.raises(ProviderError) as caught:
        run(Anthropic(upstream.base_url), model_call())
    assert (caught.value.code, caught.value.retryable, caught.value.retry_after) == ("model_error", True, 3)


def test_the_key_and_the_version_are_sent_as_the_protocol_wants():
    with Upstream([Script([sse(end()), sse(MESSAGE_STOP)])]) as upstream:
        run(Anthropic(upstream.base_url, "canary"), model_call())
    request = upstream.requests[0]
    assert (request.path, request.headers["x-api-key"]) == ("/v1/messages", "canary")
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in request.headers


def test_stop_sequences_are_sent_unless_they_are_white_space() -> None:
    """Anthropic refuses one of white space alone ("each stop sequence must contain non-whitespace")."""
    assert body(replace(model_call(), stop=("END", "\n")))["stop_sequences"] == ["END"]
    assert "stop_sequences" not in body(replace(model_call(), stop=("\n",)))
