"""Chat Completions: the same pipeline in OpenAI's older protocol, held against OpenAI's API reference."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.support.caller import Caller, refused
from tests.support.chat import calls_of, complete, joined, post, stream
from tests.support.schema import check_response
from tests.support.upstream import CUT, Script, Upstream, answer, chunk, finish, text, tool_call, usage

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = f"data:image/png;base64,{PIXEL}"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def message(whole: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = whole["choices"][0]["message"]
    return given


def test_json_and_stream_are_the_same_completion(service: Caller, key: str, upstream: Upstream) -> None:
    upstream.scripts = [answer("One two three")]
    whole = complete(service, key)
    chunks = stream(service, key, stream_options={"include_usage": True})
    assert message(whole) == {"role": "assistant", "content": "One two three", "refusal": None, "annotations": []}
    assert joined(chunks) == "One two three"
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert whole["choices"][0]["finish_reason"] == chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"] == chunks[-1]["usage"]
    assert whole["usage"]["total_tokens"] == 6
    assert chunks[-1]["choices"] == []
    assert {(each["id"], each["created"], each["model"], each["object"]) for each in chunks} == {
        (chunks[0]["id"], chunks[0]["created"], "agent", "chat.completion.chunk")
    }


def test_a_stream_has_no_usage_unless_it_is_asked_for(service: Caller, key: str) -> None:
    chunks = stream(service, key)
    assert all("usage" not in each and each["choices"] for each in chunks)


def test_messages_reach_the_model_in_their_roles(service: Caller, key: str, upstream: Upstream) -> None:
    said = [
        {"role": "system", "content": "Be brief.", "name": "rules"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "index": 0,
                    "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "17 degrees", "name": "get_weather"},
    ]
    complete(service, key, said, tools=[TOOL])
    [request] = upstream.requests
    assert request.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "17 degrees"},
    ]
    assert request.body["tools"][0]["function"]["name"] == "get_weather"


def test_parallel_calls_have_indices_and_whole_arguments(service: Caller, key: str, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(
            tool_call(0, "call_a", "get_weather"),
            tool_call(0, arguments='{"city":'),
            tool_call(0, arguments='"Rome"}'),
            tool_call(1, "call_b", "get_weather", '{"city":"Oslo"}'),
            finish("tool_calls"),
            usage(1, 1),
        )
    ]
    calls = message(complete(service, key, tools=[TOOL]))["tool_calls"]
    chunks = stream(service, key, tools=[TOOL])
    assert [call["function"]["arguments"] for call in calls] == ['{"city":"Rome"}', '{"city":"Oslo"}']
    assert [call["id"] for call in calls] == ["call_a", "call_b"]
    assert [{**call, "index": None} for call in calls_of(chunks)] == [{**call, "index": None} for call in calls]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_an_answer_of_calls_alone_has_no_content(service: Caller, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(tool_call(0, "call_a", "get_weather", "{}"), finish("tool_calls"), usage(1, 1))]
    whole = complete(service, key, tools=[TOOL])
    assert message(whole)["content"] is None
    assert whole["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("given", "shown"), [("length", "length"), ("content_filter", "content_filter"), ("stop", "stop")]
)
def test_the_reason_why_the_model_stopped_is_passed_on(
    service: Caller, key: str, upstream: Upstream, given: str, shown: str
) -> None:
    upstream.scripts = [Script.stream(text("Hi"), finish(given), usage(1, 1))]
    assert complete(service, key)["choices"][0]["finish_reason"] == shown
    assert stream(service, key)[-1]["choices"][0]["finish_reason"] == shown


def test_a_refusal_is_no_content(service: Caller, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(chunk({"refusal": "I can"}), chunk({"refusal": "not."}), finish(), usage(1, 1))]
    whole = message(complete(service, key))
    assert (whole["content"], whole["refusal"]) == (None, "I cannot.")
    assert joined(stream(service, key), "refusal") == "I cannot."


def test_reasoning_is_given_and_taken_back(service: Caller, key: str, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(
            chunk({"reasoning_content": "Let me "}), chunk({"reasoning_content": "think."}), text("42"), finish()
        )
    ]
    whole = message(complete(service, key, reasoning_effort="low"))
    assert (whole["content"], whole["reasoning_content"]) == ("42", "Let me think.")
    assert joined(stream(service, key), "reasoning_content") == "Let me think."
    again = complete(service, key, [{"role": "user", "content": "Hi"}, whole, {"role": "user", "content": "Why?"}])
    assert message(again)["content"] == "42"


def test_log_probabilities_are_passed_on(service: Caller, key: str, upstream: Upstream) -> None:
    token = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
    upstream.scripts = [Script.stream(chunk({"content": "Hi"}, logprobs={"content": [token]}), finish(), usage(1, 1))]
    whole = complete(service, key, logprobs=True, top_logprobs=2)
    assert whole["choices"][0]["logprobs"] == {"content": [token], "refusal": None}
    assert upstream.requests[0].body["top_logprobs"] == 2
    chunks = stream(service, key, logprobs=True)
    assert chunks[1]["choices"][0]["logprobs"]["content"] == [token]


def test_images_and_files_reach_the_model(service: Caller, key: str, upstream: Upstream) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGVsbG8="}},
    ]
    complete(service, key, [{"role": "user", "content": parts}])
    content = upstream.requests[0].body["messages"][0]["content"]
    assert content[1] == {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}}
    assert "Hello" in str(content[2])


def test_structured_output_reaches_the_model(service: Caller, key: str, upstream: Upstream) -> None:
    schema = {"name": "person", "schema": {"type": "object", "properties": {"age": {"type": "integer"}}}}
    complete(service, key, response_format={"type": "json_schema", "json_schema": schema})
    complete(service, key, response_format={"type": "json_object"})
    complete(service, key, response_format={"type": "text"})
    forms = [request.body.get("response_format") for request in upstream.requests]
    assert forms[0]["json_schema"]["schema"] == schema["schema"]
    assert forms[0]["json_schema"]["strict"] is False
    assert forms[1:] == [{"type": "json_object"}, None]


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_a_limit_may_be_one_token(service: Caller, key: str, upstream: Upstream, limit: str) -> None:
    complete(service, key, **{limit: 1})
    assert 1 in upstream.requests[0].body.values()


def test_parameters_reach_the_model(service: Caller, key: str, upstream: Upstream) -> None:
    complete(service, key, temperature=0, top_p=0.5, presence_penalty=1, frequency_penalty=-1, seed=7, n=1, user="u")
    sent = upstream.requests[0].body
    assert (sent["temperature"], sent["top_p"], sent["presence_penalty"], sent["frequency_penalty"]) == (0, 0.5, 1, -1)


def test_nothing_is_stored_unless_it_is_asked_for(service: Caller, key: str) -> None:
    first = complete(service, key)
    assert service.get(f"/v1/responses/{response_id(first)}", key).status_code == 404
    second = complete(service, key, store=True, metadata={"topic": "greeting"})
    stored = service.retrieve(key, response_id(second))
    check_response(stored)
    assert stored["output"][0]["content"][0]["text"] == message(second)["content"]
    assert stored["metadata"] == {"topic": "greeting"}
    chunks = stream(service, key, store=True)
    assert service.retrieve(key, response_id(chunks[0]))["status"] == "completed"


def response_id(completion: dict[str, Any]) -> str:
    return str(completion["id"]).replace("chatcmpl-", "resp_")


def test_a_stored_completion_can_be_continued_as_a_response(service: Caller, key: str, upstream: Upstream) -> None:
    first = complete(service, key, "I am Ada", store=True)
    service.create(key, input="Who am I?", previous_response_id=response_id(first))
    assert [each["content"] for each in upstream.requests[1].body["messages"]] == [
        "I am Ada",
        "Hello from upstream",
        "Who am I?",
    ]


def test_a_request_that_is_sent_again_gets_the_same_answer(service: Caller, key: str, upstream: Upstream) -> None:
    again = {"idempotency-key": "one"}
    said = [{"role": "user", "content": "Hi"}]
    first, second = (post(service, key, again, messages=said, store=True) for _ in range(2))
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert len(upstream.requests) == 1


def test_a_failure_before_the_answer_is_a_status_in_json(service: Caller, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(401)]
    refused(post(service, key, messages=[{"role": "user", "content": "Hi"}]), 500, "provider_auth")


def test_a_failure_in_a_stream_is_an_error_that_openais_sdk_raises(
    service: Caller, key: str, upstream: Upstream
) -> None:
    """https://github.com/openai/openai-python/blob/main/src/openai/_streaming.py raises for ``data["error"]``."""
    upstream.scripts = [Script([*Script.stream(text("Hel"), done=False).steps, CUT])]
    chunks = stream(service, key)
    assert joined(chunks) == "Hel"
    assert set(chunks[-1]) == {"error"}
    assert set(chunks[-1]["error"]) == {"message", "type", "code", "param"}
    with openai.OpenAI(base_url=service.base_url, api_key=key, max_retries=0) as client:
        events = client.chat.completions.create(
            model="agent", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        with pytest.raises(openai.APIError) as raised:
            list(events)
    assert raised.value.code == "model_error"


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"messages": []}, 400, "out_of_range", "messages"),
        ({}, 400, "missing_required_parameter", "messages"),
        ({"messages": "Hi"}, 400, "invalid_type", "messages"),
        ({"messages": [{"role": "function", "content": "x"}]}, 400, "unsupported_value", "messages[0].role"),
        ({"messages": [{"content": "x"}]}, 400, "missing_required_parameter", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, 400, "missing_required_parameter", "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            400,
            "unsupported_value",
            "messages[0].content[0].type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            400,
            "unsupported_parameter",
            "messages[0].content[0].file.file_id",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]},
            400,
            "invalid_image",
            "messages[0].content[0].image_url.url",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "reasoning_content": "b", "content": "c"},
                    {"role": "tool", "tool_call_id": "none", "content": "d"},
                ]
            },
            400,
            "tool_output_mismatch",
            "messages[2].tool_call_id",
        ),
        ({"n": 2}, 400, "unsupported_value", "n"),
        ({"max_tokens": 0}, 400, "out_of_range", "max_tokens"),
        ({"max_tokens": 20, "max_completion_tokens": 30}, 400, "invalid_value", "max_tokens"),
        ({"temperature": 3}, 400, "out_of_range", "temperature"),
        ({"top_logprobs": 3}, 400, "invalid_value", "top_logprobs"),
        ({"tools": [{"type": "mcp"}]}, 400, "unsupported_value", "tools[0].type"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            400,
            "invalid_value",
            "tools[0].function.name",
        ),
        (
            {"tool_choice": {"type": "function", "function": {"name": "x"}}},
            400,
            "invalid_value",
            "tool_choice.function.name",
        ),
        ({"reasoning_effort": "much"}, 400, "unsupported_value", "reasoning_effort"),
        ({"logit_bias": {"50256": -100}}, 400, "out_of_range", "logit_bias"),
        ({"functions": []}, 400, "unsupported_parameter", "functions"),
        ({"input": "Hi"}, 400, "unknown_parameter", "input"),
        ({"model": "nobody"}, 404, "model_not_found", "model"),
    ],
)
def test_what_is_wrong_is_named_as_the_caller_wrote_it(
    service: Caller, key: str, upstream: Upstream, fields: dict[str, Any], status: int, code: str, param: str
) -> None:
    whole = (
        fields if not fields or "messages" in fields else {"messages": [{"role": "user", "content": "Hi"}], **fields}
    )
    error = refused(post(service, key, **whole), status, code, param)
    assert "input" not in error["message"] or param == "input"
    assert not upstream.requests


def test_an_unused_field_may_be_null(service: Caller, key: str) -> None:
    unused = ("tools", "stop", "n", "user", "logit_bias", "functions", "audio", "stream_options", "store", "logprobs")
    complete(service, key, **dict.fromkeys(unused))


def test_it_needs_a_key_and_a_grant(service: Caller, key: str) -> None:
    said = [{"role": "user", "content": "Hi"}]
    refused(post(service, None, messages=said), 401, "missing_api_key")
    refused(post(service, service.key(read_only=True), messages=said), 403, "read_only_key")
    refused(post(service, service.key(agents=("other",)), messages=said), 404, "model_not_found")


@pytest.mark.parametrize(
    "pieces", [["One STOP two"], ["One ST", "OP", " two"], ["One S", "TO", "P"], list("One STOP two")]
)
def test_an_answer_ends_at_a_stop_sequence(service: Caller, key: str, upstream: Upstream, pieces: list[str]) -> None:
    upstream.scripts = [Script.stream(*map(text, pieces), finish(), usage(1, 1))]
    whole = complete(service, key, stop=["never", "STOP"])
    assert message(whole)["content"] == "One "
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert joined(stream(service, key, stop="STOP")) == "One "
    assert upstream.requests[0].body["stop"] == ["never", "STOP"]


def test_what_only_begins_like_a_stop_sequence_is_kept(service: Caller, key: str, upstream: Upstream) -> None:
    token = {"logprob": -0.5, "bytes": [83], "top_logprobs": []}
    tokens = [{"token": piece, **token} for piece in ("S", "T", "A")]
    pieces = [chunk({"content": each["token"]}, logprobs={"content": [each]}) for each in tokens]
    upstream.scripts = [Script.stream(*pieces, tool_call(0, "call_a", "get_weather", "{}"), finish("tool_calls"))]
    whole = complete(service, key, stop=["STOP", "AB"], logprobs=True, tools=[TOOL])
    assert message(whole)["content"] == "STA"
    assert [each["token"] for each in whole["choices"][0]["logprobs"]["content"]] == ["S", "T", "A"]
    assert whole["choices"][0]["finish_reason"] == "tool_calls"
