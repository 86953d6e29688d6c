"""The replay: a stored response as a stream that obeys the grammar and amounts to exactly that response."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.stream.fold import Fold
from antiphon.stream.replay import replay
from tests.support.recording import play, record, resource, sse
from tests.support.stories import STORIES, STORY, is_playable
from tests.support.streams import assert_stream


def stored(story, ending="completed"):
    return record(STORIES[story], ending)[-1]["response"]


@pytest.mark.parametrize("ending", ["completed", "incomplete", "failed", "cancelled"])
@pytest.mark.parametrize("story", STORIES)
def test_a_replay_is_a_valid_stream_and_amounts_to_the_stored_response(story, ending):
    response = stored(story, ending)
    events = assert_stream(sse(replay(response)))
    assert events[-1]["response"] == response


@pytest.mark.parametrize("story", STORIES)
def test_a_replay_says_the_same_each_time_and_leaves_the_response_as_it_is(story):
    response, untouched = stored(story), stored(story)
    assert replay(response) == replay(response)
    assert response == untouched


def test_a_text_is_one_delta():
    deltas = [event["delta"] for event in replay(stored("text")) if "delta" in event]
    assert deltas == ["Hello wörld"]


def test_padding_is_left_out_where_it_is_not_wanted():
    assert any("obfuscation" in event for event in replay(stored("text")))
    assert not any("obfuscation" in event for event in replay(stored("text"), obfuscate=False))


def test_fields_of_an_item_that_the_machine_itself_never_makes_are_kept():
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"}
    citation = {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://example.com", "title": "E"}
    part = {"type": "output_text", "text": "Hi", "annotations": [citation], "logprobs": []}
    thought = {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "x"}]}
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
    output = [reasoning, thought, {**message, "phase": "commentary"}, {**message, "id": "msg_2", "content": []}]
    answer = {"type": "function_call_output", "id": "fco_1", "call_id": "c", "output": "18", "status": "completed"}
    response = resource(status="completed", completed_at=1, output=[*output, answer])
    assert_stream(sse(replay(response)))


def test_a_response_that_was_lost_before_it_said_anything_is_replayed_as_failed():
    error = {"code": "worker_lost", "message": "The worker that ran this response was lost."}
    events = assert_stream(sse(replay(resource(status="failed", error=error))))
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]


@pytest.mark.parametrize("number", [-1, 0, 4, 7, 8, 10**12])
def test_a_replay_goes_on_after_a_number(number):
    assert replay(stored("text"), after=number) == replay(stored("text"))[number + 1 :]


@given(STORY.filter(is_playable), st.sampled_from(["completed", "incomplete", "failed", "cancelled"]), st.booleans())
def test_a_response_and_its_cuts_give_the_very_stream_that_was_sent(deltas, ending, background):
    folded, events = Fold(), []
    play(events.append, deltas, ending, background=background)
    for event in events:
        folded.put(event)
    assert replay(folded.response(), folded.cuts()) == events


def test_the_cuts_of_a_delta_are_one_byte():
    folded = Fold()
    play(folded.put, [("text", "word ")] * 600)
    assert len(base64.b64decode(folded.cuts())) == 600


@given(st.lists(st.sampled_from([delta for story in STORIES.values() for delta in story if len(delta) == 2])))
def test_any_mix_of_what_a_model_says_is_replayed(deltas):
    response = record(deltas)[-1]["response"]
    assert assert_stream(sse(replay(response)))[-1]["response"] == response
