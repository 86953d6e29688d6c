"""Answers as real servers send them: odd forms are read, and a cut answer is never a whole one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from antiphon.errors import ProviderError
from antiphon.ports import Delta, ReasoningDelta, RefusalDelta, StopDelta, TextDelta, ToolCallDelta, UsageDelta
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.openai_chat.adapter import OpenAIChat
from antiphon.providers.openai_responses.adapter import OpenAIResponses
from antiphon.providers.reasons import stop_of
from tests.support.calls import collect, model_call, run
from tests.support.protocols import PROTOCOLS, Protocol, event_frame
from tests.support.upstream import DONE, Gate, Script, Upstream, chunk, finish, frame, text, tool_call, usage

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
BEDROCK = next(protocol for protocol in PROTOCOLS if protocol.name == "bedrock")
JSON = {"content-type": "application/json"}
WHOLE = {
    "openai_chat": {
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hi",
                    "tool_calls": [{"id": "call_a", "function": {"name": "f", "arguments": '{"x":1}'}}],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    },
    "openai_responses": {
        "object": "response",
        "status": "completed",
        "output": [
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi"}]},
            {"type": "function_call", "id": "c", "call_id": "call_a", "name": "f", "arguments": '{"x":1}'},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "anthropic": {
        "type": "message",
        "content": [
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "call_a", "name": "f", "input": {"x": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "bedrock": {
        "output": {
            "message": {
                "content": [{"text": "Hi"}, {"toolUse": {"toolUseId": "call_a", "name": "f", "input": {"x": 1}}}]
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 3, "outputTokens": 2},
    },
}


def told(protocol: Protocol, script: Script) -> list[Delta]:
    with Upstream([script]) as upstream:
        return run(protocol.provider(upstream.base_url), replace(model_call("Hi"), model=protocol.model))


def failure(protocol: Protocol, script: Script) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        told(protocol, script)
    return caught.value


def chat(*chunks: dict[str, Any] | bytes, done: bool = True) -> list[Delta]:
    with Upstream([Script.stream(*chunks, done=done)]) as upstream:
        return run(OpenAIChat(upstream.base_url), model_call("Hi"))


def chat_failure(*chunks: dict[str, Any] | bytes, done: bool = True) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        chat(*chunks, done=done)
    return caught.value


def responses(*events: dict[str, Any]) -> list[Delta]:
    with Upstream([Script.stream(*events, done=False)]) as upstream:
        return run(OpenAIResponses(upstream.base_url), model_call("Hi"))


def anthropic(*events: dict[str, Any]) -> list[Delta]:
    with Upstream([Script.stream(*events, done=False)]) as upstream:
        return run(Anthropic(upstream.base_url), model_call("Hi"))


def calls_in(deltas: list[Delta]) -> dict[int, tuple[str | None, str]]:
    """Return the name and arguments of each call, by its slot."""
    found: dict[int, tuple[str | None, str]] = {}
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            name, arguments = found.get(delta.slot, (None, ""))
            found[delta.slot] = (delta.name or name, arguments + delta.arguments)
    return found


def texts(deltas: list[Delta], kind: type = TextDelta) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, kind))


@every_protocol
@pytest.mark.parametrize("types", [JSON, {"content-type": "text/event-stream"}], ids=["json", "stream"])
def test_a_json_body_is_read_though_a_stream_was_asked_for(protocol: Protocol, types: dict[str, str]) -> None:
    """llmgateway#2861, symfony/ai#2422."""
    body = json.dumps(WHOLE[protocol.name], indent=1).encode()
    deltas = told(protocol, Script([b"\n", body[:40], body[40:]], headers=types))
    assert texts(deltas) == "Hi"
    assert [(name, json.loads(arguments)) for name, arguments in calls_in(deltas).values()] == [("f", {"x": 1})]
    assert UsageDelta(3, 2) in deltas
    assert deltas[-1] == StopDelta("tool_calls")


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        ({"code": 429, "message": "slow down"}, "provider_rate_limited", True),
        ({"code": "503", "message": "no"}, "model_error", True),
        ({"code": "invalid_api_key", "message": "no"}, "provider_auth", False),
        (
            {"message": "This model's maximum context length is 9 tokens.", "code": 400},
            "context_length_exceeded",
            False,
        ),
    ],
)
def test_an_error_with_status_200_keeps_its_code(error: dict[str, Any], code: str, *, retryable: bool) -> None:
    """openai-node#2725, bitrouter#577: as a JSON body, in the stream, or in llama.cpp's own field (llama.cpp#16109)."""
    whole = json.dumps({"error": error}).encode()
    bodies = [whole, b"data: %b\n\n" % whole, b"error: %b\n\n" % json.dumps(error).encode(), b"error: %b\n\n" % whole]
    for protocol in PROTOCOLS:
        for body in bodies if protocol.name.startswith("openai") else ():
            failed = failure(protocol, Script([body], headers=JSON))
            assert (failed.code, failed.retryable) == (code, retryable), (protocol.name, body)


@every_protocol
async def test_white_space_before_a_json_body_may_come_alone(protocol: Protocol) -> None:
    gate = Gate()
    body = json.dumps(WHOLE[protocol.name]).encode()
    with Upstream([Script([b"\n", gate, body], headers=JSON)]) as upstream:

        async def ask() -> str:
            deltas: list[Delta] = []
            provider = protocol.provider(upstream.base_url)
            asked = asyncio.create_task(collect(provider, replace(model_call("Hi"), model=protocol.model), deltas))
            await asyncio.to_thread(gate.reached.wait)
            gate.open()
            await asked
            return texts(deltas)

        assert await ask() == "Hi"


@pytest.mark.parametrize("word", ["stop", "STOP", "end_turn", "eos_token", "COMPLETE", "FINISH_REASON_STOP"])
def test_words_for_success_are_success_whatever_their_case(word: str) -> None:
    assert chat(text("a"), finish(word))[-1] == StopDelta("stop")


@pytest.mark.parametrize(
    "word",
    [
        "abort",
        "error",
        "network_error",
        "MALFORMED_FUNCTION_CALL",
        "insufficient_system_resource",
        "of_tomorrow",
        "other",
    ],
)
def test_any_other_word_is_a_failure(word: str) -> None:
    """vllm#57082, pi#1509."""
    assert stop_of(word) is None
    assert chat_failure(text("a"), finish(word)).code == "model_error"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("MAX_TOKENS", "length"),
        ("model_context_window_exceeded", "length"),
        ("model_length", "length"),
        ("SAFETY", "content_filter"),
        ("sensitive", "content_filter"),
        ("content_filter_input", "content_filter"),
        ("content-filter", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
    ],
)
def test_words_for_a_limit_and_for_a_filter_are_known_in_every_protocol(word: str, reason: str) -> None:
    stop = StopDelta(reason)  # type: ignore[arg-type]
    assert chat(text("a"), finish(word))[-1] == stop
    assert anthropic({"type": "message_delta", "delta": {"stop_reason": word}}, {"type": "message_stop"})[-1] == stop
    ended = [event_frame("messageStop", {"stopReason": word})]
    assert told(BEDROCK, Script(ended, headers=BEDROCK.headers))[-1] == stop


@pytest.mark.parametrize("word", ["", "null", None])
def test_a_reason_that_is_empty_is_none(word: str | None) -> None:
    """ollama#4357, sglang#3912, PowerShell/AIShell#350."""
    assert chat(chunk({"content": "a"}, word), finish())[-1] == StopDelta("stop")
    assert chat_failure(chunk({"content": "a"}, word)).code == "model_error"


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [], "usage": None},
        {"choices": [], "usage": {}},
        {"choices": [], "usage": {"prompt_tokens": None, "completion_tokens": "many"}},
        b"data:\n\n",
        b"data: \n\n",
        chunk({"content": ""}, logprobs=-0.1),
        chunk({"content": ""}, logprobs={"content": [{"token": None, "logprob": -0.1}, 7]}),
        chunk({"content": ""}, logprobs={"content": 7}),
        chunk({"annotations": [{"type": "url_citation", "url_citation": None}, {"type": "file"}]}),
    ],
    ids=range(11),
)
def test_what_means_nothing_is_passed_over(odd: dict[str, Any] | bytes) -> None:
    """livekit/agents#6596, coddy-agent#106, agent-framework#5734, cline#8518."""
    deltas = [delta for delta in chat(text("a"), odd, text("b"), finish()) if not isinstance(delta, UsageDelta)]
    assert deltas == [TextDelta("a"), TextDelta("b"), StopDelta("stop")]


def test_usage_may_come_in_every_chunk_and_in_parts() -> None:
    """togethercomputer/openapi#27."""
    part = {"choices": [], "usage": {"completion_tokens": 5, "prompt_tokens": None}}
    counted = {**text("a"), "usage": {"prompt_tokens": 3, "total_tokens": 4}}
    assert [delta for delta in chat(counted, part, finish()) if isinstance(delta, UsageDelta)] == [
        UsageDelta(3, 1),
        UsageDelta(3, 5),
    ]


def test_a_logarithm_of_nothing_is_a_number_that_json_has() -> None:
    """TGI#2136."""
    token = b'{"token":"a","logprob":-Infinity,"top_logprobs":[{"token":"b","logprob":NaN}]}'
    odd = b'data: {"choices":[{"delta":{"content":"a"},"logprobs":{"content":[%b]}}]}\n\n' % token
    [delta, _] = chat(odd, finish())
    assert isinstance(delta, TextDelta)
    assert delta.logprobs is not None
    assert (delta.logprobs[0]["logprob"], delta.logprobs[0]["top_logprobs"][0]["logprob"]) == (-9999.0, -9999.0)


def test_a_citation_without_its_place_is_of_the_whole_text() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://a.example", "start_index": None}}
    [_, citation, _] = chat(text("Hello"), chunk({"annotations": [cited]}), finish())
    assert citation[2:] == (0, 5)


def test_content_may_be_a_list_of_parts() -> None:
    """eliza#30904."""
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    parts = [thinking, {"type": "text", "text": "He"}, {"type": "of_tomorrow"}, "llo"]
    deltas = chat(chunk({"content": parts}), finish())
    assert (texts(deltas, ReasoningDelta), texts(deltas)) == ("Hm.", "Hello")


def test_arguments_may_be_an_object() -> None:
    """Saturn#43."""
    call = {"index": 0, "id": "call_a", "function": {"name": "f", "arguments": {"x": 1}}}
    assert calls_in(chat(chunk({"tool_calls": [call]}), finish())) == {0: ("f", '{"x":1}')}


@pytest.mark.parametrize(
    "pieces",
    [
        [tool_call(0, "call_a"), tool_call(0, None, "f"), tool_call(0, arguments="{}")],
        [tool_call(0, "call_a"), tool_call(0, arguments="{"), tool_call(0, None, "f", "}")],
        [tool_call(0, "call_a", "f"), tool_call(1, "call_a", None, "{"), tool_call(0, arguments="}")],
        [tool_call(0, "call_a", "f", "{"), tool_call(None, "call_a", None, "}")],
        [tool_call(0, "call_a", "f", "{}"), tool_call(0, "call_a", "f", "")],
    ],
    ids=range(5),
)
def test_pieces_of_one_call_find_together(pieces: list[dict[str, Any]]) -> None:
    """hermes-agent#62940, spring-ai-extensions#266: the name later, or arguments under another index."""
    assert calls_in(chat(*pieces, finish("tool_calls"))) == {0: ("f", "{}")}


@pytest.mark.parametrize(
    "pieces",
    [
        [tool_call(None, None, "f", '{"a":'), tool_call(None, None, None, "1}"), tool_call(None, None, "f", '{"a":1}')],
        [tool_call(0, None, "f", '{"a":1}'), tool_call(0, None, "f", '{"a":1}')],
        [tool_call(0, "same", "f", '{"a":1}'), tool_call(1, "same", "f", '{"a":1}')],
        [
            tool_call(0, "a", "f"),
            tool_call(1, "b", "f"),
            tool_call(1, arguments='{"a":1}'),
            tool_call(0, arguments='{"a":1}'),
        ],
        [tool_call(0, "a", "f", '{"a":1}'), tool_call(0, "b", "f", '{"a":1}')],
    ],
    ids=range(5),
)
def test_parallel_calls_are_told_apart_however_they_are_marked(pieces: list[dict[str, Any]]) -> None:
    """ruby_llm#710, langchain-oracle#108, hass_local_openai_llm#92."""
    found = calls_in(chat(*pieces, finish("tool_calls")))
    assert list(found.values()) == [("f", '{"a":1}')] * 2


@pytest.mark.parametrize(
    "delta",
    [
        {"function_call": {"name": "f", "arguments": '{"x":1}'}},
        {"tool_calls": {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}},
        {"tool_calls": [None, {"index": 0, "id": 7, "function": {"name": "f", "arguments": '{"x":1}'}}]},
    ],
    ids=["the first form", "one alone", "a null and a number"],
)
def test_calls_in_older_or_odd_forms_are_not_lost(delta: dict[str, Any]) -> None:
    deltas = chat(chunk(delta), finish("function_call"))
    assert (calls_in(deltas), deltas[-1]) == ({0: ("f", '{"x":1}')}, StopDelta("tool_calls"))


def test_a_call_that_is_never_named_is_a_failure() -> None:
    assert chat_failure(tool_call(0, "call_a", None, "{}"), finish("tool_calls")).code == "model_error"


def test_a_last_event_without_its_blank_line_counts_if_it_is_whole() -> None:
    last = frame(finish()).rstrip(b"\n")
    assert chat(text("a"), last, done=False)[-1] == StopDelta("stop")
    assert chat_failure(text("a"), last[:-3], done=False).code == "model_error"
    assert chat(text("a"), finish(), usage(3, 2), DONE.strip(), done=False)[-2] == UsageDelta(3, 2)


def test_halves_of_a_surrogate_pair_may_come_apart() -> None:
    halves = [b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % half for half in (rb"\ud83d", rb"\ude00")]
    assert texts(chat(*halves, finish())) == "\ud83d\ude00"  # the stream machine joins them


def made(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **more}


def output(kind: str, index: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "id": f"i{index}", **more}


MESSAGE = output("message", 1, content=[{"type": "output_text", "text": "Hi", "annotations": []}])
CALL = output("function_call", 2, call_id="call_a", name="f", arguments='{"x":1}')
THOUGHT = output("reasoning", 0, summary=[{"type": "summary_text", "text": part} for part in ("A", "B")])
REFUSED = output("message", 3, content=[{"type": "refusal", "refusal": "No."}])
ITEMS = [THOUGHT, MESSAGE, CALL, REFUSED]
END = made("completed", response={"status": "completed", "output": []})


def only_in_done(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*(made("output_item.done", output_index=index, item=item) for index, item in enumerate(items)), END]


def only_in_texts_done(_items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        made("output_item.added", output_index=0, item={**THOUGHT, "summary": []}),
        made("reasoning_summary_text.done", output_index=0, summary_index=0, text="A"),
        made("reasoning_summary_part.added", output_index=0, summary_index=1),
        made("reasoning_summary_text.done", output_index=0, summary_index=1, text="B"),
        made("output_item.added", output_index=1, item={**MESSAGE, "content": []}),
        made("output_text.done", output_index=1, content_index=0, text="Hi"),
        made("output_item.added", output_index=2, item={**CALL, "arguments": ""}),
        made("function_call_arguments.done", output_index=2, arguments='{"x":1}'),
        made("output_item.added", output_index=3, item={**REFUSED, "content": []}),
        made("refusal.done", output_index=3, content_index=0, refusal="No."),
        END,
    ]


def only_at_the_end(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [made("completed", response={"status": "completed", "output": items})]


def everywhere(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    *texts_done, _ = only_in_texts_done(items)
    *items_done, _ = only_in_done(items)
    return [*texts_done, *items_done, *only_at_the_end(items)]


@pytest.mark.parametrize("form", [only_in_done, only_in_texts_done, only_at_the_end, everywhere])
def test_what_comes_only_when_it_is_done_is_taken_from_there_and_once(
    form: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
) -> None:
    """TanStack/ai#937, opencodex#4652."""
    deltas = responses(*form(ITEMS))
    assert texts(deltas, ReasoningDelta) == "A\n\nB"
    assert texts(deltas) == "Hi"
    assert texts(deltas, RefusalDelta) == "No."
    assert calls_in(deltas) == {0: ("f", '{"x":1}')}
    assert deltas[-1] == StopDelta("tool_calls")


def test_items_that_change_their_id_or_have_no_index_are_not_taken_twice() -> None:
    answered = {**MESSAGE, "id": "other"}
    delta = made("output_text.delta", output_index=0, item_id="a", content_index=0, delta="Hi")
    end = made("completed", response={"status": "completed", "output": [answered]})
    assert texts(responses(delta, end)) == "Hi"
    bare = made("output_text.delta", delta="Hi")
    assert texts(responses(bare, end)) == "Hi"


def test_blocks_of_a_message_may_interleave() -> None:
    def block(index: int, kind: str, **more: Any) -> dict[str, Any]:
        return {"type": f"content_block_{kind}", "index": index, **more}

    def piece(index: int, arguments: str) -> dict[str, Any]:
        return block(index, "delta", delta={"type": "input_json_delta", "partial_json": arguments})

    deltas = anthropic(
        *(
            block(n, "start", content_block={"type": "tool_use", "id": f"t{n}", "name": f"f{n}", "input": {}})
            for n in (0, 1)
        ),
        piece(1, '{"b":'),
        piece(0, '{"a":'),
        piece(1, "2}"),
        piece(0, "1}"),
        block(0, "stop"),
        block(1, "stop"),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": None}},
        {"type": "message_stop"},
    )
    assert calls_in(deltas) == {0: ("f0", '{"a":1}'), 1: ("f1", '{"b":2}')}


def test_blocks_of_bedrock_may_interleave() -> None:
    def event(kind: str, index: int, **more: Any) -> bytes:
        return event_frame(f"contentBlock{kind}", {"contentBlockIndex": index, **more})

    frames = [
        *(event("Start", n, start={"toolUse": {"toolUseId": f"t{n}", "name": f"f{n}"}}) for n in (0, 1)),
        event("Delta", 1, delta={"toolUse": {"input": '{"b":2}'}}),
        event("Delta", 0, delta={"toolUse": {"input": '{"a":1}'}}),
        event("Stop", 0),
        event("Stop", 1),
        event_frame("messageStop", {"stopReason": "tool_use"}),
        event_frame("metadata", {"usage": {"inputTokens": 3}}),
    ]
    deltas = told(BEDROCK, Script(frames, headers=BEDROCK.headers))
    assert calls_in(deltas) == {0: ("f0", '{"a":1}'), 1: ("f1", '{"b":2}')}
    assert UsageDelta(3, 0) in deltas
