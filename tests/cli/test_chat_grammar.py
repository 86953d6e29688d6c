"""The grammar of chat streams: a good stream breaks no rule, and each rule, broken once, is exactly that rule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from antiphon.stream.grammar import parse_sse
from cli.chat_grammar import CHAT_RULES, check_chat

Chunk = dict[str, Any]
DONE = b"data: [DONE]\n\n"
ERROR = {"error": {"message": "No.", "type": "server_error", "code": "internal_error", "param": None}}


def chunk(delta: Chunk | None, reason: str | None = None, usage: Chunk | None = None) -> Chunk:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "agent"}
    return {**head, "choices": choices, "usage": usage}


def call(index: int, arguments: str, **begin: str) -> Chunk:
    name = {"name": begin.pop("name")} if "name" in begin else {}
    return chunk({"tool_calls": [{"index": index, **begin, "function": {**name, "arguments": arguments}}]})


def whole() -> list[Chunk]:
    """A stream with everything."""
    return [
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "Hm."}),
        chunk({"content": "Hi"}),
        call(0, "", id="call_a", type="function", name="look"),
        call(0, '{"a":'),
        call(0, "1}"),
        call(1, "{}", id="call_b", type="function", name="look"),
        chunk({}, "tool_calls"),
        chunk(None, usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
    ]


def written(chunks: list[Chunk]) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks)


def broken(body: bytes, *, asked: bool = True) -> list[str]:
    return [violation.rule for violation in check_chat(parse_sse(body), asked=asked).violations]


def changed(number: int, **fields: Any) -> bytes:
    chunks = whole()
    chunks[number] |= fields
    return written(chunks) + DONE


def replaced(number: int, *chunks: Chunk) -> bytes:
    given = whole()
    given[number : number + 1] = chunks
    return written(given) + DONE


def test_a_whole_stream_breaks_no_rule_and_is_what_it_amounts_to() -> None:
    stream = check_chat(parse_sse(b": ping\n\n" + written(whole()) + DONE), asked=True)
    assert stream.violations == []
    assert (stream.content, stream.reason) == ("Hi", "tool_calls")
    assert [each["text"] for each in stream.calls] == ['{"a":1}', "{}"]
    assert stream.usage is not None


def test_an_error_may_end_a_stream_at_any_place() -> None:
    for length in range(len(whole()) - 1):
        assert broken(written([*whole()[:length], ERROR]) + DONE) == []


def test_a_cut_answer_may_have_cut_arguments() -> None:
    assert broken(written([*whole()[:5], chunk({}, "length"), whole()[-1]]) + DONE) == []


BROKEN = {
    "no done": (written(whole()), "done"),
    "two dones": (written(whole()) + DONE + DONE, "done"),
    "after done": (written(whole()) + DONE + written([chunk({})]), "done"),
    "an event's name": (written(whole()[:1]) + b"event: chunk\n" + written(whole()[1:]) + DONE, "frame"),
    "no JSON": (b"data: Hi\n\n" + written(whole()) + DONE, "frame"),
    "half a frame": (written(whole()) + DONE + b"data: ", "done"),
    "another object": (changed(2, object="chat.completion"), "shape"),
    "no choices": (changed(2, choices=None), "shape"),
    "another model": (changed(2, model="other"), "same"),
    "a second choice": (changed(2, choices=[{"index": 1, "delta": {}, "finish_reason": None}]), "choice"),
    "an empty chunk": (replaced(2, whole()[2], chunk(None)), "choice"),
    "no role": (replaced(0, chunk({"content": ""})), "role"),
    "an empty role": (replaced(2, chunk({"role": "", "content": "Hi"})), "role"),
    "a list as content": (replaced(2, chunk({"content": ["Hi"]})), "text"),
    "a number as refusal": (replaced(2, chunk({"refusal": 1})), "text"),
    "calls from 1": (written([whole()[0], call(1, "{}", id="a", name="b"), ERROR]) + DONE, "call-index"),
    "a call without a name": (replaced(6, call(1, "{}", id="call_b")), "call-begin"),
    "another id": (replaced(4, call(0, '{"a":', id="call_c")), "call-begin"),
    "cut arguments": (replaced(5, call(0, "1")), "arguments"),
    "no reason": (replaced(7), "finish"),
    "an unknown reason": (replaced(7, chunk({}, "eos")), "finish"),
    "content after the reason": (replaced(7, chunk({}, "tool_calls"), chunk({"content": "x"})), "finish"),
    "stop though there are calls": (replaced(7, chunk({}, "stop")), "finish-calls"),
    "no usage": (replaced(8), "usage"),
    "usage that does not add up": (
        replaced(8, chunk(None, usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 4})),
        "usage",
    ),
    "something after an error": (written([*whole()[:2], ERROR, chunk({"content": "x"})]) + DONE, "error"),
    "an error without a message": (written([*whole()[:2], {"error": {}}]) + DONE, "error"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_each_rule_that_is_broken_is_found_and_no_other(fault: str) -> None:
    body, rule = BROKEN[fault]
    assert set(broken(body)) == {rule}


def test_every_rule_is_broken_once() -> None:
    assert {rule for _, rule in BROKEN.values()} == set(CHAT_RULES)


def test_usage_that_nobody_asked_for_breaks_its_rule() -> None:
    assert broken(written(whole()) + DONE, asked=False) == ["usage"]
