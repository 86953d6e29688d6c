"""Where stretches of an answer come from, if a search was made for it. Pure.

A model reads the passages of a search with numbers and addresses, and names in its answer what it used:

    [2], [1, 3]                        passages of the last search that has so many
    [Limits](https://docs.example/x)   a page that was found, as a link
    https://docs.example/x             the same without a title

Each becomes a citation in the specification's form, ``url_citation``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from antiphon.records import Item
from antiphon.tools.server_calls import FOUND, HELD

Source = tuple[str, str]
"""The address and the title of something that was found."""

_MARK: Final = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\](?!\()")
_LINK: Final = re.compile(r"\[[^\[\]]*\]\(([^\s()]+)\)")
_GOES_ON: Final = re.compile(r"[\w/~%&=+#?-]")
"""What continues an address rather than ends it."""


class _Stretch(NamedTuple):
    start: int
    end: int
    source: Source


def citations(text: str, items: Sequence[Item], given: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return the citations of a text, in order.

    Args:
        text: the text.
        items: the response's items before it.
        given: citations that the model's provider has made of it.
    """
    searches = [held[FOUND] for item in items if FOUND in (held := item.get(HELD) or {})]
    if not searches:
        return []
    taken = [(one["start_index"], one["end_index"]) for one in given]
    made = [*_marked(text, searches), *_addressed(text, searches)]
    free = (one for one in made if not any(start < one.end and one.start < end for start, end in taken))
    return [_citation(one) for one in sorted(free)]


def _marked(text: str, searches: Sequence[Sequence[Source]]) -> Iterator[_Stretch]:
    for mark in _MARK.finditer(text):
        for number in mark[1].split(","):
            source = _numbered(int(number), searches)
            if source is not None and source[0]:
                yield _Stretch(*mark.span(), source)


def _numbered(number: int, searches: Sequence[Sequence[Source]]) -> Source | None:
    """Return the passage with a number, from the last search that has that many passages."""
    for found in reversed(searches):
        if 1 <= number <= len(found):
            url, title = found[number - 1]
            return url, title
    return None


def _addressed(text: str, searches: Sequence[Sequence[Source]]) -> Iterator[_Stretch]:
    """Yield links to what was found, and its plain addresses."""
    titles = {url: title for found in searches for url, title in found if url}
    links = [link for link in _LINK.finditer(text) if link[1] in titles]
    yield from (_Stretch(*link.span(), (link[1], titles[link[1]])) for link in links)
    for url, title in titles.items():
        for place in re.finditer(re.escape(url), text):
            start, end = place.span()
            inside = any(link.start() <= start < link.end() for link in links)
            if not inside and not _GOES_ON.match(text, end):
                yield _Stretch(start, end, (url, title))


def _citation(stretch: _Stretch) -> dict[str, Any]:
    url, title = stretch.source
    place = {"start_index": stretch.start, "end_index": stretch.end}
    return {"type": "url_citation", **place, "url": url, "title": title or url}
