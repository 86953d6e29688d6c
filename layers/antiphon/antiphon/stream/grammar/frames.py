"""The framing of a stream: server-sent events in the one form that every client reads.

    event: TYPE          : ping          data: [DONE]
    data: JSON

each followed by an empty line. It must not know how frames are written (``web``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from antiphon.stream.events import Event
from antiphon.stream.grammar.checker import Checker
from antiphon.stream.grammar.rules import Report, Violation, refuse

HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    "content-encoding": "identity",
}
"""The headers of a stream; ``content-type`` may say a charset too."""

_EVENT: Final = re.compile(rb"event: ([^\n]*)\ndata: ([^\n]*)")
_JSON_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')
_SPACE: Final = re.compile(rb"\s")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands before an empty line.

    Attributes:
        text: its lines, without the last line's end.
        whole: the empty line came.
    """

    text: bytes
    whole: bool = True

    @property
    def is_comment(self) -> bool:
        """Whether it has comments only."""
        return all(line.startswith(b":") for line in self.text.split(b"\n"))


_DONE: Final = Frame(b"data: [DONE]")


def parse_sse(body: bytes) -> list[Frame]:
    """Cut a stream's bytes into frames. What follows the last empty line is a frame that is not whole."""
    *blocks, rest = body.split(b"\n\n")
    frames = [Frame(block) for block in blocks]
    return [*frames, Frame(rest, whole=False)] if rest else frames


def check_frames(frames: Iterable[Frame], report: Report = refuse) -> list[Event]:
    """Check the framing and the grammar of a stream, and return its events.

    Args:
        frames: the whole stream.
        report: takes each violation; by default the first one is raised.

    Raises:
        Violation: by way of ``refuse``.
    """
    checker = Checker(report)
    events: list[Event] = []
    done = 0
    for frame in frames:
        if done:
            done += 1
        elif frame == _DONE:
            done = 1
        elif checker.require(frame.whole, "frame") and not frame.is_comment:
            event = _read(frame, checker)
            if event is not None:
                events.append(event)
                checker.feed(event)
    checker.finish()
    checker.require(done == 1, "done")
    return events


def check_headers(headers: Mapping[str, str], report: Report = refuse) -> None:
    """Check a stream's headers.

    Args:
        headers: by name, in any case.
        report: takes each violation; by default the first one is raised.

    Raises:
        Violation: by way of ``refuse``.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    sent["content-type"] = sent.get("content-type", "").partition(";")[0]
    if any(sent.get(name) != value for name, value in HEADERS.items()):
        report(Violation("headers", -1))


def _read(frame: Frame, checker: Checker) -> Event | None:
    """Read the event of a frame. If it has none, report a violation and return None."""
    form = _EVENT.fullmatch(frame.text)
    checker.require(form is not None, "frame")
    if form is None:
        return None
    event = _read_object(form[2])
    checker.require(event is not None and not _SPACE.search(_JSON_STRING.sub(b"", form[2])), "frame-json")
    if event is not None:
        checker.require(str(event.get("type")).encode() == form[1], "frame-event")
    return event


def _read_object(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
