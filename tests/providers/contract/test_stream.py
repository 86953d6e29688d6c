"""What every provider does, whatever its protocol: the model's output arrives unchanged, and failures are reported."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from antiphon.answering.turn import CallsMade, Turn
from antiphon.errors import ProviderError
from antiphon.ports import (
    CitationDelta,
    Delta,
    MessageDelta,
    ReasoningDelta,
    ReasoningStateDelta,
    RefusalDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.stream.machine import ResponseStream
from antiphon.tools.table import ToolTable
from tests.support.asking import answering
from tests.support.calls import function_tool, model_call, run
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.upstream import CUT, Gate, Script, Upstream

ANSWER = [TextDelta("Grü"), TextDelta("ße 🎶"), UsageDelta(12, 5, 4), StopDelta("stop")]
CALLS = [
    TextDelta("Let me look."),
    ToolCallDelta(0, "call_a", "get_weather"),
    ToolCallDelta(0, arguments='{"city":'),
    ToolCallDelta(0, arguments='"Paris"}'),
    ToolCallDelta(1, "call_b", "get_time"),
    ToolCallDelta(1, arguments="{}"),
    UsageDelta(3, 4),
    StopDelta("tool_calls"),
]
CITED = [TextDelta("It is so."), CitationDelta("https://example.com/a", "A", 0, 9), StopDelta("stop")]
PHASED = [
    MessageDelta("commentary"),
    TextDelta("Let me see."),
    CitationDelta("https://example.com/a", "A", 0, 3),
    MessageDelta("final_answer"),
    TextDelta("So."),
    CitationDelta("https://example.com/b", "B", 0, 3),
    MessageDelta(),
    TextDelta("Bye."),
    StopDelta("stop"),
]
REFUSED = [RefusalDelta("I can"), RefusalDelta("not."), StopDelta("stop")]

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)


def reasoned(protocol: Protocol) -> list[Delta]:
    state: list[Delta] = [ReasoningStateDelta(protocol.state)] if protocol.state else []
    return [ReasoningDelta("First,"), ReasoningDelta(" I think."), *state, TextDelta("So."), StopDelta("stop")]


def sayings(protocol: Protocol) -> list[list[Delta]]:
    known = [ANSWER, CALLS, CITED, PHASED, REFUSED, reasoned(protocol)]
    return [said for said in known if {type(delta) for delta in said} <= set(protocol.says)]


def joined(deltas: Sequence[Delta]) -> list[Delta]:
    """Return deltas with their usage last, and calls whose first arguments came with their name apart."""
    told = [delta for delta in deltas if not isinstance(delta, UsageDelta)]
    usage = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    return [*told[:-1], *usage[-1:], *told[-1:]]


def call_of(protocol: Protocol, **more: Any) -> Any:
    tools = [function_tool("get_weather"), function_tool("get_time")]
    return replace(model_call("Hi", tools=tools, defaults={"parallel_tool_calls": True}, **more), model=protocol.model)


async def unsealed() -> None:
    """Return nothing that seals."""


async def not_kept(*_: object) -> None:
    """Take no note of a response that a provider keeps."""


def failure(protocol: Protocol, *scripts: Script, into: list[Delta] | None = None, **more: Any) -> ProviderError:
    with Upstream(scripts) as upstream, pytest.raises(ProviderError) as caught:
        run(protocol.provider(upstream.base_url, **more), call_of(protocol), into)
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "canary-secret" not in shown
    assert "provider's words" not in shown
    return caught.value


@every_protocol
def test_what_a_model_says_arrives_as_it_was_said(protocol: Protocol) -> None:
    for said in sayings(protocol):
        with Upstream([protocol.script(said)]) as upstream:
            came = run(protocol.provider(upstream.base_url), call_of(protocol))
        assert [delta for delta in joined(came) if not isinstance(delta, UsageDelta)] == [
            delta for delta in said if not isinstance(delta, UsageDelta)
        ]
        asked = [delta for delta in said if isinstance(delta, UsageDelta)]
        assert not asked or asked == [delta for delta in came if isinstance(delta, UsageDelta)][-1:]


@every_protocol
def test_an_answer_cut_into_single_bytes_is_the_same(protocol: Protocol) -> None:
    for said in sayings(protocol):
        with Upstream([protocol.script(said), protocol.script(said, single_bytes=True)]) as upstream:
            provider = protocol.provider(upstream.base_url)
            whole = run(provider, call_of(protocol))
            assert run(provider, call_of(protocol)) == whole


@every_protocol
@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
def test_why_a_model_stopped_is_told(protocol: Protocol, reason: Any) -> None:
    with Upstream([protocol.script([TextDelta("a"), StopDelta(reason)])]) as upstream:
        assert run(protocol.provider(upstream.base_url), call_of(protocol))[-1] == StopDelta(reason)


@every_protocol
async def test_the_same_words_give_the_same_items(protocol: Protocol) -> None:
    async def items(base_url: str) -> list[dict[str, Any]]:
        stream = ResponseStream({"id": "resp_" + "0" * 40, "output": [], "tools": []}, lambda event: None)
        stream.open()
        provider = protocol.provider(base_url)
        call = call_of(protocol)
        asked = answering(provider, call.model)
        outcome = await Turn(
            stream, call, "resp_" + "0" * 40, ToolTable(()), CallsMade(None), unsealed, asked, not_kept
        ).run()
        stream.ending(outcome.status, at=0)
        await provider.aclose()
        return stream.output

    with Upstream([protocol.script([ReasoningDelta("Hm."), *CALLS])]) as upstream:
        came = await items(upstream.base_url)
    assert [item["type"] for item in came] == ["reasoning", "message", "function_call", "function_call"]
    assert came[0]["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert came[1]["content"][0]["text"] == "Let me look."
    assert [(item["name"], item["arguments"]) for item in came[2:]] == [
        ("get_weather", '{"city":"Paris"}'),
        ("get_time", "{}"),
    ]


@every_protocol
def test_an_answer_cut_after_any_byte_gives_only_what_came(protocol: Protocol) -> None:
    whole = len(b"".join(protocol.frames(CALLS)))
    with Upstream([protocol.script(CALLS)]) as upstream:
        expected = run(protocol.provider(upstream.base_url), call_of(protocol))
    for count in range(0, whole - 80, 61):
        came: list[Delta] = []
        assert failure(protocol, protocol.cut(CALLS, count), into=came).code == "model_error"
        assert came == expected[: len(came)]


@every_protocol
def test_a_failure_in_the_stream_comes_after_what_was_said(protocol: Protocol) -> None:
    came: list[Delta] = []
    error = failure(protocol, protocol.failing([TextDelta("a")]), into=came)
    assert error.code == "provider_rate_limited"
    assert came == [TextDelta("a")]


@every_protocol
@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "provider_refused_request", False),
        (401, "provider_auth", False),
        (403, "provider_auth", False),
        (404, "provider_model_not_found", False),
        (429, "provider_rate_limited", True),
        (500, "model_error", True),
        (503, "model_error", True),
    ],
)
def test_an_error_status_has_its_code(protocol: Protocol, status: int, code: str, retryable: bool) -> None:
    error = failure(protocol, Script.error(status, b"<html>the provider's words</html>"))
    assert (error.code, error.retryable) == (code, retryable)


@every_protocol
def test_silence_ends_after_the_idle_limit(protocol: Protocol) -> None:
    gate = Gate()
    begun = protocol.frames([TextDelta("a"), TextDelta("b")])
    error = failure(protocol, Script([begun[0], gate], headers=protocol.headers), idle_seconds=0.05)
    assert error.code == "provider_timeout"


@every_protocol
def test_a_deadline_that_has_passed_sends_nothing(protocol: Protocol) -> None:
    with Upstream() as upstream:
        with pytest.raises(ProviderError) as caught:
            run(protocol.provider(upstream.base_url), replace(call_of(protocol), deadline=0.0))
        assert (caught.value.code, upstream.requests) == ("provider_timeout", [])


@every_protocol
def test_nobody_there_can_be_tried_again(protocol: Protocol) -> None:
    with Upstream() as upstream:
        base_url = upstream.base_url
    with pytest.raises(ProviderError) as caught:
        run(protocol.provider(base_url), call_of(protocol))
    assert (caught.value.code, caught.value.retryable) == ("provider_unreachable", True)


@every_protocol
async def test_a_cancelled_wait_for_the_first_byte_closes_the_connection(protocol: Protocol) -> None:
    gate = Gate()

    with Upstream([Script([gate], raw=True)]) as upstream:
        provider = protocol.provider(upstream.base_url)
        waiting = asyncio.ensure_future(anext(provider.stream(call_of(protocol))))
        assert await asyncio.to_thread(gate.reached.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await asyncio.to_thread(upstream.closed_early.wait, 10)
        await provider.aclose()


@every_protocol
async def test_closing_the_stream_closes_its_connection(protocol: Protocol) -> None:
    frames = protocol.frames([TextDelta("a"), StopDelta("stop")])
    with Upstream([Script([*frames[:-2], Gate(), *frames[-2:]], headers=protocol.headers)]) as upstream:
        provider = protocol.provider(upstream.base_url)
        stream = provider.stream(call_of(protocol))
        assert await anext(stream) == TextDelta("a")
        await stream.aclose()
        assert await asyncio.to_thread(upstream.closed_early.wait, 10)
        await provider.aclose()


@every_protocol
async def test_a_cancelled_wait_closes_the_connection(protocol: Protocol) -> None:
    gate = Gate()

    frames = protocol.frames([TextDelta("a"), StopDelta("stop")])
    with Upstream([Script([*frames[:-2], gate, *frames[-2:]], headers=protocol.headers)]) as upstream:
        provider = protocol.provider(upstream.base_url)
        stream = provider.stream(call_of(protocol))
        assert await anext(stream) == TextDelta("a")
        waiting = asyncio.ensure_future(anext(stream))
        assert await asyncio.to_thread(gate.reached.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await asyncio.to_thread(upstream.closed_early.wait, 10)
        await provider.aclose()


@every_protocol
async def test_a_connection_is_used_again(protocol: Protocol) -> None:
    with Upstream([protocol.script(ANSWER)]) as upstream:
        provider = protocol.provider(upstream.base_url)
        for _ in range(3):
            assert [delta async for delta in provider.stream(call_of(protocol))][-1] == StopDelta("stop")
        await provider.aclose()
    assert (len(upstream.requests), upstream.connections) == (3, 1)


@every_protocol
async def test_many_answers_stream_at_once(protocol: Protocol) -> None:
    gates = [Gate() for _ in range(40)]
    frames = protocol.frames([TextDelta("a"), StopDelta("stop")])
    scripts = [Script([*frames[:-2], gate, *frames[-2:]], headers=protocol.headers) for gate in gates]
    with Upstream(scripts) as upstream:
        provider = protocol.provider(upstream.base_url)
        streams = [provider.stream(call_of(protocol)) for _ in gates]
        assert await asyncio.gather(*map(anext, streams)) == [TextDelta("a")] * len(gates)
        for gate in gates:
            gate.open()
        for stream in streams:
            assert [delta async for delta in stream][-1] == StopDelta("stop")
        await provider.aclose()


@every_protocol
def test_a_broken_connection_before_the_first_delta_can_be_tried_again(protocol: Protocol) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert failure(protocol, Script([head, CUT], raw=True)).retryable


@every_protocol
def test_another_providers_library_is_not_imported(protocol: Protocol) -> None:
    others = {"openai", "anthropic", "httpx", "boto3", "botocore"}
    module = f"antiphon.providers.{protocol.kind}"
    siblings = [f"antiphon.providers.{other.kind}" for other in PROTOCOLS if other.kind != protocol.kind]
    code = f"import sys, {module}; print(*(set({sorted(others) + siblings}) & set(sys.modules)))"
    environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.split() == []
