"""What the tools that search have in common when they are pinned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from antiphon.records import ServerTool
from antiphon.server_tools.entry import ServerEntry
from antiphon.server_tools.pinning import CannotPin

LONGEST_QUERY: Final = 1000


def pinned_search(
    entry: ServerEntry, tool: ServerTool, label: str, longest: int = LONGEST_QUERY
) -> tuple[ServerTool, ...]:
    """Return a search as a tool, with its entry's settings. A search changes nothing, so it may be repeated.

    Args:
        entry: the entry.
        tool: the search, without its parameters.
        label: of the entry.
        longest: the longest query.

    Raises:
        CannotPin: the entry names another tool.
    """
    query: dict[str, Any] = {"type": "string", "description": "What to search for.", "maxLength": longest}
    parameters = {"type": "object", "properties": {"query": query}, "required": ["query"]}
    try:
        (governed,) = entry.governed([replace(tool, parameters=parameters)])
    except ValueError as error:
        raise CannotPin(f"{label}: {error}") from None
    return (replace(governed, repeatable=True),)
