from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from urllib.parse import quote

import pytest

from antiphon.errors import ProviderError
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
from antiphon.providers.bedrock.adapter import Bedrock
from tests.support.bedrock import CLAUDE, METADATA, START, call, delta, ended, stop
from tests.support.calls import run
from tests.support.protocols import Converse, event_frame, exception_frame
from tests.support.upstream import Gate, Script, Upstream

pytestmark = pytest.mark.usefixtures("aws_keys")


def read(*frames: bytes) -> list[Delta]:
    with Upstream([Script(frames, headers=Converse.headers)]) as upstream:
        return run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), call())


def failed(*frames: bytes, status: int = 200, headers: dict[str, str] | None = None) -> ProviderError:
    script = Script(frames, status, headers or Converse.headers)
    with Upstream([script]) as upstream, pytest.raises(ProviderError) as caught:
        run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), call())
    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value


def test_every_documented_event_and_delta_is_read():
    tool = {"toolUse": {"toolUseId": "tooluse_1", "name": "f"}}
    page = {"title": "report", "location": {"documentPage": {"documentIndex": 0, "start": 3, "end": 4}}}
    sealed = base64.b64encode(b"sealed").decode()
    assert read(
        START,
        delta(reasoningContent={"text": "Hm."}),
        delta(reasoningContent={"signature": "EqQB"}),
        stop(),
        delta(1, reasoningContent={"redactedContent": sealed}),
        stop(1),
        delta(2, text="Hi"),
        delta(2, citation=page),
        stop(2),
        event_frame("contentBlockStart", {"start": tool, "contentBlockIndex": 3}),
        delta(3, toolUse={"input": '{"a":1}'}),
        stop(3),
        event_frame("contentBlockStart", {"start": {"image": {"format": "png"}}, "contentBlockIndex": 4}),
        delta(4, image={"source": {"bytes": sealed}}),
        delta(4, toolResult=[{"text": "x"}]),
        stop(4),
        ended("tool_use"),
        METADATA,
    ) == [
        ReasoningDelta("Hm."),
        ReasoningStateDelta({"kind": "bedrock", "maker": CLAUDE, "signature": "EqQB"}),
        ReasoningStateDelta({"kind": "bedrock", "maker": CLAUDE, "redacted": sealed}),
        TextDelta("Hi"),
        CitationDelta("report#page=3", "report", 0, 2),
        ToolCallDelta(0, "tooluse_1", "f"),
        ToolCallDelta(0, arguments='{"a":1}'),
        UsageDelta(20, 5, 7),
        StopDelta("tool_calls"),
    ]


@pytest.mark.parametrize(
    ("cited", "url", "title"),
    [
        ({"title": "A", "location": {"web": {"url": "https://a.example", "domain": "a"}}}, "https://a.example", "A"),
        ({"title": "r", "location": {"documentChar": {"documentIndex": 0, "start": 4, "end": 9}}}, "r#char=4,9", "r"),
        ({"title": "r", "location": {"documentChunk": {"documentIndex": 0, "start": 1, "end": 2}}}, "r", "r"),
        ({"source": "s3://b", "location": {"searchResultLocation": {"searchResultIndex": 0}}}, "s3://b", "s3://b"),
        ({}, "document", "document"),
    ],
)
def test_every_kind_of_citation_names_its_source(cited, url, title):
    deltas = read(START, delta(text="One. "), stop(), delta(1, text="Two."), delta(1, citation=cited), stop(1), ended())
    assert deltas[2] == CitationDelta(url, title, 5, 9)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("refusal", "content_filter"),
    ],
)
def test_every_stop_reason_has_its_neutral_word(reason, told):
    assert read(START, ended(reason), METADATA)[-1] == StopDelta(told)


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use", "a_reason_of_tomorrow"])
def test_what_a_model_garbled_is_a_failure(reason):
    assert failed(START, ended(reason), METADATA).code == "model_error"


@pytest.mark.parametrize(
    ("kind", "code", "retryable"),
    [
        ("internalServerException", "model_error", True),
        ("modelStreamErrorException", "model_error", True),
        ("serviceUnavailableException", "model_error", True),
        ("throttlingException", "provider_rate_limited", True),
        ("validationException", "provider_refused_request", False),
    ],
)
def test_every_exception_in_the_stream_has_its_code(kind, code, retryable):
    error = failed(START, exception_frame(kind, {"message": "canary"}))
    assert (error.code, error.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("AccessDeniedException", 403, "provider_auth"),
        ("ExpiredTokenException", 403, "provider_auth"),
        ("UnrecognizedClientException", 403, "provider_auth"),
        ("ThrottlingException", 429, "provider_rate_limited"),
        ("ServiceQuotaExceededException", 400, "provider_rate_limited"),
        ("ModelTimeoutException", 408, "provider_timeout"),
        ("ModelNotReadyException", 429, "model_error"),
        ("ModelErrorException", 424, "model_error"),
        ("InternalServerException", 500, "model_error"),
        ("ServiceUnavailableException", 503, "model_error"),
        ("ResourceNotFoundException", 404, "provider_model_not_found"),
        ("ValidationException", 400, "provider_refused_request"),
    ],
)
def test_every_exception_before_the_stream_has_its_code(name, status, code):
    headers = {"content-type": "application/json", "x-amzn-ErrorType": f"{name}:http://internal.amazon.com/"}
    assert failed(b'{"message":"canary"}', status=status, headers=headers).code == code


def test_an_error_may_be_named_in_its_body_alone():
    for told in ({"__type": "com.amazon#ThrottlingException"}, {"code": "ThrottlingException"}):
        script = {"status": 400, "headers": {"content-type": "application/json"}}
        assert failed(json.dumps(told).encode(), **script).code == "provider_rate_limited"


def test_a_body_that_cannot_be_read_does_not_hide_the_name():
    headers = {"x-amzn-ErrorType": "ThrottlingException,x"}
    assert failed(b"<html>canary", status=400, headers=headers).code == "provider_rate_limited"


@pytest.mark.parametrize(
    "message", ["Input is too long for requested model.", "prompt is too long: 9 tokens > 8 maximum"]
)
def test_a_context_that_is_too_long_is_told_apart(message):
    headers = {"content-type": "application/json", "x-amzn-ErrorType": "ValidationException"}
    error = failed(json.dumps({"message": message}).encode(), status=400, headers=headers)
    assert error.code == "context_length_exceeded"


@pytest.mark.parametrize("place", [3, 9, 30, -1])
def test_a_frame_whose_checksum_is_wrong_is_a_failure(place):
    frame = bytearray(delta(text="Hello, hello, hello"))
    frame[place] ^= 1
    assert failed(START, bytes(frame), ended(), METADATA).code == "model_error"


def test_a_stream_that_ends_within_a_message_is_a_failure():
    assert failed(START, ended(), METADATA[:-1]).code == "model_error"


def test_what_says_nothing_that_is_known_of_a_delta_is_skipped():
    assert read(START, delta(text=None), delta(wink=1), event_frame("of_tomorrow", {}), ended()) == [StopDelta("stop")]


@pytest.mark.parametrize(
    "frame",
    [
        event_frame("contentBlockDelta", {"contentBlockIndex": 0}),
        delta(text=["x"]),
        delta(reasoningContent={"text": 1}),
        delta(reasoningContent={"redactedContent": "A"}),
    ],
    ids=range(4),
)
def test_what_has_another_shape_is_a_failure(frame):
    assert failed(START, frame, stop(), ended(), METADATA).code == "model_error"


@pytest.mark.usefixtures("bare")
def test_no_credentials_are_told_as_such():
    assert failed(START).code == "provider_auth"


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-opus-4-8",
        CLAUDE,
        "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-6",
        "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123",
    ],
)
def test_the_model_or_its_profile_is_part_of_the_path_and_iam_signs(model):
    with Upstream([Script([START, ended(), METADATA], headers=Converse.headers)]) as upstream:
        run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), replace(call(), model=model))
    request = upstream.requests[0]
    assert request.path == f"/v1/model/{quote(model, safe='')}/converse-stream"
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=canary/")
    assert "/eu-central-1/bedrock/" in request.headers["authorization"]


# leaving


@pytest.mark.parametrize("begun", [(), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\n\r\n", START)], ids=len)
@pytest.mark.parametrize("used_before", [False, True])
async def test_a_cancelled_wait_closes_its_connection_however_far_the_answer_has_come(begun, used_before):
    async def scenario(base_url: str) -> None:
        provider = Bedrock(endpoint_url=base_url, region="eu-central-1")
        if used_before:
            assert [each async for each in provider.stream(call())][-1] == StopDelta("stop")
        waiting = asyncio.ensure_future(anext(provider.stream(call())))
        assert await asyncio.to_thread(gate.reached.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await asyncio.to_thread(upstream.closed_early.wait, 10)
        assert upstream.connections == 1
        await provider.aclose()

    gate = Gate()
    held = Script([*begun, gate], raw=True)
    whole = Script([START, ended(), METADATA], headers=Converse.headers)
    with Upstream([whole, held] if used_before else [held]) as upstream:
        await scenario(upstream.base_url)
