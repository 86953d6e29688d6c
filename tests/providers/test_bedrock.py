from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import os
import ssl
import subprocess
import sys
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import boto3
import orjson
import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
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
from antiphon.providers.bedrock.adapter import Bedrock
from antiphon.providers.bedrock.request import converse_request
from antiphon.providers.description import family_of
from antiphon.providers.require import require
from tests.support.calls import assistant, function_call, function_call_output, function_tool, model_call, run, user
from tests.support.certificates import self_signed
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


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let the environment say nothing, nor this machine's files; gives what changes it."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


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


# who asks, and where


def test_what_is_sent_is_signed_as_botocore_signs_it(monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary-token")
    model = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-6"
    with Upstream([Script([START, ended(), METADATA], headers=Converse.headers)]) as upstream:
        run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), replace(call("é ~ /"), model=model))
    sent = upstream.requests[0]
    assert sent.headers["x-amz-security-token"] == "canary-token"
    url = upstream.base_url.removesuffix("/v1") + sent.path
    again = AWSRequest("POST", url, {"content-type": sent.headers["content-type"]}, orjson.dumps(sent.body))
    moment = dt.datetime.strptime(sent.headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
    monkeypatch.setattr(auth, "get_current_datetime", lambda: moment)
    keys = Credentials("canary", "canary-secret", "canary-token")
    auth.SigV4Auth(keys, "bedrock", "eu-central-1").add_auth(again)
    assert sent.headers["authorization"] == again.headers["authorization"]


def test_botocore_is_not_imported_where_the_environment_says_who_asks():
    code = (
        "import sys\n"
        "from antiphon.providers.bedrock.adapter import Bedrock\n"
        "from tests.support.calls import model_call, run\n"
        "print(*run(Bedrock(endpoint_url=sys.argv[1], region='eu-central-1'), model_call('Hi')), *sys.modules)"
    )
    environ = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "PYTHONPATH": os.pathsep.join(sys.path)}
    with Upstream([Script([START, ended(), METADATA], headers=Converse.headers)]) as upstream:
        command = [sys.executable, "-c", code, upstream.base_url]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "StopDelta(reason='stop')" in done.stdout
    assert not {"boto3", "botocore", "urllib3"} & set(done.stdout.split())


def test_an_api_key_of_bedrocks_goes_before_credentials_and_needs_none(bare):
    bare.setenv("AWS_BEARER_TOKEN_BEDROCK", "canary-key")
    bare.setenv("AWS_REGION", "eu-central-1")
    with Upstream([Script([START, ended(), METADATA], headers=Converse.headers)]) as upstream:
        bare.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", upstream.base_url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert run(Bedrock(), call())[-1] == StopDelta("stop")
            bare.setenv(name, "canary")
    assert [request.headers["authorization"] for request in upstream.requests] == ["Bearer canary-key"] * 2
    assert "x-amz-date" not in upstream.requests[0].headers


@pytest.mark.parametrize("names", [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_BEARER_TOKEN_BEDROCK",)])
def test_no_region_is_told_as_such(bare, names, caplog):
    for name in names:
        bare.setenv(name, "canary")
    with pytest.raises(ProviderError) as caught:
        run(Bedrock(), call())
    assert (caught.value.code, caught.value.retryable) == ("provider_auth", False)
    assert [(record.message, record.code) for record in caplog.records] == [("AWS caller unknown", "NoRegionError")]


def given_keys() -> bytes:
    expires = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)  # within botocore's time of renewal
    keys = {"AccessKeyId": "fetched", "SecretAccessKey": "secret", "Token": "session"}
    return json.dumps({**keys, "Expiration": expires.isoformat()}).encode()


async def test_credentials_are_fetched_and_renewed_beside_the_loop(bare):
    gates = [Gate(), Gate()]
    # One is fetched when credentials are looked for, and one for each signature.
    fetched = [Script([gates[0], given_keys()]), Script([given_keys()]), Script([gates[1], given_keys()])]
    answer = Script([START, delta(text="Hi"), stop(), ended(), METADATA], headers=Converse.headers)
    with Upstream(fetched) as container, Upstream([answer]) as upstream:
        bare.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.base_url)
        provider = Bedrock(endpoint_url=upstream.base_url, region="eu-central-1")
        for gate in gates:
            asked = asyncio.ensure_future(anext(provider.stream(call())))
            assert await asyncio.to_thread(gate.reached.wait, 10)  # nothing else could run here, were it in the loop
            gate.open()
            assert await asked == TextDelta("Hi")
        await provider.aclose()
    assert len(container.requests) == 3
    for request in upstream.requests:
        assert "Credential=fetched/" in request.headers["authorization"]
        assert request.headers["x-amz-security-token"] == "session"


async def test_who_waits_for_credentials_can_leave(bare):
    gate = Gate()
    with Upstream([Script([gate, given_keys()])]) as container, Upstream() as upstream:
        bare.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.base_url)
        provider = Bedrock(endpoint_url=upstream.base_url, region="eu-central-1")
        asked = asyncio.ensure_future(anext(provider.stream(call())))
        assert await asyncio.to_thread(gate.reached.wait, 10)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        gate.open()
        await provider.aclose()
    assert upstream.requests == []


def test_certificates_that_the_environment_names_are_trusted_and_no_others(monkeypatch, tmp_path):
    certificate = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with Upstream([Script([START, ended(), METADATA], headers=Converse.headers)], tls) as upstream:
        with pytest.raises(ProviderError) as caught:
            run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), call())
        assert caught.value.code == "provider_unreachable"
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        told = run(Bedrock(endpoint_url=upstream.base_url, region="eu-central-1"), call())
    assert told[-1] == StopDelta("stop")
    assert len(upstream.requests) == 1


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


POINT = {"cachePoint": {"type": "default"}}
FILES = {
    "text": {"type": "input_text", "text": "x"},
    "notes": {"type": "input_file", "filename": "n.txt", "file_data": "data:text/plain;base64,SGk="},
    "pdf": {"type": "input_file", "filename": "p.pdf", "file_data": PDF},
}


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        (["text", "pdf"], 2),
        (["text", "notes"], 1),
        (["text", "notes", "notes"], 1),
        (["notes", "text"], 2),
        (["pdf", "notes", "text", "notes"], 3),
    ],
)
def test_a_cache_point_stands_before_documents_that_are_no_pdf(parts, place):
    """strands-agents/sdk-python: Converse refuses a mark after a document that is no PDF, and a mark that is first."""
    content = body(model_call([user([FILES[part] for part in parts])], prompt_cache_key="k"))["messages"][0]["content"]
    assert content.index(POINT) == place
    assert content.count(POINT) == 1


def test_a_cache_point_is_never_first():
    items = [user([FILES["notes"]])]
    content = body(model_call(items, prompt_cache_key="k"))["messages"][0]["content"]
    assert content[0] != POINT


def test_names_of_documents_are_unique_after_their_cut_and_have_no_double_spaces():
    names = ["a" * 300, "a" * 301, "b" * 189 + " c", "b" * 189 + " d", "x", "x 2", "x", "y  z", "y\u00a0\u2003z"]
    files = [{"type": "input_file", "filename": f"{name}.pdf", "file_data": PDF} for name in names]
    content = body(model_call([user(files)]))["messages"][0]["content"]
    told = [block["document"]["name"] for block in content if "document" in block]
    assert len(set(told)) == len(names)
    assert not any("  " in name or len(name) > 200 or name != name.strip() for name in told)


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
    items = [user("x"), {"type": "reasoning", "summary": [], "state": state}, assistant("y"), user("z")]
    assert body(model_call(items))["messages"][1]["content"] == [
        {"reasoningContent": {"redactedContent": b"sealed"}},
        {"text": "y"},
    ]


def test_who_the_end_user_is_goes_into_the_metadata_in_its_alphabet():
    assert body(model_call(safety_identifier="u-1"))["requestMetadata"] == {"safety_identifier": "u-1"}
    assert len(body(model_call(safety_identifier="é"))["requestMetadata"]["safety_identifier"]) == 64
