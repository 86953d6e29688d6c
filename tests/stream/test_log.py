"""The log: few bytes for each event, and the very same events when it is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.stream.log import FOLLOWS, Decoder, Encoder
from tests.support.client_calls import SAID, TOOLS, deltas_of
from tests.support.recording import record, resource
from tests.support.stories import STORIES, STORY, is_playable

ENDINGS = ["completed", "incomplete", "failed", "cancelled"]


def logged(events, **changes):
    """Write events as entries and read these as JSON, as another process would."""
    encoder = Encoder(resource(**changes))
    for event in events:
        encoder.put(event)
    return json.loads(json.dumps(encoder.entries))


def read(entries, **changes):
    decoder = Decoder(resource(**changes))
    return [decoder.event(entry) for entry in entries]


def without_ending(events):
    return [event for event in events[:-1] if event["type"] != "error"]


@given(STORY.filter(is_playable), st.sampled_from(ENDINGS), st.booleans())
def test_a_log_gives_the_very_events_that_were_logged(deltas, ending, background):
    events = without_ending(record(deltas, ending, background=background))
    assert read(logged(events, background=background), background=background) == events


@given(st.lists(SAID, max_size=6), st.sampled_from(ENDINGS))
def test_a_log_gives_the_very_events_of_calls_of_any_type(said, ending):
    events = without_ending(record(deltas_of(said), ending, tools=TOOLS))
    assert read(logged(events, tools=TOOLS), tools=TOOLS) == events


@pytest.mark.parametrize("story", STORIES)
def test_an_event_that_follows_from_those_before_it_is_one_digit(story):
    events = without_ending(record(STORIES[story]))
    follows = [event["type"] for event, entry in zip(events, logged(events), strict=True) if entry == FOLLOWS]
    assert follows == [event["type"] for event in events if event["type"].endswith((".done", "created", "in_progress"))]


def test_a_delta_after_the_first_is_its_text():
    events = without_ending(record([("text", "Hello "), ("text", "wörld")]))
    assert "wörld" in logged(events)


def test_an_answer_of_500_tokens_is_less_than_5_kb_of_entries():
    events = without_ending(record([("text", "word ")] * 500))
    assert len(json.dumps(logged(events), separators=(",", ":"))) < 5_000
    assert len(json.dumps(events)) > 80_000


def test_an_event_of_an_unknown_kind_is_logged_as_it_is():
    odd = {"type": "antiphon:note", "sequence_number": 2, "note": {"a": 1}}
    events = [*record([])[:2], odd]
    assert read(logged(events)) == events


def test_a_sealed_item_is_logged_by_what_differs():
    events = without_ending(record([("reasoning", "hm " * 100), ("text", "42")]))
    done = next(event for event in events if event["type"].endswith("item.done"))
    done["item"] = {**done["item"], "encrypted_content": "sealed"}
    entries = logged(events)
    assert {"item": {"encrypted_content": "sealed"}} in entries
    assert read(entries) == events
