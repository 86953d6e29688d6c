"""Finds values in the user's words: numbers, places, names, quotations, words of a known form.

Pure. It never runs a caller's pattern; property names are searched as plain text.
"""

from __future__ import annotations

import re
from typing import Any, Final

from antiphon.providers.demo.memory import facts

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
_LIMIT: Final = 10_000


class Words:
    """The words of the user, oldest text first; the last one is looked at first."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = [text[:_LIMIT] for text in texts]
        self.last = self._texts[-1] if self._texts else ""
        self._facts = facts(self._texts)
        self._places: dict[str, int] = {}

    def form(self, name: str) -> str | None:
        """Find a string of a JSON Schema format."""
        match = re.search(_FORMS[name], self.last) if name in _FORMS else None
        return match[0] if match else None

    def mentioned(self, choices: list[Any]) -> list[Any]:
        """Order choices: those that are mentioned first, in the order of mention."""
        text = self.last.lower()
        places = {
            index: self._place(choice.lower(), text)
            for index, choice in enumerate(choices)
            if isinstance(choice, str) and choice
        }
        found = sorted((index for index, at in places.items() if at >= 0), key=places.__getitem__)
        return [choices[index] for index in found] + [c for index, c in enumerate(choices) if index not in found]

    def _place(self, choice: str, text: str) -> int:
        if choice not in self._places:
            match = re.search(rf"(?<!\w){re.escape(choice)}(?!\w)", text)
            self._places[choice] = match.start() if match else -1
        return self._places[choice]

    def string(self, name: str) -> str:
        """Find what may be meant by a property's name."""
        key = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-.]", " ", name).lower()
        if key in self._facts:
            return self._facts[key][1]
        if key.split(" ")[-1:] and key.split(" ")[-1] in _WHOLE:
            return self.last
        stated = re.search(
            rf"\b{re.escape(key)}(?: is| =|=|:) ?[\"“]?([^\"”.,;!?\n]{{1,100}})", self.last, re.IGNORECASE
        )
        return stated[1].strip() if stated else self._proper(key)

    def numbers(self, name: str) -> list[float]:
        """List the numbers in the words; first the one beside the property's name."""
        key = re.escape(name.replace("_", " ").lower())
        beside = (
            re.findall(rf"\b{key}\D{{0,12}}(\d{{1,15}})|(\d{{1,15}})\D{{0,3}}{key}\b", self.last.lower()) if key else []
        )
        return [float(a or b) for a, b in beside] + [float(number) for number in _NUMBER.findall(self.last)]

    def _proper(self, key: str) -> str:
        quoted = _QUOTED.search(self.last)
        place, proper, leading = _PLACE.search(self.last), _PROPER.search(self.last), _LEADING.search(self.last)
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
