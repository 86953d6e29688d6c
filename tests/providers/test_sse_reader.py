from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.providers.sse_reader import SseReader

STREAM = (
    b"\xef\xbb\xbf: a comment\n\n"
    b'data: {"a":"\xc3\xa9\xf0\x9f\x8e\xb6"}\n\n'
    b"event: ping\nid: 1\nretry: 5\n\n"
    b"data:no space\r\ndata:  two spaces\r\n\r\n"
    b"data: by return only\r\r"
    b"data\n\n"
    b"\n\n\n"
    b"database: not data\n\n"
    b"data: [DONE]\n\n"
    b"data: never ended\n"
)
EVENTS = [
    '{"a":"é🎶"}'.encode(),
    b"no space\n two spaces",
    b"by return only",
    b"",
    b"[DONE]",
]


def read(chunks: list[bytes]) -> list[bytes]:
    reader = SseReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


def test_every_form_of_line_and_field_is_read() -> None:
    assert read([STREAM]) == EVENTS


def test_a_stream_cut_at_any_one_byte_gives_the_same_events() -> None:
    for at in range(len(STREAM) + 1):
        assert read([STREAM[:at], STREAM[at:]]) == EVENTS, at


def test_a_stream_that_comes_byte_by_byte_gives_the_same_events() -> None:
    assert read([STREAM[at : at + 1] for at in range(len(STREAM))]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_a_stream_cut_anywhere_gives_the_same_events(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    assert read([STREAM[start:end] for start, end in pairwise(places)]) == EVENTS


@given(
    st.lists(st.sampled_from([b"data: x", b"data:", b"data", b":", b"\n", b"\r", b"\r\n", b"e"]), max_size=12),
    st.data(),
)
def test_any_stream_cut_anywhere_gives_the_same_events(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    at = data.draw(st.integers(0, len(stream)))
    assert read([stream[:at], stream[at:]]) == read([stream])


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1), max_size=5))
def test_what_was_written_is_read(texts: list[str]) -> None:
    stream = b"".join(b"data: " + text.encode() + b"\n\n" for text in texts)
    assert read([stream]) == [text.encode() for text in texts]


def test_an_event_without_end_is_refused() -> None:
    reader = SseReader(max_event_bytes=10)
    assert reader.feed(b"data: 1234") == []
    with pytest.raises(ValueError, match="too large"):
        reader.feed(b"5")


def test_an_event_of_many_lines_without_end_is_refused() -> None:
    reader = SseReader(max_event_bytes=10)
    with pytest.raises(ValueError, match="too large"):
        reader.feed(b"data: 123456\ndata: 789012\n")


def test_an_event_as_large_as_allowed_is_read() -> None:
    assert SseReader(max_event_bytes=10).feed(b"data: 1234\n\n") == [b"1234"]
