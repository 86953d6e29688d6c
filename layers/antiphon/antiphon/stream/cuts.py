"""The cuts of a response: where the deltas of its texts ended.

A response and its cuts make the same stream again, event for event, for as long as it is stored. For each delta the
cuts hold its length in characters, as a varint (base 128, low bits first, LEB128); in a text with logprobs also their
number. They do not hold where a text ends: its lengths add up to it. Written as base64.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

from antiphon.stream.events import Event

VERSION: Final = 1
"""The version of the stream that ``replay`` makes of a response and its cuts. Another stream needs another number."""

_MORE: Final = 0x80


class Cuts:
    """Collects the cuts of a stream."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._open: list[tuple[int, int]] = []

    def put(self, event: Event) -> None:
        """Take the next event of the stream."""
        delta = event.get("delta")
        if delta is not None:
            self._open.append((len(delta), len(event.get("logprobs") or ())))
        elif self._open:
            self._close()

    def encoded(self) -> str:
        """Return the cuts of all texts that are done."""
        return base64.b64encode(self._bytes).decode()

    def _close(self) -> None:
        counted = any(count for _, count in self._open)
        for length, count in self._open:
            _write(self._bytes, length)
            if counted:
                _write(self._bytes, count)
        self._open = []


class Cutter:
    """Cuts the texts of a response into deltas, in the order in which they were sent.

    Args:
        encoded: what ``Cuts.encoded`` returned; empty if each text is one delta.
    """

    def __init__(self, encoded: str = "") -> None:
        self._bytes = iter(base64.b64decode(encoded))
        self._has_cuts = bool(encoded)

    def deltas(self, text: str, logprobs: list[Any] | None = None) -> Iterator[tuple[str, list[Any]]]:
        """Yield the deltas of the next text, each with its logprobs."""
        logprobs = logprobs or []
        if text and not self._has_cuts:
            yield text, logprobs
            return
        at = counted = 0
        while at < len(text):
            length = _read(self._bytes) or len(text)
            count = _read(self._bytes) if logprobs else 0
            yield text[at : at + length], logprobs[counted : counted + count]
            at, counted = at + length, counted + count


def _write(to: bytearray, number: int) -> None:
    while number >= _MORE:
        to.append(number % _MORE | _MORE)
        number //= _MORE
    to.append(number)


def _read(bytes_: Iterator[int]) -> int:
    """Read a varint; 0 at the end."""
    number = shift = 0
    for byte in bytes_:
        number |= byte % _MORE << shift
        if byte < _MORE:
            break
        shift += 7
    return number
