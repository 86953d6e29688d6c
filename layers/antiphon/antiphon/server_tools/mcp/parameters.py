"""Arguments of a tool that are sent as headers, too: ``x-mcp-header`` in its schema (MCP 2026-07-28, Streamable HTTP).

A schema is read once, when its tool is pinned. A tool whose schema breaks the rules is left out.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

MARK: Final = "x-mcp-header"
PREFIX: Final = "mcp-param-"

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_PLAIN: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?")
_TYPES: Final = ("string", "integer", "boolean")
_MAX_INTEGER: Final = 2**53 - 1

Mirrored = dict[str, list[str]]
"""The path of an argument by the name of its header, without the prefix."""


def mirrored(schema: Mapping[str, Any]) -> Mirrored:
    """Return the arguments that a schema requires in headers.

    Raises:
        ValueError: the protocol does not allow a mark; the message names the reason.
    """
    found: Mirrored = {}
    marks = list(_reachable(schema, []))
    for path, marked in marks:
        name = marked[MARK]
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ValueError(f"{'.'.join(path)}: {MARK} is not the name of a header")
        if marked.get("type") not in _TYPES:
            raise ValueError(f"{'.'.join(path)}: {MARK} is only for a string, an integer or a boolean")
        if name.lower() in {other.lower() for other in found}:
            raise ValueError(f"{'.'.join(path)}: {MARK} {name} is there twice")
        found[name] = path
    if _count(schema) != len(marks):
        raise ValueError(f"{MARK} is at a place that is not reached by properties alone")
    return found


def parameter_headers(wanted: Mirrored, arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers for the arguments of a call. What is absent or null has none."""
    values = ((name, _at(path, arguments)) for name, path in wanted.items())
    return {PREFIX + name.lower(): header_value(text) for name, value in values if (text := _text(value)) is not None}


def header_value(text: str) -> str:
    """Write a text so that any header can hold it."""
    if _PLAIN.fullmatch(text) and not (text.startswith("=?base64?") and text.endswith("?=")):
        return text
    return f"=?base64?{b64encode(text.encode()).decode()}?="


def _reachable(schema: Mapping[str, Any], path: list[str]) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """Yield what is marked and reached by ``properties`` alone."""
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        if isinstance(inner, dict):
            if MARK in inner:
                yield [*path, name], inner
            yield from _reachable(inner, [*path, name])


def _count(value: Any, *, names: bool = False) -> int:
    """Count the marks in a schema, wherever they are. A property may have the mark's name."""
    if isinstance(value, list):
        return sum(map(_count, value))
    if not isinstance(value, dict):
        return 0
    inner = sum(_count(held, names=key == "properties" and not names) for key, held in value.items())
    return inner + (MARK in value and not names)


def _at(path: Sequence[str], arguments: Any) -> Any:
    for name in path:
        if not isinstance(arguments, Mapping):
            return None
        arguments = arguments.get(name)
    return arguments


def _text(value: Any) -> str | None:
    """Return a value as it stands in a header; None if it has no place there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value) if abs(value) <= _MAX_INTEGER else None
    return value if isinstance(value, str) else None
