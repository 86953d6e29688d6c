"""All that must hold of a stream, in one assertion."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from antiphon.stream.fold import ENDINGS, Fold
from antiphon.stream.grammar import check_frames, check_headers, parse_sse
from tests.support.schema import check_event

Event = dict[str, Any]


def fold(events: Iterable[Event]) -> dict[str, Any]:
    """Return the response that the events amount to."""
    folded = Fold()
    for event in events:
        folded.put(event)
    return folded.response()


def assert_events(events: list[Event]) -> None:
    """Assert that every event is valid and that what was sent folds to the terminal response."""
    for event in events:
        check_event(event)
    ending = events[-1]
    assert ending["type"] in ENDINGS, f"the last event is {ending['type']}"
    assert fold(events) == ending["response"], "the fold of what was sent is not the terminal response"


def assert_stream(raw: bytes, headers: Mapping[str, str] | None = None) -> list[Event]:
    """Check a stream's headers (if given), framing, grammar, schema and fold. Return its events."""
    if headers is not None:
        check_headers(headers)
    events = check_frames(parse_sse(raw))
    assert_events(events)
    return events


def sent_events(raw: bytes) -> list[Event]:
    """Return the events of a stream's bytes, or of a part of a stream, without checking them."""
    lines = [line for line in raw.split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(line.removeprefix(b"data: ")) for line in lines]
