"""Find what a misspelt word was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

LIKENESS: Final = 0.6
"""How alike two words must be, from 0 to 1; the default of difflib, which finds a swapped or missing letter."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean X?`` with the known word that is most like ``word``; empty if none is."""
    names = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), names, n=1, cutoff=LIKENESS)
    return f"did you mean {names[found[0]]}?" if found else ""
