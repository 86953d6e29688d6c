"""Writes a string that matches a regular expression, for the common parts of the language.

Pure: it reads the expression and never runs it, so no expression can be slow. Literals, classes, groups, alternatives,
anchors and repetitions are understood; look-around and back-references count as empty.
"""

from __future__ import annotations

from typing import Final

_CLASSES: Final = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a", "n": "\n", "t": "\t", "b": "", "B": ""}
_SAMPLES: Final = "aA0 -_bB1.!"
_MOST: Final = 1000
_DEEPEST: Final = 20


def matching(pattern: str) -> str:
    """Return a short string that matches; a best effort if the pattern uses rarer parts."""
    return _Reader(pattern).alternatives()[:_MOST]


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def alternatives(self) -> str:
        """Write the first alternative and pass over the others."""
        first = self._sequence()
        while self._take("|"):
            self._sequence()
        return first

    def _sequence(self) -> str:
        out = ""
        while self._peek() not in ("", "|", ")"):
            atom = self._atom()
            out = (out + atom * self._repeats())[:_MOST]
        return out

    def _atom(self) -> str:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return self._set()
        if character == "\\":
            return self._escape()
        return {"^": "", "$": "", ".": "a"}.get(character, character)

    def _group(self) -> str:
        silent = False
        if self._take("?"):
            kind = self._next()
            named = (kind == "P" and self._take("<")) or (kind == "<" and self._peek() not in ("=", "!"))
            silent = not named and kind != ":"
            while named and self._next() not in (">", ""):
                pass
        self._depth += 1
        inside = self.alternatives() if self._depth < _DEEPEST else ""
        self._depth -= 1
        self._take(")")
        return "" if silent else inside

    def _set(self) -> str:
        negated = self._take("^")
        members = ""
        while (character := self._next()) not in ("]", "") or (character == "]" and not members and not negated):
            if character == "\\":
                character = self._escape()
            elif character == "-" and members and self._peek() not in ("]", ""):
                character = "".join(map(chr, range(ord(members[-1]), min(ord(self._next()), 0x10FFFF) + 1)[:_MOST]))
            members += character
        if negated:
            return next((sample for sample in _SAMPLES if sample not in members), "~")
        return members[:1]

    def _escape(self) -> str:
        character = self._next()
        if character in "pP" and self._take("{"):
            while self._next() not in ("}", ""):
                pass
            return "A" if character == "p" else "-"
        return "" if character.isdecimal() else _CLASSES.get(character, character)

    def _repeats(self) -> int:
        times = 1
        if self._take("*") or self._take("?"):
            times = 0
        elif self._take("{"):
            text = ""
            while (character := self._next()) not in ("}", ""):
                text += character
            least = text.split(",")[0]
            times = min(int(least), _MOST) if least.isdecimal() and len(least) < len(str(_MOST)) + 1 else 0
        else:
            self._take("+")
        self._take("?")
        return times

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _take(self, character: str) -> bool:
        taken = self._peek() == character
        self._at += taken
        return taken
