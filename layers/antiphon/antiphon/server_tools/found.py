"""What a search found, as the text that a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from antiphon.ports import Found, ToolResult

NOTHING: Final = "Nothing was found."


def search_result(found: Sequence[Found]) -> ToolResult:
    """Return the result of a search: its passages, numbered, each with its source."""
    passages = (_passage(number, one) for number, one in enumerate(found, 1))
    return ToolResult("\n\n".join(passages) or NOTHING, found=tuple(found))


def _passage(number: int, one: Found) -> str:
    source = " ".join(dict.fromkeys(filter(None, (one.title, one.url))))
    return f"{f'[{number}] {source}'.rstrip()}\n{one.text}".rstrip()
