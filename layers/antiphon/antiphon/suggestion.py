"""Find the known word that was probably meant by a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 64
"""The longest word that is compared: comparing takes time."""


def meant(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like another one, in any case; None if none is."""
    from difflib import get_close_matches

    names = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), names, n=1) if len(word) <= _LONGEST else []
    return names[found[0]] if found else None
