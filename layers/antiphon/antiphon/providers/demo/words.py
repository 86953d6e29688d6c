"""Finds values in the user's words: numbers, places, names, quotations, words of a known form.

Pure. It never runs a caller's pattern; property names are searched as plain text.
"""

from __future__ import annotations

import re
from typing import Any, Final

from antiphon.providers.demo.memory import facts, newest

_PLACES: Final = ("city", "location", "place", "town", "country", "destination", "region", "origin")
_WHOLE: Final = ("query", "text", "message", "input", "question", "prompt", "content", "body", "search", "q")
_NAMES: Final = ("name", "person", "user", "author", "customer", "participant", "speaker")
_CAPITALISED: Final = r"[A-Z][\w'\u2019-]{0,30}(?:[ ][A-Z][\w'\u2019-]{0,30}){0,3}"
_PLACE: Final = re.compile(rf"\b(?:in|at|for|near|to|from|of) ({_CAPITALISED})")
_PROPER: Final = re.compile(rf"(?<![.!?] )(?<!^)\b({_CAPITALISED})")
_LEADING: Final = re.compile(rf"^({_CAPITALISED}) (?:is|was|has|and|lives|works|are|went|will)\b")
_QUOTED: Final = re.compile(r"[\"“«]([^\"”»\n]{1,200})[\"”»]|(?<!\w)['\u2018]([^'\u2019\n]{1,200})['\u2019](?!\w)")
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,10})?(?![\w.]*\w)")
_FORMS: Final = {
    "email": r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}",
    "uri": r"https?://[^\s\"'<>]{1,500}",
    "date": r"\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])\b",
    "uuid": r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
}
_MOST_NUMBERS: Final = 100


class Words:
    """The words of the user, oldest text first; the last one is looked at first."""

    def __init__(self, texts: list[str]) -> None:
        texts = newest(texts)
        self.last = texts[-1] if texts else ""
        self._lowered = self.last.lower()
        self._facts = facts(texts)
        self._found = {pattern: pattern.search(self.last) for pattern in (_QUOTED, _PLACE, _PROPER, _LEADING)}
        self._numbers = [float(number) for number in _NUMBER.findall(self.last)][:_MOST_NUMBERS]
        self._places: dict[str, int] = {}

    def form(self, name: str) -> str | None:
        """Find a string of a JSON Schema format."""
        match = re.search(_FORMS[name], self.last) if name in _FORMS else None
        return match[0] if match else None

    def mentioned(self, choices: list[Any]) -> list[Any]:
        """Order choices: those that are mentioned first, in the order of mention."""
        places = {
            index: self._place(choice.lower())
            for index, choice in enumerate(choices)
            if isinstance(choice, str) and choice
        }
        found = sorted((index for index, at in places.items() if at >= 0), key=places.__getitem__)
        return [choices[index] for index in found] + [c for index, c in enumerate(choices) if index not in found]

    def _place(self, choice: str) -> int:
        if choice not in self._places:
            pattern = rf"(?<!\w){re.escape(choice)}(?!\w)"
            match = re.search(pattern, self._lowered) if choice in self._lowered else None
            self._places[choice] = match.start() if match else -1
        return self._places[choice]

    def string(self, name: str) -> str:
        """Find what may be meant by a property's name."""
        key = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-.]", " ", name).lower()
        if key in self._facts:
            return self._facts[key][1]
        if key.split(" ")[-1:] and key.split(" ")[-1] in _WHOLE:
            return self.last
        pattern = rf"\b{re.escape(key)}(?: is| =|=|:) ?[\"“]?([^\"”.,;!?\n]{{1,100}})"
        stated = re.search(pattern, self.last, re.IGNORECASE) if key in self._lowered else None
        return stated[1].strip() if stated else self._proper(key)

    def numbers(self, name: str) -> list[float]:
        """List the numbers in the words, first the one next to the property's name."""
        words = name.replace("_", " ").lower()
        key = re.escape(words)
        pattern = rf"\b{key}\D{{0,12}}(\d{{1,15}})|(\d{{1,15}})\D{{0,3}}{key}\b"
        beside = re.findall(pattern, self._lowered) if words and words in self._lowered else []
        return [float(a or b) for a, b in beside] + self._numbers

    def _proper(self, key: str) -> str:
        quoted, place, proper, leading = self._found.values()
        is_name = any(name in key for name in _NAMES)
        order = (
            [quoted, leading, proper]
            if is_name
            else [place if any(p in key for p in _PLACES) else quoted, place, proper]
        )
        for match in order:
            if match:
                return next(group for group in match.groups() if group)
        return self.last.strip()
