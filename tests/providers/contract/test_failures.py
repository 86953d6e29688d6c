"""How every provider fails: each with its code, in time, and without a word of the provider's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from antiphon.answering.failover import ELSEWHERE
from antiphon.errors import CODES, ProviderError
from antiphon.ports import Delta, StopDelta, TextDelta
from antiphon.providers import endpoint
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.openai_chat.adapter import OpenAIChat
from antiphon.providers.openai_responses.adapter import OpenAIResponses
from tests.support.calls import model_call, run
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.upstream import Gate, Script, Upstream

CANARY = "canary in the provider's words"

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)


def call_of(protocol: Protocol) -> Any:
    return replace(model_call("Hi"), model=protocol.model)


def failed(protocol: Protocol, script: Script, into: list[Delta] | None = None) -> ProviderError:
    with Upstream([script]) as upstream, pytest.raises(ProviderError) as caught:
        run(protocol.provider(upstream.base_url), call_of(protocol), into)
    return caught.value


def refusals(protocol: Protocol) -> list[Script]:
    """Return what refuses before a stream: every status, with a canary wherever words can stand."""
    error = {"message": CANARY, "type": CANARY, "code": CANARY, "param": CANARY, "metadata": {"raw": CANARY}}
    body = json.dumps({"message": CANARY, "error": error, "request_id": CANARY, "__type": CANARY}).encode()
    named = {"x-amzn-ErrorType": f"{CANARY}:x", "retry-after": CANARY, "x-request-id": CANARY}
    statuses = (400, 401, 402, 403, 404, 408, 409, 413, 422, 424, 429, 500, 502, 503, 504, 529)
    return [
        Script.error(status, body, **{name.replace("-", "_"): value for name, value in named.items()})
        for status in statuses
    ]


@every_protocol
def test_nothing_that_a_provider_says_of_a_failure_is_passed_on(
    protocol: Protocol, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    spoiled = Script([*protocol.frames([TextDelta("a")])[:-1], protocol.spoiled(CANARY)], headers=protocol.headers)
    for script in (*refusals(protocol), protocol.failing([TextDelta("a")]), spoiled):
        error = failed(protocol, script)
        shown = [repr(error), str(error), repr(error.__cause__), error.code, caplog.text]
        assert error.code in CODES
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
        assert not any("canary" in each or "provider's words" in each for each in shown), shown


@every_protocol
def test_what_cannot_be_read_ends_the_stream_after_what_came(protocol: Protocol) -> None:
    said = protocol.frames([TextDelta("a"), StopDelta("stop")])
    place = next(index for index, frame in enumerate(said) if b'"a"' in frame) + 1
    came: list[Delta] = []
    script = Script([*said[:place], protocol.spoiled("x"), *said[place:]], headers=protocol.headers)
    assert failed(protocol, script, came).code == "model_error"
    assert came == [TextDelta("a")]


@every_protocol
async def test_the_deadline_ends_a_stream_that_goes_on(protocol: Protocol) -> None:
    begun, *_ = protocol.frames([TextDelta("a"), TextDelta("b")])
    whole = protocol.script([TextDelta("a"), StopDelta("stop")])
    with Upstream([whole, Script([begun, Gate()], headers=protocol.headers)]) as upstream:
        provider = protocol.provider(upstream.base_url)
        assert [delta async for delta in provider.stream(call_of(protocol))]
        deadline = asyncio.get_running_loop().time() + 1
        with pytest.raises(ProviderError) as caught:
            async for _ in provider.stream(replace(call_of(protocol), deadline=deadline)):
                pass
        assert caught.value.code == "provider_timeout"
        assert await asyncio.to_thread(upstream.closed_early.wait, 10)
        await provider.aclose()


@contextlib.contextmanager
def full() -> Iterator[str]:
    """Return the address of a server that takes no connection: its queue is full."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


@every_protocol
def test_a_connection_that_is_not_made_in_time_can_be_tried_again(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "CONNECT_SECONDS", 0.1)
    with full() as base_url, pytest.raises(ProviderError) as caught:
        run(protocol.provider(base_url), call_of(protocol))
    assert caught.value.retryable
    assert caught.value.code in {"provider_timeout", "provider_unreachable"}


@every_protocol
def test_when_to_come_again_is_heard_where_it_helps(protocol: Protocol) -> None:
    for status, seconds in ((429, 7), (503, 7), (400, None)):
        assert failed(protocol, Script.error(status, b"{}", retry_after="7")).retry_after == seconds


FILTERED = {
    "openai_chat": [
        # Azure's filter of prompts, OpenRouter's moderation
        (400, {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": CANARY}),
        (403, {"code": 403, "message": CANARY, "metadata": {"reasons": [CANARY], "flagged_input": CANARY}}),
    ],
    "openai_responses": [(400, {"code": "content_filter", "message": CANARY})],
    "anthropic": [
        (400, {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}),
    ],
}


@every_protocol
def test_a_prompt_that_was_filtered_is_a_stop_and_no_error(protocol: Protocol) -> None:
    for status, error in FILTERED.get(protocol.kind, []):
        with Upstream([Script.error(status, json.dumps({"error": error}).encode())]) as upstream:
            told = run(protocol.provider(upstream.base_url), call_of(protocol))
        assert told == [StopDelta("content_filter")]


def test_a_quota_that_is_used_up_is_not_tried_again() -> None:
    error = {"code": "insufficient_quota", "type": "insufficient_quota", "message": CANARY}
    for protocol in PROTOCOLS:
        if protocol.kind.startswith("openai"):
            failure = failed(protocol, Script.error(429, json.dumps({"error": error}).encode()))
            assert (failure.code, failure.retryable) == ("provider_auth", False)


@pytest.mark.parametrize(
    ("provider", "path"),
    [(OpenAIChat, "/chat/completions"), (OpenAIResponses, "/responses"), (Anthropic, "/messages")],
)
def test_a_query_of_the_base_url_stays_behind_the_path(provider: Any, path: str) -> None:
    with Upstream([Script.error(400)]) as upstream:
        with pytest.raises(ProviderError):
            run(provider(upstream.base_url + "/?api-version=preview", "key"), model_call("Hi"))
        assert upstream.requests[0].path == f"/v1{path}?api-version=preview"


@pytest.mark.parametrize("provider", [OpenAIChat, OpenAIResponses])
def test_azure_is_given_its_key_as_it_is(provider: Any) -> None:
    for dialect, header, value in (("azure", "api-key", "key"), ("openai", "authorization", "Bearer key")):
        with Upstream([Script.error(400)]) as upstream:
            with pytest.raises(ProviderError):
                run(provider(upstream.base_url, "key", dialect=dialect), model_call("Hi"))
            assert upstream.requests[0].headers[header] == value
            assert {"authorization", "api-key"} & set(upstream.requests[0].headers) == {header}


CONTEXT_OVERFLOWS = {
    "Bedrock": "Input is too long for requested model.",
    "Bedrock's Nova": "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input.",
    "Bedrock's Claude": "The model returned the following errors: prompt is too long: 903884 tokens > 200000 maximum",
    "Anthropic": "input length and `max_tokens` exceed context limit: 198981 + 21333 > 200000",
    "Azure": "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    "vLLM": "This model's maximum context length is 196608 tokens. However, you requested 16384 output tokens and your "
    "prompt contains at least 180225 input tokens, for a total of at least 196609 tokens.",
    "vLLM's limit": "'max_tokens' is too large: 4096. This model's maximum context length is "
    "8192 tokens and your request has 5000 input tokens (4096 > 8192 - 5000).",
    "OpenRouter": "This endpoint's maximum context length is 262144 tokens. However, you requested about 264896 tokens "
    "(52139 of text input, 12757 of tool input, 200000 in the output).",
    "DeepSeek": "This model's maximum context length is 1048576 tokens. However, you requested 1051540 tokens "
    "(1051539 in the messages, 1 in the completion).",
    "Gemini": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Together": "`inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5000 `inputs` tokens",
    "Groq": "Please reduce the length of the messages or completion.",
    "xAI": "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "Mistral": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "llama.cpp": "the request exceeds the available context size, try increasing it",
}
OTHER_REFUSALS = (
    "max_tokens exceeds the maximum allowed",
    "max_tokens: 100000 > 4096, which is the maximum allowed number of output tokens",
    "The maximum tokens you requested exceeds the model limit of 10000.",
    (
        "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the "
        "`context_window` for this model"
    ),
    (
        "'max_tokens' is too large: 20000. This model's maximum context length is 8192 tokens "
        "and your request has 4 input tokens (20000 > 8192 - 4)."
    ),
    "Invalid 'tools[0].function.name': string too long",
    "messages: at least one message is required",
)


def refusing(words: str, status: int = 400) -> Script:
    """Refuse as each protocol does: the parts that another one looks at are not there for it."""
    error = {"message": words, "type": "invalid_request_error", "code": status}
    body = json.dumps({"type": "error", "message": words, "error": error}).encode()
    return Script.error(status, body, x_amzn_ErrorType="ValidationException")


@every_protocol
@pytest.mark.parametrize("words", CONTEXT_OVERFLOWS.values(), ids=CONTEXT_OVERFLOWS.keys())
def test_a_context_that_is_too_long_has_the_code_on_which_clients_compact(protocol: Protocol, words: str) -> None:
    """strands-agents/harness-sdk#1663, 0xku/kon#91, MoonshotAI/kimi-code#476 and earendil-works/pi#8196."""
    error = failed(protocol, refusing(words))
    assert (error.code, error.retryable) == ("context_length_exceeded", False)


@every_protocol
@pytest.mark.parametrize("words", OTHER_REFUSALS)
def test_a_limit_of_the_answer_that_is_too_high_is_no_context_that_is_too_long(protocol: Protocol, words: str) -> None:
    assert failed(protocol, refusing(words)).code == "provider_refused_request"


@pytest.mark.parametrize("apostrophe", ["'", "\N{RIGHT SINGLE QUOTATION MARK}"])
def test_a_model_of_bedrock_without_on_demand_throughput_lets_a_fallback_answer(apostrophe: str) -> None:
    words = f"Invocation of model ID x with on-demand throughput isn{apostrophe}t supported. Retry with a profile."
    [bedrock] = [protocol for protocol in PROTOCOLS if protocol.name == "bedrock"]
    error = failed(bedrock, refusing(words))
    assert error.code == "provider_model_not_found"
    assert error.code in ELSEWHERE


@every_protocol
def test_what_the_log_has_of_a_refusal_is_its_status_type_and_code(protocol: Protocol) -> None:
    facts = failed(protocol, refusing(CANARY)).facts
    if protocol.name == "bedrock":
        assert facts == {"status": 400, "provider_type": "ValidationException"}
    else:
        assert facts == {"status": 400, "provider_type": "invalid_request_error", "provider_code": "400"}


@every_protocol
def test_free_text_where_a_type_should_stand_is_not_logged(protocol: Protocol) -> None:
    for script in refusals(protocol):
        assert failed(protocol, script).facts == {"status": script.status}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'[{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}]', "provider_rate_limited"),
        (b'{"error":{"code":"429","message":"slow"}}', "provider_rate_limited"),
        (b'{"error":"`inputs` must have less than 4095 tokens","error_type":"validation"}', "context_length_exceeded"),
        (
            b'{"object":"error","message":"This model\'s maximum context length is 9","code":400}',
            "context_length_exceeded",
        ),
        (b'{"detail":"busy"}', "provider_refused_request"),
        (b'{"error":{"error":{"code":"model_not_found"}}}', "provider_model_not_found"),
    ],
)
def test_an_error_is_found_in_every_form_that_servers_have_for_it(body: bytes, code: str) -> None:
    """Gemini's list, codes as digits (bitrouter#577), TGI's text (TGI#2136), vLLM's older body, FastAPI's detail."""
    for provider in (OpenAIChat, OpenAIResponses):
        with Upstream([Script.error(400, body)]) as upstream, pytest.raises(ProviderError) as caught:
            run(provider(upstream.base_url), model_call("Hi"))
        assert caught.value.code == code
