"""How the values of parameters are written into a path, a query, a header or a cookie (OpenAPI 3, "Style Values").

simple            3,4,5          R,100,G,200        exploded  R=100,G=200
label             .3,4,5         .R,100             exploded  .3.4.5     .R=100.G=200
matrix            ;c=3,4,5       ;c=R,100           exploded  ;c=3;c=4   ;R=100;G=200
form              c=3,4,5        c=R,100            exploded  c=3&c=4    R=100&G=200
spaceDelimited    c=3%204
pipeDelimited     c=3%7C4
deepObject        c[R]=100&c[G]=200
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson

Pairs = list[tuple[str, str]]
"""Names and values of a query, a form or cookies, encoded."""

_DELIMITERS: Final = {"form": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C"}
_RESERVED: Final = ":/?@!$'()*,;"
"""What ``allowReserved`` leaves as it is; not what ends or splits a query."""


class UnwritableValue(ValueError):
    """A value cannot be written where it should be. The message is for the model."""


def in_path(name: str, value: Any, style: str, explode: bool) -> str:
    """Return a value as a part of a path.

    Raises:
        UnwritableValue: it is empty, or would lead to another path.
    """
    for text in _texts(value):
        if not text or {".", ".."} & set(text.replace("\\", "/").split("/")):
            raise UnwritableValue(f"The value of {name} cannot be part of a path.")
    pairs = _pairs(value)
    if style == "matrix":
        return "".join(f";{part}" for part in _matrix(name, value, explode))
    first = "." if style == "label" else ""
    separator = first if first and explode else ","
    parts = map(_quoted, _texts(value)) if pairs is None else _joined(pairs, explode)
    return first + separator.join(parts)


def in_header(value: Any, explode: bool) -> str:
    """Return a value as that of a header.

    Raises:
        UnwritableValue: no header can hold it.
    """
    pairs = _pairs(value)
    said = [f"{key}={text}" for key, text in pairs] if pairs and explode else _texts(value)
    text = ",".join(said)
    if not text.isascii() or not text.isprintable():
        raise UnwritableValue("A header cannot hold this value.")
    return text


def in_query(name: str, value: Any, style: str, explode: bool, *, reserved: bool = False) -> Pairs:
    """Return a value as pairs of a query or a form."""
    safe = _RESERVED if reserved else ""
    key = _quoted(name)
    if style == "deepObject":
        return [(_quoted(path), quote(text, safe)) for path, text in _deep(name, value)]
    pairs = _pairs(value)
    if pairs is not None and explode and style == "form":
        return [(_quoted(part), quote(text, safe)) for part, text in pairs]
    if isinstance(value, list) and explode and style == "form":
        return [(key, quote(text, safe)) for text in _texts(value)]
    said = [quote(text, safe) for text in _texts(value)]
    return [(key, _DELIMITERS.get(style, ",").join(said))] if said else []


def text_of(value: Any) -> str:
    """Return a single value as text; of an object or an array its JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _texts(value: Any) -> list[str]:
    """Return the texts of a value: of an object its names and values by turns."""
    pairs = _pairs(value)
    if pairs is not None:
        return [text for pair in pairs for text in pair]
    return [text_of(part) for part in value] if isinstance(value, list) else [text_of(value)]


def _pairs(value: Any) -> Pairs | None:
    """Return the fields of an object that have a value; None if it is none."""
    if not isinstance(value, Mapping):
        return None
    return [(name, text_of(part)) for name, part in value.items() if part is not None]


def _joined(pairs: Pairs, explode: bool) -> Iterator[str]:
    for name, text in pairs:
        if explode:
            yield f"{_quoted(name)}={_quoted(text)}"
        else:
            yield from (_quoted(name), _quoted(text))


def _matrix(name: str, value: Any, explode: bool) -> Iterator[str]:
    pairs = _pairs(value)
    if explode and pairs is not None:
        yield from (f"{_quoted(key)}={_quoted(text)}" for key, text in pairs)
    elif explode and isinstance(value, list):
        yield from (f"{_quoted(name)}={_quoted(text)}" for text in _texts(value))
    else:
        yield f"{_quoted(name)}={','.join(map(_quoted, _texts(value)))}"


def _deep(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the leaves of an object. How arrays in it are written is not defined; servers read them with indices."""
    parts = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, Mapping) else None
    if parts is None:
        yield name, text_of(value)
        return
    for key, part in parts:
        if part is not None:
            yield from _deep(f"{name}[{key}]", part)


def _quoted(text: str) -> str:
    return quote(text, "")
