"""The way to a provider: proxies, ``.netrc``, keys and URLs as people really write them."""

from __future__ import annotations

import os
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from antiphon.errors import ProviderError
from antiphon.ports import Delta, ModelProvider, StopDelta, TextDelta
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.endpoint import GivenKey
from antiphon.providers.openai_chat.adapter import OpenAIChat
from antiphon.providers.openai_responses.adapter import OpenAIResponses
from tests.support.calls import model_call
from tests.support.certificates import self_signed
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.upstream import Script, Upstream

ANSWER = [TextDelta("a"), StopDelta("stop")]
KEYED = {"anthropic": Anthropic, "openai_chat": OpenAIChat, "openai_responses": OpenAIResponses}
ELSEWHERE = "http://models.invalid/v1"

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
every_keyed = pytest.mark.parametrize(
    "protocol", [each for each in PROTOCOLS if each.kind in KEYED], ids=lambda protocol: protocol.name
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


async def asked(protocol: Protocol, provider: ModelProvider) -> list[Delta]:
    try:
        return [delta async for delta in provider.stream(replace(model_call("Hi"), model=protocol.model))]
    finally:
        await provider.aclose()


async def failure(protocol: Protocol, provider: ModelProvider) -> tuple[str, bool]:
    with pytest.raises(ProviderError) as caught:
        await asked(protocol, provider)
    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value.code, caught.value.retryable


@every_protocol
async def test_a_proxy_is_gone_through_and_a_netrc_adds_nothing(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A ``.netrc`` replaced the token of the request: pimutils/vdirsyncer#1138, kubernetes/kubernetes#52919."""
    (tmp_path / "netrc").write_text("default login ada password canary-netrc\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Upstream([protocol.script(ANSWER)]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1").replace("//", "//eve:s%40fe@"))
        assert ANSWER[0] in await asked(protocol, protocol.provider(ELSEWHERE))
    [request] = proxy.requests
    assert request.path.startswith(ELSEWHERE)
    assert request.headers["proxy-authorization"] == "Basic ZXZlOnNAZmU="
    assert not request.headers.get("authorization", "").startswith("Basic")


@every_protocol
async def test_a_model_on_this_machine_is_asked_directly(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local model was asked through the proxy of the network: NVIDIA/NemoClaw#2616, ollama/ollama#12480."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with Upstream([protocol.script(ANSWER)]) as upstream:
        assert ANSWER[0] in await asked(protocol, protocol.provider(upstream.base_url))


@every_protocol
async def test_a_netrc_is_not_read_without_a_proxy_either(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login ada password canary-netrc\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with Upstream([protocol.script(ANSWER)]) as upstream:
        await asked(protocol, protocol.provider(upstream.base_url))
    assert not upstream.requests[0].headers.get("authorization", "").startswith("Basic")


async def test_a_proxy_over_tls_is_gone_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    protocol = next(each for each in PROTOCOLS if each.kind == "bedrock")  # which can be given certificates to trust
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with Upstream([protocol.script(ANSWER)], tls=context) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1"))
        assert ANSWER[0] in await asked(protocol, protocol.provider(ELSEWHERE))
    assert proxy.requests[0].path.startswith(ELSEWHERE)


@every_protocol
async def test_a_proxy_that_refuses_is_a_provider_that_cannot_be_reached(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Upstream([Script.error(407)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.base_url.removesuffix("/v1"))
        provider = protocol.provider(ELSEWHERE.replace("http:", "https:"))
        assert await failure(protocol, provider) == ("provider_unreachable", True)


@every_protocol
@pytest.mark.parametrize("host", ["a" * 64 + ".example", "b..example", "c d.example"])
async def test_a_url_that_no_client_takes_is_a_provider_that_cannot_be_reached(protocol: Protocol, host: str) -> None:
    assert (await failure(protocol, protocol.provider(f"http://{host}/v1")))[0] == "provider_unreachable"


@every_keyed
async def test_white_space_around_a_key_is_dropped(protocol: Protocol) -> None:
    """A secret was stored with a line end, and every call failed: apache/devlake#7132, Team-Commonly/commonly#481."""
    with Upstream([protocol.script(ANSWER)]) as upstream:
        await asked(protocol, KEYED[protocol.kind](upstream.base_url, " canary-key\r\n"))
    headers = upstream.requests[0].headers
    assert "canary-key" in {headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer ")}


@every_keyed
@pytest.mark.parametrize("key", ["canary\nkey", "canary\r\nx-evil: 1", "canary\x00key", "canary\x7fkey"])
async def test_a_key_that_no_header_can_hold_is_the_credentials_at_fault(protocol: Protocol, key: str) -> None:
    """The client raises for such a header, and its message holds the key: prime-vector/open-agent-spec#91."""
    with Upstream([protocol.script(ANSWER)]) as upstream:
        provider = KEYED[protocol.kind](upstream.base_url, GivenKey(key))
        assert await failure(protocol, provider) == ("provider_auth", False)
        assert upstream.requests == []


@pytest.mark.parametrize("kind", ["ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException"])
async def test_credentials_that_bedrock_calls_stale_are_read_anew_and_the_call_is_sent_once_more(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol = next(each for each in PROTOCOLS if each.kind == "bedrock")
    stale = Script.error(403, b'{"message":"canary"}', x_amzn_errortype=f"{kind}:http://internal.amazon.com/")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "old")
    with Upstream([stale, protocol.script(ANSWER)]) as upstream:
        assert ANSWER[0] in await asked(protocol, protocol.provider(upstream.base_url))
        assert len(upstream.requests) == 2
    with Upstream([stale]) as upstream:
        assert await failure(protocol, protocol.provider(upstream.base_url)) == ("provider_auth", False)
        assert len(upstream.requests) == 2
