from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import ProviderError
from antiphon.ports import Delta, ReasoningDelta, RefusalDelta, StopDelta, TextDelta, ToolCallDelta, UsageDelta
from antiphon.providers.openai_chat.deltas import ChunkReader
from tests.support.upstream import DONE, chunk, finish, frame, text, tool_call, usage


def read(*chunks: dict[str, Any] | bytes) -> list[Delta]:
    reader = ChunkReader()
    data = b"".join(frame(piece) if isinstance(piece, dict) else piece for piece in chunks)
    return [*reader.feed(data), *reader.end(), reader.stop()]


def code_of(*chunks: dict[str, Any] | bytes) -> str:
    with pytest.raises(ProviderError) as caught:
        read(*chunks)
    assert caught.value.__cause__ is None
    return caught.value.code


def test_an_answer_is_text_usage_and_a_stop() -> None:
    chunks = [
        chunk({"role": "assistant", "content": None}),
        text("Hé"),
        text(""),
        text("llo"),
        finish(),
        usage(9, 2, 4, 1),
    ]
    assert read(*chunks, DONE) == [TextDelta("Hé"), TextDelta("llo"), UsageDelta(9, 2, 4, 1), StopDelta("stop")]


def test_the_end_mark_may_be_missing() -> None:
    assert read(text("a"), finish("length")) == [TextDelta("a"), StopDelta("length")]


def test_nothing_after_the_end_mark_is_read() -> None:
    assert read(text("a"), finish(), DONE, text("b")) == [TextDelta("a"), StopDelta("stop")]


def test_all_kinds_come_in_the_order_reasoning_text_refusal() -> None:
    delta = {"reasoning_content": "r", "reasoning": "r", "content": "c", "refusal": "no", "tool_calls": None}
    assert read(chunk(delta), finish())[:-1] == [ReasoningDelta("r"), TextDelta("c"), RefusalDelta("no")]


def test_reasoning_has_two_names() -> None:
    assert read(chunk({"reasoning": "a"}), chunk({"reasoning_content": "b"}), finish())[:-1] == [
        ReasoningDelta("a"),
        ReasoningDelta("b"),
    ]


def test_log_probabilities_take_the_form_of_the_specification() -> None:
    top = {"token": "é", "logprob": -0.1, "bytes": None}
    logprobs = {
        "content": [{"token": "é", "logprob": -0.1, "bytes": [195, 169], "top_logprobs": [top]}],
        "refusal": None,
    }
    [delta, _] = read(chunk({"content": "é"}, logprobs=logprobs), finish())
    assert delta == TextDelta(
        "é",
        [
            {
                "token": "é",
                "logprob": -0.1,
                "bytes": [195, 169],
                "top_logprobs": [{"token": "é", "logprob": -0.1, "bytes": [195, 169]}],
            }
        ],
    )


def test_the_probability_of_half_a_character_goes_with_the_whole() -> None:
    half, whole = ({"token": token, "logprob": -0.1, "bytes": [0], "top_logprobs": []} for token in ("half", "whole"))
    pieces = [chunk({"content": text}, logprobs={"content": [of]}) for text, of in (("", half), ("é", whole))]
    assert read(*pieces, finish())[:-1] == [TextDelta("é", [half, whole])]


def test_parallel_calls_are_told_apart_by_their_index() -> None:
    chunks = [
        tool_call(0, "call_a", "f"),
        tool_call(0, arguments='{"x"'),
        tool_call(1, "call_b", "g"),
        tool_call(0, arguments=":1}"),
        tool_call(1, arguments="{}"),
    ]
    assert read(*chunks, finish("tool_calls")) == [
        ToolCallDelta(0, "call_a", "f", ""),
        ToolCallDelta(0, arguments='{"x"'),
        ToolCallDelta(1, "call_b", "g", ""),
        ToolCallDelta(0, arguments=":1}"),
        ToolCallDelta(1, arguments="{}"),
        StopDelta("tool_calls"),
    ]


def test_whole_calls_in_one_chunk_are_read() -> None:
    calls = [
        {"index": index, "id": call_id, "function": {"name": "f", "arguments": "{}"}}
        for index, call_id in enumerate(["call_a", "call_b"])
    ]
    assert read(chunk({"tool_calls": calls}, "tool_calls"))[:-1] == [
        ToolCallDelta(0, "call_a", "f", "{}"),
        ToolCallDelta(1, "call_b", "f", "{}"),
    ]


def test_slots_are_dense_whatever_the_index() -> None:
    assert read(tool_call(3, "call_a", "f"), tool_call(7, "call_b", "f"), finish())[:-1] == [
        ToolCallDelta(0, "call_a", "f"),
        ToolCallDelta(1, "call_b", "f"),
    ]


def test_a_call_may_lack_its_id() -> None:
    assert read(tool_call(0, None, "f", "{"), tool_call(0, "late", "f", "}"), finish()) == [
        ToolCallDelta(0, None, "f", "{"),
        ToolCallDelta(0, arguments="}"),
        StopDelta("tool_calls"),
    ]


def test_a_repeated_name_and_id_do_not_begin_another_call() -> None:
    assert read(tool_call(0, "call_a", "f", "{"), tool_call(0, "call_a", "f", "}"), finish())[:-1] == [
        ToolCallDelta(0, "call_a", "f", "{"),
        ToolCallDelta(0, arguments="}"),
    ]


def test_two_calls_under_one_index_are_two_where_id_and_name_say_so() -> None:
    assert read(tool_call(0, "call_a", "f", "{}"), tool_call(0, "call_b", "g", "{}"), finish())[:-1] == [
        ToolCallDelta(0, "call_a", "f", "{}"),
        ToolCallDelta(1, "call_b", "g", "{}"),
    ]


def test_calls_without_an_index_are_told_apart_by_id_and_name() -> None:
    chunks = [
        tool_call(None, "call_a", "f", "{"),
        tool_call(None, None, None, "}"),
        tool_call(None, "call_b", "g", "{"),
        tool_call(None, "call_b", None, "}"),
    ]
    assert read(*chunks, finish())[:-1] == [
        ToolCallDelta(0, "call_a", "f", "{"),
        ToolCallDelta(0, arguments="}"),
        ToolCallDelta(1, "call_b", "g", "{"),
        ToolCallDelta(1, arguments="}"),
    ]


@pytest.mark.parametrize(
    ("finish_reason", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "tool_calls"),
        ("eos_token", "stop"),
    ],
)
def test_the_reason_to_stop_is_translated(finish_reason: str, reason: str) -> None:
    assert read(text("a"), finish(finish_reason))[-1] == StopDelta(reason)  # type: ignore[arg-type]


def test_a_later_usage_is_given_too() -> None:
    assert read(usage(1, 1), text("a"), finish(), usage(1, 2))[0::2] == [UsageDelta(1, 1), UsageDelta(1, 2)]


def test_usage_without_details_is_read() -> None:
    counts = {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": None}
    assert UsageDelta(1, 2) in read({"choices": [], "usage": counts}, finish())


def test_chunks_that_say_nothing_are_passed_over() -> None:
    empty: list[dict[str, Any]] = [{}, {"choices": []}, {"choices": None, "usage": None}, {"choices": [{"index": 0}]}]
    assert read(*empty, b": comment\n\n", text("a"), finish()) == [TextDelta("a"), StopDelta("stop")]


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b"data: 1\n\n",
        b"data: null\n\n",
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":7}}]}\n\n',
        b'data: {"choices":[{"delta":"a"}]}\n\n',
        b'data: {"choices":{"0":1}}\n\n',
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":7}}]}}]}\n\n',
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":{"a":1},"function":{"name":"f"}}]}}]}\n\n',
        b'data: {"error":{"message":"a secret"}}\n\n',
        b'data: {"error":{"message":"a secret"},"choices":[{"delta":{"content":"x"},"finish_reason":"error"}]}\n\n',
    ],
)
def test_a_chunk_that_cannot_be_read_ends_the_stream_and_keeps_what_came_before(bad: bytes) -> None:
    reader = ChunkReader()
    assert reader.feed(frame(text("a")) + bad + frame(text("b")) + frame(finish())) == [TextDelta("a")]
    assert reader.done
    with pytest.raises(ProviderError) as caught:
        reader.stop()
    assert caught.value.code == "model_error"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("chunks", [(), (text("a"),), (text("a"), DONE), (text("a"), finish("error"), DONE)])
def test_a_stream_that_ends_before_the_model_is_an_error(chunks: tuple[dict[str, Any] | bytes, ...]) -> None:
    assert code_of(*chunks) == "model_error"


STREAM = b"".join(
    [
        frame(chunk({"role": "assistant", "content": ""})),
        frame(text("Grüße 🎶")),
        b": ping\r\n\r\n",
        frame(tool_call(0, "call_a", "f", '{"x":"é"}')),
        frame(finish("tool_calls")),
        frame(usage(5, 4)),
        DONE,
    ]
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=10))
def test_a_stream_cut_anywhere_gives_the_same_deltas(cuts: list[int]) -> None:
    reader = ChunkReader()
    places = [0, *sorted(cuts), len(STREAM)]
    deltas = [delta for start, end in pairwise(places) for delta in reader.feed(STREAM[start:end])]
    assert [*deltas, reader.stop()] == [
        TextDelta("Grüße 🎶"),
        ToolCallDelta(0, "call_a", "f", '{"x":"é"}'),
        UsageDelta(5, 4),
        StopDelta("tool_calls"),
    ]
