"""What holds of the stream of any deltas, in any pieces."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from antiphon.stream.grammar import Checker
from tests.support.recording import record, sse
from tests.support.streams import assert_stream

# Any deltas in any pieces.


def pieces(text):
    """Cut a text at any places. No piece is empty: the loop passes none on."""
    cuts = st.lists(st.integers(0, len(text)), max_size=5).map(sorted)
    return cuts.map(lambda at: [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True) if a < b])


WORDS = st.text(max_size=40)
"""Any text; hypothesis leaves surrogates out, and ``BROKEN`` brings them."""


BROKEN = st.text(st.characters(categories=("Cs", "Ll", "So")), max_size=12)


PASSAGES = st.tuples(st.sampled_from(["text", "reasoning", "refusal"]), WORDS.flatmap(pieces)).map(
    lambda passage: [(passage[0], piece) for piece in passage[1]]
) | st.sampled_from([None, "commentary", "final_answer"]).map(lambda phase: [("message", phase)])


OBJECTS = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=10), max_size=3).map(json.dumps)


@st.composite
def call_batches(draw):
    """Return calls in parallel, whose pieces interleave in any way; a call begins before its first piece."""
    texts = draw(st.lists(OBJECTS.flatmap(pieces), min_size=1, max_size=4))
    names = [f"call_{index}" for index in range(len(texts))]
    queues = {
        name: [("call", name), *(("arguments", name, piece) for piece in cut)]
        for name, cut in zip(names, texts, strict=True)
    }
    order = draw(st.permutations([name for name, queue in queues.items() for _ in queue]))
    return [queues[name].pop(0) for name in order]


@st.composite
def turns(draw):
    """Return the deltas of a turn: passages and batches of calls, one after the other."""
    deltas = []
    for number, passage in enumerate(draw(st.lists(PASSAGES | call_batches(), max_size=5))):
        slots = {}
        for delta in passage:
            if delta[0] in ("call", "arguments"):
                slot = slots.setdefault(delta[1], 10 * number + len(slots))
                deltas.append(
                    ("call", slot, f"c{slot}", "look") if delta[0] == "call" else ("arguments", slot, delta[2])
                )
            else:
                deltas.append(delta)
    return deltas


def said(deltas, kind):
    return "".join(delta[1] for delta in deltas if delta[0] == kind)


def arguments_of(deltas):
    calls = {f"c{delta[1]}": "" for delta in deltas if delta[0] == "call"}
    for delta in deltas:
        if delta[0] == "arguments":
            calls[f"c{delta[1]}"] += delta[2]
    return calls


def shown(response):
    """Return the content of a response, by kind."""
    texts = {"text": "", "refusal": "", "reasoning": ""}
    calls = {}
    for item in response["output"]:
        for part in item.get("content", []):
            kind = "refusal" if part["type"] == "refusal" else "text"
            texts[kind] += part[kind]
        texts["reasoning"] += "".join(part["text"] for part in item.get("summary", []))
        if item["type"] == "function_call":
            calls[item["call_id"]] = item["arguments"]
    return texts, calls


@given(turns())
def test_any_split_of_any_deltas_is_one_accepted_stream_that_says_the_same(deltas):
    events = assert_stream(sse(record(deltas)))
    texts = {kind: said(deltas, kind) for kind in ("text", "refusal", "reasoning")}
    assert shown(events[-1]["response"]) == (texts, arguments_of(deltas))


@given(turns(), st.sampled_from(["incomplete", "failed"]))
def test_a_stream_that_is_cut_anywhere_is_accepted_too(deltas, ending):
    events = assert_stream(sse(record(deltas, ending)))
    texts, _ = shown(events[-1]["response"])
    assert texts == {kind: said(deltas, kind) for kind in texts} or any(delta[0] == "call" for delta in deltas)


@given(st.lists(st.tuples(st.sampled_from(["text", "reasoning", "refusal"]), BROKEN), max_size=6))
def test_surrogates_anywhere_never_break_a_stream(deltas):
    assert_stream(sse(record(deltas)))


@given(turns())
def test_the_same_deltas_always_give_the_same_bytes(deltas):
    assert sse(record(deltas)) == sse(record(deltas))


@given(turns())
def test_obfuscation_pads_every_delta_to_a_multiple_of_sixteen(deltas):
    for event in record(deltas):
        padded = event["type"].endswith(".delta") and event["type"] != "response.refusal.delta"
        assert ("obfuscation" in event) == padded
        if padded:
            assert (len(event["delta"]) + len(event["obfuscation"])) % 16 == 0
            assert len(event["obfuscation"]) < 16


@given(turns())
def test_obfuscation_changes_nothing_else(deltas):
    bare = [{key: value for key, value in event.items() if key != "obfuscation"} for event in record(deltas)]
    assert bare == record(deltas, obfuscate=False)


@given(turns(), st.data())
def test_every_prefix_of_a_stream_is_well_formed(deltas, data):
    events = record(deltas)
    checker = Checker()
    for event in events[: data.draw(st.integers(0, len(events)))]:
        checker.feed(event)
