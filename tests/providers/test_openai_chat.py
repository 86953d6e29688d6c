from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence

import pytest

from antiphon.errors import ApiError, ProviderError
from antiphon.ports import Delta, StopDelta, TextDelta, UsageDelta
from antiphon.providers.openai_chat.adapter import OpenAIChat, dialect_of
from tests.support.calls import collect, model_call, run, user
from tests.support.upstream import (
    CUT,
    DONE,
    Gate,
    Script,
    Upstream,
    answer,
    chunk,
    finish,
    frame,
    text,
    tool_call,
    usage,
)

SECRET = "canary-secret"
HELLO: list[Delta] = [
    TextDelta("Hello"),
    TextDelta(" from"),
    TextDelta(" upstream"),
    UsageDelta(3, 3),
    StopDelta("stop"),
]


def failure(*scripts: Script, into: list[Delta] | None = None, idle_seconds: float = 60.0) -> ProviderError:
    with Upstream(scripts) as upstream:
        provider = OpenAIChat(upstream.base_url, SECRET, idle_seconds=idle_seconds, clock=lambda: 1_000_000_000.0)
        with pytest.raises(ProviderError) as caught:
            run(provider, model_call(), into)
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert SECRET not in shown
    assert "provider's words" not in shown
    return caught.value


def test_an_answer_streams() -> None:
    with Upstream() as upstream:
        assert run(OpenAIChat(upstream.base_url, SECRET), model_call("Hi")) == HELLO
        [request] = upstream.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_without_a_key_none_is_sent() -> None:
    with Upstream() as upstream:
        run(OpenAIChat(upstream.base_url + "/"), model_call())
    assert "authorization" not in upstream.requests[0].headers
    assert upstream.requests[0].path == "/v1/chat/completions"


async def test_a_delta_arrives_while_the_answer_is_still_being_made() -> None:
    gate = Gate()

    async def scenario(base_url: str) -> list[Delta]:
        provider = OpenAIChat(base_url)
        stream = provider.stream(model_call())
        first = await anext(stream)
        gate.open()
        rest = [delta async for delta in stream]
        await provider.aclose()
        return [first, *rest]

    with Upstream([Script.stream(text("a"), gate, text("b"), finish())]) as upstream:
        assert await scenario(upstream.base_url) == [TextDelta("a"), TextDelta("b"), StopDelta("stop")]


def test_an_answer_cut_into_single_bytes_is_the_same() -> None:
    stream = b": hi\r\n\r\n" + frame(text("Grüße 🎶")) + frame(finish()) + frame(usage(1, 2)) + DONE
    with Upstream([Script([bytes([byte]) for byte in stream])]) as upstream:
        deltas = run(OpenAIChat(upstream.base_url), model_call())
    assert deltas == [TextDelta("Grüße 🎶"), UsageDelta(1, 2), StopDelta("stop")]


def test_an_answer_that_ends_without_the_end_mark_is_complete_once_the_model_stopped() -> None:
    with Upstream([Script.stream(text("a"), finish(), done=False)]) as upstream:
        assert run(OpenAIChat(upstream.base_url), model_call()) == [TextDelta("a"), StopDelta("stop")]


async def test_a_connection_is_used_again() -> None:
    async def scenario(base_url: str) -> None:
        provider = OpenAIChat(base_url)
        for _ in range(3):
            assert [delta async for delta in provider.stream(model_call())] == HELLO
        await provider.aclose()

    with Upstream() as upstream:
        await scenario(upstream.base_url)
    assert (len(upstream.requests), upstream.connections) == (3, 1)


def test_a_server_that_stays_open_after_the_end_mark_does_not_hold_the_answer() -> None:
    with Upstream([Script.stream(text("a"), finish(), DONE, Gate())]) as upstream:
        assert run(OpenAIChat(upstream.base_url), model_call()) == [TextDelta("a"), StopDelta("stop")]
        assert upstream.closed_early.wait(10)


async def test_many_answers_stream_at_once() -> None:
    gates = [Gate() for _ in range(120)]

    async def scenario(base_url: str) -> None:
        provider = OpenAIChat(base_url)
        streams = [provider.stream(model_call()) for _ in gates]
        assert await asyncio.gather(*map(anext, streams)) == [TextDelta("a")] * len(gates)
        for gate in gates:
            gate.open()
        assert await asyncio.gather(*map(anext, streams)) == [StopDelta("stop")] * len(gates)
        for stream in streams:
            await stream.aclose()
        await provider.aclose()

    with Upstream([Script.stream(text("a"), gate, finish()) for gate in gates]) as upstream:
        await scenario(upstream.base_url)


async def test_closing_the_stream_closes_its_connection() -> None:
    gate = Gate()

    async def scenario(base_url: str) -> None:
        provider = OpenAIChat(base_url)
        stream = provider.stream(model_call())
        assert await anext(stream) == TextDelta("a")
        await stream.aclose()
        assert await asyncio.to_thread(upstream.closed_early.wait, 10)
        await provider.aclose()

    with Upstream([Script.stream(text("a"), gate, text("b"))]) as upstream:
        await scenario(upstream.base_url)


async def test_a_cancelled_wait_closes_the_connection() -> None:
    gate = Gate()

    async def scenario(base_url: str) -> None:
        provider = OpenAIChat(base_url)
        task = asyncio.create_task(collect(provider, model_call()))
        assert await asyncio.to_thread(gate.reached.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(upstream.closed_early.wait, 10)

    with Upstream([Script.stream(text("a"), gate)]) as upstream:
        await scenario(upstream.base_url)


def test_each_event_loop_has_its_own_session() -> None:
    with Upstream() as upstream:
        provider = OpenAIChat(upstream.base_url)
        assert run(provider, model_call()) == HELLO
        assert run(provider, model_call()) == HELLO


def test_a_session_that_outlived_its_event_loop_is_replaced() -> None:
    async def unclosed(provider: OpenAIChat) -> list[Delta]:
        return [delta async for delta in provider.stream(model_call())]

    closing = Script([frame(text("a")), frame(finish()), DONE], headers={"connection": "close"})
    with Upstream([closing, answer("Hello from upstream")]) as upstream:
        provider = OpenAIChat(upstream.base_url)
        asyncio.run(unclosed(provider))
        assert run(provider, model_call()) == HELLO


def test_a_large_request_is_sent_whole() -> None:
    with Upstream() as upstream:
        run(OpenAIChat(upstream.base_url), model_call("é" * 2_000_000))
    assert upstream.requests[0].body["messages"][0]["content"] == "é" * 2_000_000


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (302, "provider_refused_request", False),
        (400, "provider_refused_request", False),
        (401, "provider_auth", False),
        (403, "provider_auth", False),
        (404, "provider_model_not_found", False),
        (408, "model_error", True),
        (422, "provider_refused_request", False),
        (429, "provider_rate_limited", True),
        (500, "model_error", True),
        (502, "model_error", True),
        (503, "model_error", True),
        (529, "model_error", True),
    ],
)
def test_an_error_status_has_its_code(status: int, code: str, retryable: bool) -> None:
    error = failure(Script.error(status, b"<html>the provider's words</html>", location="http://127.0.0.1:1/"))
    assert (error.code, error.retryable, error.retry_after) == (code, retryable, None)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("Sun, 09 Sep 2001 01:46:50 GMT", 10),
        ("Sun, 09 Sep 2001 01:46:30 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_as_seconds_or_as_a_date(status: int, header: str, seconds: int | None) -> None:
    assert failure(Script.error(status, retry_after=header)).retry_after == seconds


def test_an_error_body_without_end_is_not_waited_for() -> None:
    error = failure(Script([b"the provider's words" * 100_000, Gate()], 500))
    assert error.code == "model_error"


def test_nobody_there_can_be_tried_again() -> None:
    with Upstream() as upstream:
        base_url = upstream.base_url
    with pytest.raises(ProviderError) as caught:
        run(OpenAIChat(base_url), model_call())
    assert (caught.value.code, caught.value.retryable) == ("provider_unreachable", True)


@pytest.mark.parametrize(
    "steps",
    [
        [CUT],
        [b"HTTP/1.1 200 OK\r\n", CUT],
        [b"not http\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", CUT],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nthe provider's words\r\n"],
    ],
)
def test_a_connection_that_breaks_before_the_first_delta_can_be_tried_again(steps: Sequence[bytes | object]) -> None:
    error = failure(Script(steps, raw=True))
    assert (error.code, error.retryable) == ("model_error", True)


def test_an_answer_cut_after_any_byte_gives_only_what_came() -> None:
    chunks = [text("Grüße"), text(" all"), tool_call(0, "call_a", "f", "{}"), usage(1, 2)]
    whole = len(b"".join(map(frame, chunks)))
    with Upstream([Script.stream(*chunks, finish())]) as upstream:
        expected = run(OpenAIChat(upstream.base_url), model_call())
    for count in range(0, whole + 1, 7):
        came: list[Delta] = []
        assert failure(Script.cut_after(count, *chunks), into=came).code == "model_error"
        assert came == expected[: len(came)]


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {\n\n",
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b'data: {"error":{"message":"the provider\'s words"}}\n\n',
        b"data: [DONE]\n\n",
    ],
)
def test_a_stream_that_goes_wrong_gives_what_came_before(bad: bytes) -> None:
    came: list[Delta] = []
    error = failure(Script.stream(text("a"), bad, text("b"), finish()), into=came)
    assert (error.code, came) == ("model_error", [TextDelta("a")])


def test_an_answer_that_is_neither_a_stream_nor_an_answer_in_json_is_an_error() -> None:
    for body in (b"<html>Busy</html>", b'{"choices":[{"message":{"content":"a"}', b"[]"):
        assert failure(Script([body])).code == "model_error", body


def test_an_event_that_never_ends_is_an_error() -> None:
    gate = Gate()
    assert failure(Script([b"data: " + b"x" * (9 * 1024 * 1024), gate])).code == "model_error"


@pytest.mark.parametrize("before", [[], [frame(chunk({"role": "assistant"}))], [frame(text("a"))]])
def test_silence_is_a_timeout(before: list[bytes]) -> None:
    error = failure(Script([*before, Gate()]), idle_seconds=0.05)
    assert (error.code, error.retryable) == ("provider_timeout", True)


def test_silence_before_the_status_line_is_a_timeout() -> None:
    assert failure(Script([Gate()], raw=True), idle_seconds=0.05).code == "provider_timeout"


async def test_the_deadline_ends_an_answer_that_is_not_silent() -> None:
    async def scenario(base_url: str) -> list[Delta]:
        came: list[Delta] = []
        call = model_call(deadline=asyncio.get_running_loop().time() + 0.2)
        with pytest.raises(ProviderError) as caught:
            await collect(OpenAIChat(base_url), call, came)
        assert caught.value.code == "provider_timeout"
        return came

    with Upstream([Script.stream(text("a"), Gate())]) as upstream:
        assert (await scenario(upstream.base_url)) in ([TextDelta("a")], [])


def test_after_the_deadline_nothing_is_sent() -> None:
    with Upstream() as upstream:
        with pytest.raises(ProviderError) as caught:
            run(OpenAIChat(upstream.base_url), model_call(deadline=0.0))
        assert caught.value.code == "provider_timeout"
        assert upstream.requests == []


def test_a_call_that_can_be_carried_passes_the_check() -> None:
    OpenAIChat("http://127.0.0.1:1/v1").check(model_call())


def test_a_call_that_cannot_be_carried_is_refused_before_anything_is_sent() -> None:
    with Upstream() as upstream:
        call = model_call([user([{"type": "input_file", "file_url": "x"}])])
        with pytest.raises(ApiError):
            OpenAIChat(upstream.base_url).check(call)
        with pytest.raises(ApiError):
            run(OpenAIChat(upstream.base_url), call)
        assert (upstream.requests, upstream.connections) == ([], 0)


@pytest.mark.parametrize(
    ("base_url", "dialect"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com/openai/v1", "azure"),
        ("https://mine.services.ai.azure.com/openai/v1", "azure"),
        ("https://mine.cognitiveservices.azure.com/openai/v1", "azure"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.together.xyz/v1", "together"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("http://127.0.0.1:8080/v1", "compatible"),
        ("https://api.openai.com.example.org/v1", "compatible"),
        ("no url", "compatible"),
    ],
)
def test_the_host_tells_the_dialect(base_url: str, dialect: str) -> None:
    assert dialect_of(base_url) == dialect


def test_a_given_dialect_wins() -> None:
    with Upstream() as upstream:
        run(OpenAIChat(upstream.base_url, dialect="openai"), model_call(max_output_tokens=20))
    assert upstream.requests[0].body["max_completion_tokens"] == 20


def test_aiohttp_is_imported_only_when_needed() -> None:
    code = "import sys, antiphon.providers.openai_chat; assert 'aiohttp' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
