"""A key that may change: asked for at each call, read anew when it is refused, and never told."""

from __future__ import annotations

import asyncio
import gc
import logging
from dataclasses import replace

import pytest

from antiphon.aws.secrets import Secret
from antiphon.errors import ProviderError
from antiphon.ports import ApiKey, Delta, ModelProvider, StopDelta, TextDelta
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.openai_chat.adapter import OpenAIChat
from antiphon.providers.openai_responses.adapter import OpenAIResponses
from tests.support.calls import model_call
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.upstream import Gate, Script, Upstream

KEYED = tuple(protocol for protocol in PROTOCOLS if protocol.kind != "bedrock")
HEADERS = {"anthropic": "x-api-key"}
ANSWER = [TextDelta("a"), StopDelta("stop")]

every_protocol = pytest.mark.parametrize("protocol", KEYED, ids=lambda protocol: protocol.name)


def provider(protocol: Protocol, base_url: str, key: ApiKey) -> ModelProvider:
    if protocol.kind == "anthropic":
        return Anthropic(base_url, key)
    return OpenAIChat(base_url, key) if protocol.kind == "openai_chat" else OpenAIResponses(base_url, key)


def keys_sent(upstream: Upstream, protocol: Protocol) -> list[str]:
    header = HEADERS.get(protocol.kind, "authorization")
    return [request.headers[header].removeprefix("Bearer ") for request in upstream.requests]


async def ask(
    protocol: Protocol, upstream: Upstream, key: ApiKey, times: int = 1, deadline: float = 1e9
) -> list[Delta]:
    asked = provider(protocol, upstream.base_url, key)
    call = replace(model_call("Hi"), model=protocol.model, deadline=deadline)
    try:
        for _ in range(times):
            came = [delta async for delta in asked.stream(call)]
    finally:
        await asked.aclose()
    return came


async def refused(protocol: Protocol, upstream: Upstream, key: ApiKey) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(protocol, upstream, key)
    assert "canary" not in f"{caught.value!r} {caught.value.__context__!r}"
    return caught.value


@every_protocol
@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_was_rotated_is_read_anew_and_the_call_sent_again(
    protocol: Protocol, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    kept = iter(["canary-old", "canary-new"])
    key = Secret(lambda: next(kept))
    with Upstream([Script.error(status), protocol.script(ANSWER)]) as upstream:
        assert (await ask(protocol, upstream, key, times=2))[-1] == StopDelta("stop")
    assert keys_sent(upstream, protocol) == ["canary-old", "canary-new", "canary-new"]
    assert upstream.requests[0].body == upstream.requests[1].body
    assert "canary" not in "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)


@every_protocol
async def test_a_key_that_stays_wrong_is_the_credentials_at_fault_and_read_once_more_only(protocol: Protocol) -> None:
    reads: list[None] = []
    key = Secret(lambda: reads.append(None) or "canary")
    with Upstream([Script.error(401)]) as upstream:
        codes = [(await refused(protocol, upstream, key)).code for _ in range(5)]
    assert codes == ["provider_auth"] * 5
    assert (len(reads), len(upstream.requests)) == (2, 5)


@every_protocol
async def test_another_key_that_is_refused_as_well_is_not_a_third_call(protocol: Protocol) -> None:
    kept = iter(["canary-1", "canary-2", "canary-3"])
    with Upstream([Script.error(401)]) as upstream:
        assert (await refused(protocol, upstream, Secret(lambda: next(kept)))).code == "provider_auth"
    assert keys_sent(upstream, protocol) == ["canary-1", "canary-2"]


@every_protocol
async def test_a_key_that_cannot_be_read_calls_nobody(protocol: Protocol) -> None:
    def fails() -> str:
        raise ProviderError("provider_auth", retryable=True)

    with Upstream() as upstream:
        error = await refused(protocol, upstream, Secret(fails))
    assert (error.code, error.retryable, upstream.requests) == ("provider_auth", True, [])


@every_protocol
@pytest.mark.parametrize("known", [None, "canary"])
async def test_the_deadline_ends_the_wait_for_a_key_and_leaves_no_answer_open(
    protocol: Protocol, known: str | None
) -> None:
    class Silent:
        async def get(self) -> str:
            return known or await asyncio.get_running_loop().create_future()

        async def renewed(self, _refused: str) -> str | None:
            return await asyncio.get_running_loop().create_future()

    with Upstream([Script([b"{}", Gate()], 401)]) as upstream:
        asked = provider(protocol, upstream.base_url, Silent())
        call = replace(model_call("Hi"), model=protocol.model, deadline=asyncio.get_running_loop().time() + 0.5)
        with pytest.raises(ProviderError) as caught:
            await anext(asked.stream(call))
        assert caught.value.code == "provider_timeout"
        gc.collect()  # an answer that was left open would warn
        await asked.aclose()
        assert known is None or upstream.closed_early.wait(10)
    assert len(upstream.requests) == (known is not None)
