"""The sizes of a request's fields, checked before it is validated.

The validator reads a whole list or schema in one step, and providers build their requests from them in another. The
bounds keep each step short enough that other requests do not notice it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from antiphon.errors import ApiError

MAX_PARTS: Final = 1000
"""The most parts of one message, reasoning item or output, and the most calls of one message."""

MAX_INPUT: Final = 10_000
"""The most items and parts of an input together."""

MAX_SCHEMA_VALUES: Final = 20_000
"""The most keys and values in all tools and the answer's schema together. OpenAI takes 5,000 properties in a schema."""

MAX_SCHEMA_TEXT: Final = 1_000_000
"""The most characters in the names, descriptions and schemas of all tools and of the answer together."""

_LISTS: Final = ("content", "output", "summary", "tool_calls")


def require_bounded(document: dict[str, Any]) -> None:
    """Check the sizes of a parsed body.

    Raises:
        ApiError: 400 ``out_of_range``; the message has the limit.
    """
    for name in ("input", "messages"):
        _require_input(document.get(name), name)
    named = [document.get(name) for name in ("tools", "text", "response_format", "tool_choice")]
    _require_schemas([*named, *_tools_in(document.get("input"))])


def _require_input(items: object, of: str) -> None:
    if not isinstance(items, list):
        return
    total = 0
    for index, name, parts in _lists(items):
        if parts > MAX_PARTS:
            param = f"{of}[{index}].{name}"
            raise ApiError("out_of_range", f"`{param}`: This may have at most {MAX_PARTS} entries.", param=param)
        total += parts
    if len(items) + total > MAX_INPUT:
        message = f"`{of}`: This may have at most {MAX_INPUT} items and parts together."
        raise ApiError("out_of_range", message, param=of)


def _lists(items: list[Any]) -> Iterator[tuple[int, str, int]]:
    for index, item in enumerate(items):
        if isinstance(item, dict):
            for name in _LISTS:
                if isinstance(item.get(name), list):
                    yield index, name, len(item[name])


def _tools_in(items: object) -> Iterator[Any]:
    """Yield the tools in items of the input."""
    if isinstance(items, list):
        yield from (item["tools"] for item in items if isinstance(item, dict) and "tools" in item)


def _require_schemas(pending: list[Any]) -> None:
    values = text = 0
    while pending:
        current = pending.pop()
        values += 1
        if isinstance(current, dict):
            text += sum(map(len, current))
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
        elif isinstance(current, str):
            text += len(current)
    if values > MAX_SCHEMA_VALUES:
        message = f"`tools` and `text` may have at most {MAX_SCHEMA_VALUES} values together."
        raise ApiError("out_of_range", message, param="tools")
    if text > MAX_SCHEMA_TEXT:
        message = f"`tools` and `text` may have at most {MAX_SCHEMA_TEXT} characters together."
        raise ApiError("out_of_range", message, param="tools")
