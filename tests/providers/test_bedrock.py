from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.stub import Stubber

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
from antiphon.providers.bedrock import Bedrock
from antiphon.providers.bedrock.pump import Held, Pump
from antiphon.providers.bedrock.request import converse_request
from antiphon.providers.families import family_of
from antiphon.providers.require import require
from tests.support.calls import function_call, function_call_output, function_tool, model_call, run, user
from tests.support.conversations import PDF, PIXEL
from tests.support.protocols import Converse, event_frame, exception_frame
from tests.support.upstream import Gate, Script, Upstream

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
USAGE = {
    "inputTokens": 10,
    "outputTokens": 5,
    "totalTokens": 25,
    "cacheReadInputTokens": 7,
    "cacheWriteInputTokens": 3,
}
START = event_frame("messageStart", {"role": "assistant"})
METADATA = event_frame("metadata", {"usage": USAGE, "metrics": {"latencyMs": 12}, "trace": {"guardrail": {}}})


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")


def delta(block: int = 0, **fields: Any) -> bytes:
    return event_frame("contentBlockDelta", {"delta": fields, "contentBlockIndex": block})


def stop(block: int = 0) -> bytes:
    return event_frame("contentBlockStop", {"contentBlockIndex": block})


def ended(reason: str = "end_turn") -> bytes:
    return event_frame("messageStop", {"stopReason": reason})


def read(*frames: bytes) -> list[Delta]:
    with Upstream([Script(frames, headers=Converse.headers)]) as upstream:
        return run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), call())


def failed(*frames: bytes, status: int = 200, headers: dict[str, str] | None = None) -> ProviderError:
    script = Script(frames, status, headers or Converse.headers)
    with Upstream([script]) as upstream, pytest.raises(ProviderError) as caught:
        run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), call())
    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value


def call(items: Any = "Hi", **more: Any) -> ModelCall:
    return replace(model_call(items, **more), model=CLAUDE)


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
        ("a_reason_of_tomorrow", "stop"),
    ],
)
def test_every_stop_reason_has_its_neutral_word(reason, told):
    assert read(START, ended(reason), METADATA)[-1] == StopDelta(told)


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
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
    assert failed(START, bytes(frame), ended(), METADATA).code in {"model_error", "provider_timeout"}


def test_no_credentials_are_told_as_such(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
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


# the pump


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "bedrock"]


async def left(upstream: Upstream) -> None:
    """Wait until the server sees the connection close and no thread is left; both come at once, not by a time-out."""
    assert await asyncio.to_thread(upstream.closed_early.wait, 10)
    for thread in threads():
        await asyncio.to_thread(thread.join, 10)
    assert threads() == []


@pytest.mark.parametrize("begun", [(), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\n\r\n", START)], ids=len)
@pytest.mark.parametrize("used_before", [False, True])
def test_a_cancelled_wait_ends_its_thread_however_far_the_answer_has_come(begun, used_before):
    async def scenario(base_url: str) -> None:
        provider = Bedrock(endpoint_url=base_url, region="eu-central-1")
        if used_before:
            assert [each async for each in provider.stream(call())][-1] == StopDelta("stop")
        waiting = asyncio.ensure_future(anext(provider.stream(call())))
        assert await asyncio.to_thread(gate.reached.wait, 10)
        assert len(threads()) == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await left(upstream)
        assert upstream.connections == 1
        await provider.aclose()

    gate = Gate()
    held = Script([*begun, gate], raw=True)
    whole = Script([START, ended(), METADATA], headers=Converse.headers)
    with Upstream([whole, held] if used_before else [held]) as upstream:
        asyncio.run(scenario(upstream.base_url))


@pytest.mark.parametrize("begun", [(), (b"HTTP/1.1 200 OK\r\n\r\n", START)], ids=["silent", "begun"])
def test_the_deadline_ends_a_wait_and_its_thread(begun):
    async def scenario(base_url: str) -> str:
        provider = Bedrock(endpoint_url=base_url, region="eu-central-1")
        assert [each async for each in provider.stream(call())][-1] == StopDelta("stop")  # the client is made
        stream = provider.stream(replace(call(), deadline=asyncio.get_running_loop().time() + 1))
        with pytest.raises(ProviderError) as caught:
            async for _ in stream:
                pass
        await left(upstream)
        await provider.aclose()
        return caught.value.code

    whole = Script([START, ended(), METADATA], headers=Converse.headers)
    with Upstream([whole, Script([*begun, Gate()], raw=True)]) as upstream:
        assert asyncio.run(scenario(upstream.base_url)) == "provider_timeout"


def test_a_stream_that_nobody_wants_before_it_connects_is_never_asked_for():
    async def scenario(base_url: str) -> None:
        provider = Bedrock(endpoint_url=base_url, region="eu-central-1")

        def slowly() -> Iterable[dict[str, Any]]:
            gone.wait()
            events: Iterable[dict[str, Any]] = provider._client().converse_stream(modelId="m", messages=[])["stream"]
            return events

        pump = Pump(slowly)
        pump.close()
        gone.set()
        for thread in threads():
            await asyncio.to_thread(thread.join, 30)
        with pytest.raises(ConnectionClosedError):
            await pump.next(asyncio.get_running_loop().time() + 10)
        await provider.aclose()

    gone = threading.Event()
    with Upstream() as upstream:
        asyncio.run(scenario(upstream.base_url))
    assert upstream.requests == []


def test_a_pump_that_is_closed_late_leaves_the_connection_to_its_next_user():
    async def scenario() -> None:
        gate = threading.Event()
        ours, theirs = socket.socketpair()
        connection = Connected()
        connection.sock = ours
        first, second = (Pump(lambda: iter(lambda: gate.wait() and None, None)) for _ in range(2))
        first.hold(connection)
        second.hold(connection)
        first.close()
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
        second.hold(connection)
        second.close()
        assert ours.recv(1) == b""
        gate.set()
        for end in (ours, theirs):
            end.close()

    class Connected(Held):
        sock: Any = None

    asyncio.run(scenario())


# requests


def body(asked: ModelCall, model: str = CLAUDE, **more: Any) -> dict[str, Any]:
    """Write a request and let boto3 hold it against the service's model."""
    asked = replace(asked, model=model)
    can = family_of("bedrock", model).capabilities
    require(can, asked)
    arguments = converse_request(asked, can, **more)
    client = boto3.client("bedrock-runtime", region_name="eu-central-1")
    with Stubber(client) as stubber:
        stubber.add_response("converse_stream", {}, arguments)
        client.converse_stream(**arguments)
    client.close()
    return arguments


@pytest.mark.parametrize(
    ("model", "effort", "fields", "output"),
    [
        ("anthropic.claude-opus-4-8", "xhigh", {"thinking": {"type": "adaptive"}}, {"effort": "xhigh"}),
        (CLAUDE, "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}, None),
        (CLAUDE, "none", None, None),
    ],
)
def test_effort_becomes_what_the_family_understands(model, effort, fields, output):
    sent = body(model_call(reasoning={"effort": effort}), model)
    assert (sent.get("additionalModelRequestFields"), sent.get("outputConfig")) == (fields, output)


def test_a_budget_needs_room():
    with pytest.raises(ApiError) as caught:
        body(model_call(reasoning={"effort": "low"}, max_output_tokens=1024))
    assert caught.value.param == "max_output_tokens"


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "name": "f"}, {"tool": {"name": "f"}}),
        ({"type": "allowed_tools", "mode": "required", "tools": []}, {"any": {}}),
    ],
)
def test_every_tool_choice_is_translated(choice, told):
    assert body(model_call(tools=[function_tool("f")], tool_choice=choice))["toolConfig"]["toolChoice"] == told


def test_a_guardrail_a_schema_and_a_tier_are_told():
    form = {"type": "json_schema", "name": "n", "description": "d", "schema": {"type": "object"}, "strict": True}
    sent = body(
        model_call(text={"format": form}, service_tier="flex", temperature=0.5, max_output_tokens=50),
        guardrail="arn:aws:bedrock:eu-central-1:123456789012:guardrail/abc:3",
    )
    assert sent["guardrailConfig"] == {
        "guardrailIdentifier": "arn:aws:bedrock:eu-central-1:123456789012:guardrail/abc",
        "guardrailVersion": "3",
    }
    schema = {"schema": '{"type": "object"}', "name": "n", "description": "d"}
    assert sent["outputConfig"]["textFormat"] == {"type": "json_schema", "structure": {"jsonSchema": schema}}
    assert (sent["serviceTier"], sent["inferenceConfig"]) == ({"type": "flex"}, {"maxTokens": 50, "temperature": 0.5})


def test_cache_points_stand_after_what_the_next_turn_repeats():
    asked = model_call("Hi", instructions="Be brief.", prompt_cache_key="k")
    point = {"cachePoint": {"type": "default"}}
    sent = body(asked)
    assert (sent["system"][-1], sent["messages"][-1]["content"][-1]) == (point, point)
    assert point not in body(asked, "meta.llama3-3-70b-instruct-v1:0")["system"]


def test_documents_have_names_of_their_own_and_never_go_without_a_text():
    file = {"type": "input_file", "filename": "Käse & Brot.pdf", "file_data": PDF}
    unnamed = {"type": "input_file", "file_data": PDF}
    content = body(model_call([user([file, file, unnamed])]), citations=True)["messages"][0]["content"]
    assert [block["document"]["name"] for block in content[:3]] == ["K se Brot", "K se Brot 2", "document"]
    assert content[0]["document"]["citations"] == {"enabled": True}
    assert content[3] == {"text": "K se Brot, K se Brot 2, document"}


def test_images_and_documents_go_into_the_output_of_a_call():
    image = {"type": "input_image", "image_url": PIXEL}
    items = [
        user("x"),
        function_call("c", "f"),
        function_call_output("c", [image, {"type": "input_text", "text": "y"}]),
    ]
    [result] = body(model_call(items))["messages"][-1]["content"]
    assert [next(iter(block)) for block in result["toolResult"]["content"]] == ["image", "text"]


def test_sealed_reasoning_goes_back_as_bytes():
    state = {"kind": "bedrock", "redacted": base64.b64encode(b"sealed").decode()}
    items = [user("x"), {"type": "reasoning", "summary": [], "state": state}]
    assert body(model_call(items))["messages"][-1]["content"] == [{"reasoningContent": {"redactedContent": b"sealed"}}]


def test_who_the_end_user_is_goes_into_the_metadata_in_its_alphabet():
    assert body(model_call(safety_identifier="u-1"))["requestMetadata"] == {"safety_identifier": "u-1"}
    assert len(body(model_call(safety_identifier="é"))["requestMetadata"]["safety_identifier"]) == 64
