from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from antiphon.errors import ProviderError
from antiphon.ports import (
    CitationDelta,
    Delta,
    MessageDelta,
    ModelCall,
    ReasoningDelta,
    RefusalDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.description import family_of
from antiphon.providers.openai_responses.adapter import OpenAIResponses
from antiphon.providers.openai_responses.deltas import ResponsesReader
from antiphon.providers.openai_responses.request import responses_request
from antiphon.providers.require import require
from tests.support.calls import function_call_output, function_tool, model_call, run, user
from tests.support.conversations import NOTES, PIXEL
from tests.support.protocols import sse
from tests.support.reading import read_whole_and_bytewise
from tests.support.upstream import Script, Upstream


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind if kind == "error" else f"response.{kind}", **fields}


def ended(status: str = "completed", **fields: Any) -> dict[str, Any]:
    return event(status, response={"status": status, **fields})


def item(kind: str, index: int = 0, what: str = "added", **fields: Any) -> dict[str, Any]:
    return event(f"output_item.{what}", output_index=index, item={"type": kind, "id": f"i{index}", **fields})


def read(*events: dict[str, Any]) -> list[Delta]:
    return read_whole_and_bytewise(lambda: ResponsesReader("me"), b"".join(map(sse, events)))


def failed(*events: dict[str, Any] | bytes) -> ProviderError:
    reader = ResponsesReader("me")
    reader.feed(b"".join(each if isinstance(each, bytes) else sse(each) for each in events))
    with pytest.raises(ProviderError) as caught:
        reader.stop()
    return caught.value


PAGE = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 99}


def test_a_second_part_of_a_summary_is_told_apart_and_usage_is_read():
    usage = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 5},
    }
    assert read(
        event("reasoning_summary_part.added", summary_index=0), event("reasoning_summary_text.delta", delta="a"),
        event("reasoning_summary_part.added", summary_index=1), event("reasoning_summary_text.delta", delta="b"),
        item("reasoning", what="done", encrypted_content=None), ended(usage=usage),
    ) == [
        ReasoningDelta("a"), ReasoningDelta("\n\n"), ReasoningDelta("b"), UsageDelta(9, 7, 4, 5), StopDelta("stop"),
    ]  # fmt: skip


def test_arguments_that_come_whole_are_not_lost_and_calls_keep_apart():
    assert read(
        item("function_call", 3, call_id="a", name="f"), item("function_call", 5, call_id="b", name="g"),
        event("function_call_arguments.delta", output_index=5, delta="{}"),
        item("function_call", 3, "done", arguments='{"x":1}'), item("function_call", 5, "done", arguments="{}"),
        ended(),
    ) == [
        ToolCallDelta(0, "a", "f"), ToolCallDelta(1, "b", "g"), ToolCallDelta(1, arguments="{}"),
        ToolCallDelta(0, arguments='{"x":1}'), StopDelta("tool_calls"),
    ]  # fmt: skip


def test_calls_without_an_index_are_told_apart_by_their_ids():
    first, second = (
        event("output_item.added", item={"type": "function_call", "id": call_id, "call_id": call_id, "name": "f"})
        for call_id in ("a", "b")
    )
    more = event("function_call_arguments.delta", item_id="a", delta="{}")
    assert read(first, second, more, ended())[2] == ToolCallDelta(0, arguments="{}")


def test_a_citation_counts_from_the_beginning_of_what_we_join():
    cited = event("output_text.annotation.added", annotation={**PAGE, "start_index": 0, "end_index": 3})
    deltas = read(
        item("message"), event("content_part.added"), event("output_text.delta", delta="One. "),
        event("content_part.added"), event("output_text.delta", delta="Two."), cited,
        item("message", 1), event("content_part.added"), event("output_text.delta", delta="Three."), cited, ended(),
    )  # fmt: skip
    assert [delta[2:] for delta in deltas if isinstance(delta, CitationDelta)] == [(5, 8), (0, 3)]


def test_messages_one_after_the_other_keep_apart_and_keep_their_phases():
    assert read(
        item("message", phase="commentary"), event("output_text.delta", delta="a"),
        item("web_search_call", 1), item("message", 2, phase="final_answer"), event("output_text.delta", delta="b"),
        item("message", 3, phase="a_phase_of_tomorrow"), event("refusal.delta", delta="c"),
        ended(),
    ) == [
        MessageDelta("commentary"), TextDelta("a"), MessageDelta("final_answer"), TextDelta("b"),
        MessageDelta(None), RefusalDelta("c"), StopDelta("stop"),
    ]  # fmt: skip


def test_one_message_without_a_phase_needs_no_beginning():
    said = event("output_text.delta", delta="a")
    assert read(item("reasoning"), item("message", 1), said, ended()) == [TextDelta("a"), StopDelta("stop")]


def test_a_citation_of_a_file_that_the_endpoint_holds_is_skipped():
    assert read(event("output_text.annotation.added", annotation={"type": "file_citation"}), ended()) == [
        StopDelta("stop")
    ]


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (ended(), "stop"),
        (ended("incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
        (ended("incomplete", incomplete_details={"reason": "content_filter"}), "content_filter"),
        (ended("incomplete", incomplete_details=None), "length"),
    ],
)
def test_every_ending_has_its_neutral_word(ending, reason):
    assert read(ending) == [StopDelta(reason)]


@pytest.mark.parametrize(
    ("code", "ours", "retryable"),
    [
        ("server_error", "model_error", True),
        ("rate_limit_exceeded", "provider_rate_limited", True),
        ("invalid_prompt", "provider_refused_request", False),
        ("context_length_exceeded", "context_length_exceeded", False),
        ("insufficient_quota", "provider_auth", False),
        ("vector_store_timeout", "provider_timeout", True),
        ("image_parse_error", "provider_refused_request", False),
        (None, "model_error", True),
    ],
)
def test_a_failure_has_its_code_in_every_form(code, ours, retryable):
    told = {"code": code, "message": "canary"}
    for failure in (
        event("error", **told),
        event("error", error=told),
        ended("failed", error=told, usage={"input_tokens": 1, "output_tokens": 0}),
    ):
        error = failed(failure, ended())
        assert (error.code, error.retryable) == (ours, retryable)
        assert "canary" not in repr(error)


@pytest.mark.parametrize(
    "bad", [b"data: {\n\n", b"data: []\n\n", sse(event("output_text.delta", delta=3)), b"data: [DONE]\n\n"]
)
def test_what_cannot_be_read_or_has_no_ending_is_a_failure(bad):
    assert failed(bad, ended()).code == "model_error"


# requests


def body(call: ModelCall, model: str = "m", host: str = "") -> dict[str, Any]:
    call = replace(call, model=model)
    can = family_of("openai_responses", model, host).capabilities
    require(can, call)
    return responses_request(call, can, "me")


def test_a_model_that_does_not_reason_is_not_asked_for_its_reasoning():
    call = model_call(temperature=0.3, reasoning={"effort": "none", "summary": None})
    sent = body(call, "gpt-4.1", "api.openai.com")
    assert "include" not in sent
    assert "reasoning" not in sent
    assert sent["temperature"] == 0.3


def test_a_model_that_reasons_is_not_told_of_sampling():
    sent = body(model_call(temperature=1.0, top_p=1.0), "gpt-5.1", "api.openai.com")
    assert not {"temperature", "top_p"} & set(sent)


def test_all_settings_have_their_own_names():
    settings = {"top_p": 0.5, "presence_penalty": 1, "frequency_penalty": -1, "service_tier": "flex"}
    form = {"type": "json_schema", "name": "n", "description": None, "schema": {}, "strict": True}
    sent = body(
        model_call(include_logprobs=True, top_logprobs=3, text={"format": form, "verbosity": "low"}, **settings)
    )
    assert {name: sent[name] for name in settings} == settings
    assert (sent["top_logprobs"], sent["include"][-1]) == (3, "message.output_text.logprobs")
    assert sent["text"] == {
        "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True},
        "verbosity": "low",
    }


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "name": "f"}, {"type": "function", "name": "f"}),
        ({"type": "allowed_tools", "mode": "required", "tools": []}, "required"),
        ({"type": "allowed_tools", "tools": []}, "auto"),
    ],
)
def test_every_tool_choice_is_translated(choice, told):
    assert body(model_call(tools=[function_tool("f")], tool_choice=choice))["tool_choice"] == told


def test_a_phase_and_annotations_and_images_in_outputs_are_kept_and_ids_of_ours_are_not_sent():
    page = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    part = {"type": "output_text", "text": "x", "annotations": [page], "logprobs": []}
    answer = {"id": "msg_ours", "type": "message", "role": "assistant", "phase": "commentary", "content": [part]}
    image = {"type": "input_image", "image_url": PIXEL, "detail": "low"}
    notes = {"type": "input_file", "file_data": NOTES}
    sent = body(model_call([answer, function_call_output("c", [image, notes])]))["input"]
    assert "msg_ours" not in json.dumps(sent)
    assert (sent[0]["phase"], sent[0]["content"][0]["annotations"]) == ("commentary", [page])
    assert sent[1]["output"] == [image, {**notes, "filename": "document.txt"}]


@pytest.mark.parametrize("code", ["context_length_exceeded", "exceed_context_size_error"])
def test_a_context_that_is_too_long_is_told_apart(code):
    refusal = json.dumps({"error": {"code": code, "message": "canary"}}).encode()
    with Upstream([Script.error(400, refusal)]) as upstream, pytest.raises(ProviderError) as caught:
        run(OpenAIResponses(upstream.base_url), model_call())
    assert caught.value.code == "context_length_exceeded"


def test_the_key_is_sent_as_a_bearer_token():
    with Upstream([Script([sse(ended())])]) as upstream:
        run(OpenAIResponses(upstream.base_url, "canary"), model_call([user("Hi")]))
    request = upstream.requests[0]
    assert (request.path, request.headers["authorization"]) == ("/v1/responses", "Bearer canary")


def test_less_than_the_protocols_least_number_of_tokens_becomes_it() -> None:
    """OpenAI refuses ``max_output_tokens`` below 16, while Chat Completions takes 1."""
    assert body(model_call(max_output_tokens=1))["max_output_tokens"] == 16
    assert body(model_call(max_output_tokens=17))["max_output_tokens"] == 17
