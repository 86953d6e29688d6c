"""Recalls plain facts from the user's messages, by patterns of plain English.

Pure. "My name is Ada", "The code word is plum" and "Remember the number 42" are facts; a question that names the
thing, or asks what was to be remembered, is answered with them. A later fact replaces an earlier one about the same
thing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final

_FACT: Final = re.compile(
    r"\b(?P<whose>my|our|the) (?P<thing>\w+(?: \w+){0,3}?)(?: is|'s|\u2019s| are| was) (?P<value>[^.!?\n;]{1,100})",
    re.IGNORECASE,
)
_NAME: Final = re.compile(
    r"\b(?:I am called|I'm called|[Cc]all me|I'm|I am) (?P<value>[A-Z]\w{1,30}(?: [A-Z]\w{1,30})?)"
)
_KEEP: Final = re.compile(
    r"\b(?:remember|keep in mind|note|memori[sz]e)(?: that)?[:,]? (?P<value>[^.!?\n;]{1,100})", re.IGNORECASE
)
_QUESTION: Final = re.compile(r"\?|^\s*(?:what|who|which|where|when|how|tell|say|repeat|recall)\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(r",? (?:and|but) (?=(?:my|our|the|I)\b)", re.IGNORECASE)
_ASKS_KEPT: Final = re.compile(r"\b(?:remember|recall|keep in mind|memori[sz]ed?|told you|note)\b", re.IGNORECASE)
_FACTS: Final = 200
"""The most facts that are looked for in a question; each search reads all of it."""

LONGEST: Final = 10_000
"""The most characters of one text that are read."""

LATEST: Final = 500
"""The most texts that are read, newest last."""

_TOTAL: Final = 200_000
"""The most characters of all texts that are read."""

_WHOSE: Final = {"my": "Your", "our": "Your", "the": "The"}


def newest(texts: Sequence[str]) -> list[str]:
    """Return the newest texts, shortened, in their order: as many as are read."""
    out: list[str] = []
    left = _TOTAL
    for text in reversed(texts[-LATEST:]):
        out.append(text[: min(LONGEST, left)])
        left -= len(out[-1])
    return out[::-1]


def facts(texts: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Collect facts: by thing, in lower case, the words to begin an answer with and the value."""
    found: dict[str, tuple[str, str]] = {}
    for text in texts:
        for statement in _statements(text):
            for match in _NAME.finditer(statement):
                found["name"] = ("Your name", match["value"])
            for match in _FACT.finditer(statement):
                thing = match["thing"]
                found[thing.lower()] = (f"{_WHOSE[match['whose'].lower()]} {thing}", _value(match["value"]))
    return found


def recall(texts: Sequence[str]) -> str | None:
    """Answer the last text from the facts of all; None if it asks for none of them."""
    texts = newest(texts)
    asked = texts[-1] if texts else ""
    if not _QUESTION.search(asked):
        return None
    known = facts(texts)
    for thing, (subject, value) in islice(reversed(known.items()), _FACTS):
        if re.search(rf"\b{re.escape(thing)}\b", asked, re.IGNORECASE):
            return f"{subject} is {value}."
    if "name" in known and re.search(r"\bwho am I\b", asked, re.IGNORECASE):
        return f"You are {known['name'][1]}."
    kept = [_value(match["value"]) for text in texts for line in _statements(text) for match in _KEEP.finditer(line)]
    wanted = _ASKS_KEPT.search(asked) or set(_long_words(asked)) & set(_long_words(" ".join(kept)))
    return f"You asked me to remember: {'; '.join(kept)}." if kept and wanted else None


def _statements(text: str) -> list[str]:
    """Return the clauses of the sentences that are no questions."""
    sentences = [sentence for sentence in re.findall(r"[^.!?\n]+[.!?\n]?", text) if not _QUESTION.search(sentence)]
    return [clause for sentence in sentences for clause in _CLAUSE.split(sentence)]


def _value(text: str) -> str:
    return text.strip(" ,:\"'“”")


def _long_words(text: str) -> list[str]:
    return re.findall(r"[^\W_]{4,}", text.lower())
