"""For any deltas, any batches and any crash: what was live, logged, resumed, replayed and stored is one stream."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.records import LogBatch, StoredResponse
from antiphon.run.journal import NOTHING, Lines, Logged
from antiphon.run.lost import WORKER_LOST, ending_of
from antiphon.stream.fold import Fold
from antiphon.stream.log import Encoder
from antiphon.stream.replay import replay
from tests.support.recording import record, resource
from tests.support.stored import claimed
from tests.support.stories import STORY, is_playable
from tests.support.streams import assert_events

STATUSES = ["failed", "cancelled"]


def taken(events: list[dict[str, object]], stored: int, *, background: bool = False) -> StoredResponse:
    """Return the response as its writer left it: with the first items that were done, as many as were stored."""
    fold = Fold()
    for event in events:
        if len(fold.response()["output"]) < stored or event["type"] == "response.created":
            fold.put(event)
    response = {**resource(background=background), "output": fold.response()["output"][:stored]}
    return claimed(response=response, cuts=fold.cuts(), logged=True)


def in_batches(data: bytes, ends: list[int]) -> list[LogBatch]:
    cuts = sorted({0, len(data), *(end % (len(data) + 1) for end in ends)})
    pieces = [data[start:end] for start, end in pairwise(cuts)]
    return [LogBatch(number, 0, 0.0, piece) for number, piece in enumerate(pieces)]


@given(
    STORY.filter(is_playable),
    st.lists(st.integers(0, 10_000), max_size=6),
    st.integers(0, 10_000),
    st.integers(0, 9),
    st.sampled_from(STATUSES),
    st.booleans(),
)
def test_whatever_was_logged_before_a_crash_is_the_beginning_of_the_stream_that_is_kept(
    deltas: list[tuple[str, ...]], ends: list[int], crash: int, ahead: int, status: str, background: bool
) -> None:
    live = [event for event in record(deltas, background=background)[:-1] if event["type"] != "error"]
    encoder = Encoder(resource(background=background))
    for event in live:
        encoder.put(event)
    data = b"".join(orjson.dumps(entry) + b"\n" for entry in encoder.entries)
    reader = Lines()
    lines = [line for batch in in_batches(data[: crash % (len(data) + 1)], ends) for line in reader.read([batch])]
    logged = lines
    done = sum(event["type"] == "response.output_item.done" for event in live[: len(logged)])
    all_done = sum(event["type"] == "response.output_item.done" for event in live)
    before = taken(live, min(done + ahead, all_done), background=background)

    ended = ending_of(before, Logged(logged, 0), status, WORKER_LOST)

    kept = replay(ended.response, ended.cuts)
    assert_events(kept)
    assert kept[: len(logged)] == live[: len(logged)]
    assert ended.lost_after == len(logged)
    assert ended.response["output"][: len(before.response["output"])] == before.response["output"]
    for after in range(-1, len(kept)):
        assert replay(ended.response, ended.cuts, after=after) == kept[after + 1 :]


@pytest.mark.parametrize("status", STATUSES)
def test_a_response_that_was_lost_before_it_said_anything_ends_as_it_began(status: str) -> None:
    ended = ending_of(taken([*record([])][:2], 0), NOTHING, status, WORKER_LOST)
    assert (ended.status, ended.response["output"], ended.lost_after) == (status, [], 0)
    assert_events(replay(ended.response, ended.cuts))


def test_a_line_that_a_lost_writer_began_is_no_part_of_the_next_ones() -> None:
    reader = Lines()
    first, second = LogBatch(0, 0, 0.0, b'"a"\n"b'), LogBatch(2, 1, 0.0, b'"c"\n')
    fence = replace(first, number=1, epoch=1, data=b"")
    assert reader.read([first]) == [b'"a"']
    assert reader.read([fence, second]) == [b'"c"']
    assert (reader.count, reader.next) == (2, 3)
