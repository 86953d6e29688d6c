"""Puts characters together whose halves arrive in two pieces: UTF-8 cannot carry half of a surrogate pair. Pure."""

from __future__ import annotations

from typing import Any


class Halves:
    """One text that arrives in pieces."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def join(self, piece: str) -> str:
        """Return what can be sent of a piece: the first half of a pair at its end waits for the next piece."""
        if not self._half and piece.isascii():
            return piece
        text, self._half = self._half + piece, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return valid(text)

    def rest(self) -> str:
        """Return what stands for a half whose other half never came; empty if there is none."""
        half, self._half = self._half, ""
        return valid(half)


def valid(text: str) -> str:
    """Return a text with its surrogate pairs put together, and single halves replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def valid_texts(value: Any) -> Any:
    """Return JSON whose texts are all valid."""
    if isinstance(value, str):
        return valid(value)
    if isinstance(value, list):
        return [valid_texts(item) for item in value]
    if isinstance(value, dict):
        return {valid(name): valid_texts(item) for name, item in value.items()}
    return value
