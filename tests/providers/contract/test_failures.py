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

from antiphon.errors import CODES, ProviderError
from antiphon.ports import Delta, StopDelta, TextDelta
from antiphon.providers import endpoint
from antiphon.providers.anthropic import Anthropic
from antiphon.providers.openai_chat import OpenAIChat
from antiphon.providers.openai_responses import OpenAIResponses
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
    """Give what refuses before a stream: every status, with a canary wherever words can stand."""
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
def test_the_deadline_ends_a_stream_that_goes_on(protocol: Protocol) -> None:
    async def scenario() -> None:
        provider = protocol.provider(upstream.base_url)
        assert [delta async for delta in provider.stream(call_of(protocol))]
        deadline = asyncio.get_running_loop().time() + 1
        with pytest.raises(ProviderError) as caught:
            async for _ in provider.stream(replace(call_of(protocol), deadline=deadline)):
                pass
        assert caught.value.code == "provider_timeout"
        assert await asyncio.to_thread(upstream.closed_early.wait, 10)
        await provider.aclose()

    begun, *_ = protocol.frames([TextDelta("a"), TextDelta("b")])
    whole = protocol.script([TextDelta("a"), StopDelta("stop")])
    with Upstream([whole, Script([begun, Gate()], headers=protocol.headers)]) as upstream:
        asyncio.run(scenario())


@contextlib.contextmanager
def full() -> Iterator[str]:
    """Give the address of a server that takes no connection: its queue is full."""
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
