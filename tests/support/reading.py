"""Reads a provider's stream in two ways that must give the same."""

from __future__ import annotations

from collections.abc import Callable

from antiphon.ports import Delta
from antiphon.providers.endpoint import Reader


def read_whole_and_bytewise(reader: Callable[[], Reader], data: bytes) -> list[Delta]:
    """Read a stream whole and, which must be the same, byte by byte. Return its deltas to the last."""
    whole, bytewise = reader(), reader()
    deltas = whole.feed(data)
    assert [each for byte in data for each in bytewise.feed(bytes([byte]))] == deltas
    return [*deltas, whole.stop()]
