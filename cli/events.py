"""Check the events of a stream, whatever carried them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from antiphon.stream.fold import ENDINGS, Fold
from antiphon.stream.grammar import Violation, check_frames, parse_sse
from cli import official

Event = dict[str, Any]


def check_stream(raw: bytes) -> tuple[list[Event], list[str]]:
    """Return the events of server-sent events, and what is wrong with them, each rule once."""
    violations: list[Violation] = []
    events = [event for event in check_frames(parse_sse(raw), violations.append) if "type" in event]
    problems = list({violation.rule: f"{violation}" for violation in reversed(violations)}.values())[::-1]
    problems += {wrong: None for event in events if (wrong := official.event_problem(event))}
    if not problems and _folded(events) != events[-1]["response"]:
        problems.append("the events do not amount to the terminal response")
    if not problems and events[-1]["type"] != "response.completed":
        problems.append(f"the stream ends with {events[-1]['type']}")
    return events, problems


def check_events(events: Iterable[Event]) -> list[str]:
    """Return what is wrong with events that came as messages."""
    frames = (f"event: {event.get('type')}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n" for event in events)
    return check_stream(("".join(frames) + "data: [DONE]\n\n").encode())[1]


def _folded(events: list[Event]) -> dict[str, Any]:
    fold = Fold()
    for event in events:
        fold.put(event)
    return fold.response() if events[-1]["type"] in ENDINGS else {}
