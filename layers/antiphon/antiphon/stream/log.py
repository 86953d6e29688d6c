"""The log of a stream: events -> entries, entries -> the same events.

    "text"              a delta of the same kind and place as the event before it
    ["text", [...]]     likewise, with logprobs
    0                   the event that follows from those before it
    {"item": {...}}     the same, with these fields of the item
    {"type": ...}       any other event: itself, without its number and padding

An answer of 500 tokens is some 3 KB of entries, and 100 KB of events. The terminal event, and the ``error`` before it,
are never logged: what they hold is stored first, in the response itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from antiphon.stream.closing import close_part, closing
from antiphon.stream.events import Event, opening, padded
from antiphon.stream.replay import as_begun

Entry = Any
"""One event in the log, as a JSON value."""

FOLLOWS: Final = 0
_DONE: Final = "response.output_item.done"
_NOT_LOGGED: Final = ("sequence_number", "obfuscation")
_OWN_TO_DELTA: Final = frozenset({"delta", "logprobs", "obfuscation", "sequence_number"})


class _Stream:
    """What is known of a stream after some of its events.

    Attributes:
        number: how many events there were.
        delta_type: of the event before, if it was a delta; None else.
    """

    def __init__(self, response: dict[str, Any]) -> None:
        self._opening = opening(as_begun(response))
        self.number = 0
        self._item: list[Event] = []
        self._part: list[Event] = []
        self._delta: dict[str, Any] | None = None
        self._texts: list[str] = []
        self._logprobs: list[Any] = []
        self.delta_type: str | None = None

    def follows(self, kind: str) -> Event | None:
        """Return the event that follows, not numbered, if it is of this type; None if another may follow as well."""
        if self.number < len(self._opening):
            return self._opening[self.number]
        if not self._item or not kind.endswith(".done"):
            return None
        self._join()
        if self._part:
            return close_part(self._part)[0]
        return closing(self._item, "completed")[0]

    def take(self, event: Event) -> None:
        """Note the next event."""
        kind = event["type"]
        if "delta" in event:
            self._take_delta(event)
            return
        self.number += 1
        self._join()
        self._delta = self.delta_type = None
        if kind == "response.output_item.added":
            self._item, self._part = [event], []
        elif kind == _DONE:
            self._item, self._part = [], []
        elif self._item:
            self._take_inside(kind, event)

    def open(self) -> list[Event]:
        """Return the events of the open item that ``closing`` needs; deltas that follow each other are one."""
        self._join()
        return self._item + self._part

    def add_deltas(self, entries: Iterable[Entry]) -> None:
        """Note deltas of the same kind and place as the event before them."""
        for entry in entries:
            text, logprobs = entry if isinstance(entry, list) else (entry, ())
            self.number += 1
            self._texts.append(text)
            self._logprobs += logprobs

    def delta(self, text: str, logprobs: list[Any] | None) -> Event:
        """Return a delta of the same kind and place as the one before it."""
        assert self._delta is not None
        event = {**self._delta, "delta": text}
        if logprobs is not None:
            event["logprobs"] = logprobs
        return event

    def _take_delta(self, event: Event) -> None:
        if self._delta is None:
            self._delta = {name: value for name, value in event.items() if name not in _OWN_TO_DELTA}
            if "logprobs" in event:
                self._delta["logprobs"] = []
            self.delta_type = event["type"]
        self.add_deltas([_delta_entry(event)])

    def _join(self) -> None:
        """Keep the deltas since the last other event as one, so that a long answer is not kept event by event."""
        if not self._texts:
            return
        assert self._delta is not None
        joined = {**self._delta, "delta": "".join(self._texts)}
        if "logprobs" in joined:
            joined["logprobs"] = self._logprobs
        (self._part or self._item).append(joined)
        self._texts, self._logprobs = [], []

    def _take_inside(self, kind: str, event: Event) -> None:
        if kind.endswith("_part.added"):
            self._part = [event]
        elif kind.endswith("_part.done"):
            self._item += [self._part[0], event] if self._part else [event]
            self._part = []
        else:
            (self._part or self._item).append(event)


class Encoder:
    """Writes the events of a stream as entries. A text's next delta costs little more than its place in a list.

    Args:
        response: the response whose stream it is; only what it begins with matters.

    Attributes:
        entries: one for each event.
    """

    def __init__(self, response: dict[str, Any]) -> None:
        self._stream = _Stream(response)
        self._noted = 0
        self.entries: list[Entry] = []

    def put(self, event: Event) -> None:
        """Add the entry of the next event."""
        if event["type"] == self._stream.delta_type:
            self.entries.append(_delta_entry(event))
            return
        self._stream.add_deltas(self.entries[self._noted :])
        bare = {name: value for name, value in event.items() if name not in _NOT_LOGGED}
        self.entries.append(_shortened(bare, self._stream.follows(event["type"])))
        self._stream.take(event)
        self._noted = len(self.entries)


class Decoder:
    """Reads the events of a stream from entries.

    Args:
        response: as for the encoder.
        obfuscate: pad delta events.
    """

    def __init__(self, response: dict[str, Any], *, obfuscate: bool = True) -> None:
        self._stream = _Stream(response)
        self._obfuscate = obfuscate

    @property
    def number(self) -> int:
        """How many events were read: the number of the next one."""
        return self._stream.number

    @property
    def open_item(self) -> list[Event]:
        """The events of the open item that ``closing`` needs to close it; empty if none is open."""
        return self._stream.open()

    def event(self, entry: Entry) -> Event:
        """Return the event of the next entry."""
        stream = self._stream
        event = self._read(entry)
        if self._obfuscate and "delta" in event:
            padded(event)
        numbered = {"type": event["type"], "sequence_number": stream.number, **event}
        stream.take(numbered)
        return numbered

    def _read(self, entry: Entry) -> Event:
        if isinstance(entry, str):
            return self._stream.delta(entry, None)
        if isinstance(entry, list):
            return self._stream.delta(*entry)
        if isinstance(entry, dict) and not is_change(entry):
            return dict(entry)
        expected = self._stream.follows(".done")
        assert expected is not None
        if isinstance(entry, dict):
            return {**expected, "item": {**expected["item"], **entry["item"]}}
        return dict(expected)


def _delta_entry(event: Event) -> Entry:
    logprobs = event.get("logprobs")
    return [event["delta"], logprobs] if logprobs else event["delta"]


def is_change(entry: Entry) -> bool:
    """Return whether an entry is an item of which a field is not what follows from its events."""
    return isinstance(entry, dict) and "type" not in entry


def _shortened(event: Event, expected: Event | None) -> Entry:
    """Return an event as an entry, given the one that was expected."""
    if expected is None or expected["type"] != event["type"]:
        return event
    if event == expected:
        return FOLLOWS
    if event["type"] != _DONE or event.keys() != expected.keys() or not event["item"].keys() >= expected["item"].keys():
        return event
    known = expected["item"]
    changed = {name: value for name, value in event["item"].items() if name not in known or known[name] != value}
    others = all(event[name] == expected[name] for name in event if name != "item")
    return {"item": changed} if others else event
