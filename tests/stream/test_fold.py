"""The fold: what was sent, and nothing else, is the JSON answer and what is stored."""

from __future__ import annotations

import pytest

from antiphon.stream.fold import Fold
from antiphon.stream.machine import ResponseStream
from tests.support.recording import USAGE, record, resource
from tests.support.schema import check_response
from tests.support.streams import fold

DELTAS = [("reasoning", "hm"), ("text", "Hi"), ("call", 0, "call_a", "look"), ("arguments", 0, "{}")]


@pytest.mark.parametrize("ending", ["completed", "incomplete", "failed"])
def test_the_fold_of_what_was_sent_is_the_terminal_response(ending):
    events = record(DELTAS, ending)
    assert fold(events) == events[-1]["response"]
    check_response(fold(events))


def test_the_fold_of_nothing_but_the_opening_is_the_response_as_it_begins():
    events = record(DELTAS)[:2]
    assert fold(events) == resource()


def test_the_fold_of_a_stream_under_way_holds_the_items_that_are_done():
    events = record(DELTAS)
    before_the_end = fold(events[:-1])
    assert before_the_end["status"] == "in_progress"
    assert before_the_end["output"] == events[-1]["response"]["output"]
    check_response(before_the_end)


def test_an_item_that_is_not_done_is_not_in_the_fold():
    events = record([("text", "Hi")])
    assert fold(events[: events.index(next(e for e in events if e["type"].endswith("item.done")))])["output"] == []


def test_the_fold_says_what_the_response_will_be_before_its_ending_is_sent():
    folded = Fold()
    stream = ResponseStream(resource(), folded.put)
    stream.open()
    stream.text("Hi")
    ending = stream.ending("completed", at=1, usage=USAGE)
    will_be = folded.after(ending)
    assert folded.response()["status"] == "in_progress"
    stream.end(ending)
    assert will_be == folded.response() == ending["response"]


def test_a_response_that_was_given_does_not_change_with_later_events():
    events = record([("text", "Hi"), ("call", 0, "call_a", "look")])
    folded = Fold()
    for event in events[:3]:
        folded.put(event)
    early = folded.response()
    for event in events[3:]:
        folded.put(event)
    assert early["output"] == []
    assert len(folded.response()["output"]) == 2
