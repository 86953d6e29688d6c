"""Find what a misspelt word was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable

from antiphon.suggestion import meant


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean X?`` with the known word that is most like ``word``; empty if none is."""
    name = meant(word, known)
    return f"did you mean {name}?" if name else ""
