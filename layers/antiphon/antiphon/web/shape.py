"""The shape of a JSON text, found before a parser sees it: its depth, its values, and whether its numbers are plain.

Each step is a few operations of the standard library over the whole text, or over a slice of it. None holds Python's
lock for long, so that other requests go on while this runs in a thread.
"""

from __future__ import annotations

import re
from typing import Final

from antiphon.errors import ApiError

MAX_DEPTH: Final = 100
MAX_VALUES: Final = 100_000
"""The most values in one body, counted by commas and opening brackets. A history of 3,000 messages has about 30,000."""

MAX_STRINGS: Final = 2 * MAX_VALUES
"""The most strings: each value may have a key."""

SLICE: Final = 262_144
"""How many bytes are looked at in one step, if a step takes nanoseconds for each."""

_OPENING: Final = b"[{"
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_NO_VALUES: Final = bytes(set(range(256)) - set(b"[{,"))
_ODD: Final = re.compile(rb"\d{19}|[eE][+-]?\d{3}")
_SHORT: Final = 500_000


def outside_strings(raw: bytes) -> bytes:
    """Return a JSON text without its strings.

    Raises:
        ApiError: 400 ``out_of_range``: there are too many; ``invalid_json``: the last one has no end.
    """
    text = _without_escapes(raw)
    quotes = text.count(b'"')
    if quotes > 2 * MAX_STRINGS:
        raise _too_many()
    if quotes % 2:
        raise ApiError("invalid_json")
    return b"".join(text.split(b'"')[::2])


def require_shallow(outside: bytes) -> None:
    """Check depth and number of values, given what is outside of strings.

    Raises:
        ApiError: 400 ``json_too_deep``, ``out_of_range`` or ``invalid_json``.
    """
    depth = 0
    for bracket in outside.translate(None, _NO_BRACKETS)[: 2 * MAX_VALUES + 1]:
        depth += 1 if bracket in _OPENING else -1
        if depth < 0:
            raise ApiError("invalid_json")
        if depth > MAX_DEPTH:
            raise ApiError("json_too_deep", f"The body may be nested at most {MAX_DEPTH} levels deep.")
    if len(outside.translate(None, _NO_VALUES)) > MAX_VALUES:
        raise _too_many()


def has_plain_numbers(outside: bytes) -> bool:
    """Return whether every number fits into 64 bits or a double by its length alone, so that none need be checked."""
    return len(outside) <= _SHORT and _ODD.search(outside) is None


def _without_escapes(raw: bytes) -> bytes:
    """Return a text whose strings have no quotes in them: escaped backslashes and quotes are dropped."""
    if b"\\" not in raw:
        return raw
    pieces, start = [], 0
    while start < len(raw):
        end = start + SLICE
        piece = raw[start:end]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # it would end between a backslash and what that escapes
            piece = raw[start : end + 1]
        pieces.append(piece.replace(b"\\\\", b"").replace(b'\\"', b""))
        start += len(piece)
    return b"".join(pieces)


def _too_many() -> ApiError:
    return ApiError("out_of_range", f"The body may have at most {MAX_VALUES} values.")
