"""The guard: whatever the machine breaks, what is sent is a whole stream of the grammar, and it ends as failed."""

from __future__ import annotations

import copy
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import CODES
from antiphon.stream.fold import Fold
from antiphon.stream.grammar import Checker
from antiphon.stream.guard import Guard, StreamInvalid
from tests.support.recording import record, resource, sse
from tests.support.streams import assert_stream

CALL = [("call", 0, "call_a", "get_weather"), ("arguments", 0, '{"city":'), ("arguments", 0, '"Paris"}')]
EVERYTHING = record(
    [("reasoning", "hm"), ("text", "I "), ("text", "see"), ("refusal", "no"), ("text", "but"), *CALL], "completed"
)
CUSTOM = record(
    [("text", "I "), ("call", 0, "c", "edit"), ("arguments", 0, '{"input": "a'), ("arguments", 0, 'b"}')],
    tools=[{"type": "custom", "name": "edit"}],
)
INCOMPLETE = record([("text", "Hal")], "incomplete")
FAILED = record([("text", "Hal")], "failed")


def guarded(events):
    """Send events through a guard, the last one as the ending. Return what came out and the fold of it."""
    sent, fold = [], Fold()

    def emit(event):
        sent.append(event)
        fold.put(event)

    guard = Guard(resource(), emit)
    *inside, ending = copy.deepcopy(events)
    told = [inside.pop()] if inside[-1]["type"] == "error" else []

    def play():
        for event in inside:
            guard.put(event)

    def end(ending):
        for event in (*told, ending):
            guard.put(event)

    guard.open(play)
    ending = guard.ending(lambda: ending)
    stored = fold.after(ending)
    guard.end(ending, end)
    return sent, stored


@pytest.mark.parametrize("events", [EVERYTHING, INCOMPLETE, FAILED])
def test_a_sound_stream_passes_unchanged(events):
    assert guarded(events)[0] == events


def changed(event, breaking):
    if breaking == "number":
        return [{**event, "sequence_number": event["sequence_number"] + 7}]
    if breaking == "twice":
        return [event, event]
    if breaking == "lost":
        return []
    if breaking == "type":
        return [{**event, "type": "response.nonsense"}]
    return [{key: value for key, value in event.items() if key == "type"}]


@pytest.mark.parametrize("at", range(3, len(CUSTOM) - 1))
def test_a_custom_call_that_is_lost_in_the_midst_is_closed_with_what_was_sent_of_it(at):
    sent, stored = guarded([*CUSTOM[:at], {"type": "response.nonsense", "sequence_number": at}, CUSTOM[-1]])
    checker = Checker()
    for event in sent:
        checker.feed(event)
    checker.finish()
    assert stored["status"] == "failed"


@given(at=st.integers(0, len(EVERYTHING) - 2), breaking=st.sampled_from(["number", "twice", "lost", "type", "bare"]))
def test_a_stream_broken_anywhere_is_sent_up_to_there_and_ends_as_failed(at, breaking):
    logging.disable(logging.ERROR)
    events = [*EVERYTHING[:at], *changed(EVERYTHING[at], breaking), *EVERYTHING[at + 1 :]]
    try:
        sent, stored = guarded(events)
    finally:
        logging.disable(logging.NOTSET)
    assert_stream(sse(sent))
    kept = at + 1 if breaking == "twice" else at
    assert sent[:kept] == EVERYTHING[:kept]
    ending = sent[-1]["response"]
    assert ending == stored
    assert (ending["status"], ending["error"]["code"]) == ("failed", "stream_invalid")


@pytest.mark.parametrize(
    "change",
    [{"output": []}, {"status": "failed"}, {"id": "resp_other"}, {"usage": {}}],
    ids=str,
)
def test_an_ending_that_does_not_fit_is_never_stored_nor_sent(change):
    *inside, ending = EVERYTHING
    sent, stored = guarded([*inside, {**ending, "response": {**ending["response"], **change}}])
    assert stored["error"] == {"code": "stream_invalid", "message": CODES["stream_invalid"].message}
    assert sent[-1]["response"] == stored
    assert stored["output"] == EVERYTHING[-1]["response"]["output"]
    assert_stream(sse(sent))


def test_a_machine_that_refuses_to_end_is_ended():
    sent = []
    guard = Guard(resource(), sent.append)
    for event in EVERYTHING[:5]:
        guard.put(event)

    def refuse():
        raise StreamInvalid("order")

    guard.end(guard.ending(refuse), lambda _: None)
    guard.end(guard.ending(refuse), lambda _: None)
    assert sent[:5] == EVERYTHING[:5]


def test_nothing_of_a_broken_machine_gets_through_and_one_line_names_the_rule(caplog):
    guard = Guard(resource(), lambda _: None)
    guard.put(EVERYTHING[0])
    for event in (EVERYTHING[2], EVERYTHING[1]):
        with pytest.raises(StreamInvalid):
            guard.put(event)
    [line] = caplog.records
    assert (line.message, line.rule, line.response_id) == ("stream invalid", "sequence", resource()["id"])
