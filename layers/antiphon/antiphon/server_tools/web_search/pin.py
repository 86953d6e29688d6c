"""Pins the search of the web. Nothing is asked of AWS for it."""

from __future__ import annotations

from typing import Any, Final

from antiphon.ports import Pinned
from antiphon.records import ServerTool, ToolServer
from antiphon.server_tools.pinning import CannotPin, Means, digest_of
from antiphon.server_tools.searching import pinned_search
from antiphon.server_tools.web_search.entry import WebSearchEntry
from antiphon.server_tools.web_search.runner import LONGEST_QUERY, OFF

SETTING: Final = "ANTIPHON_WEB_SEARCH (on AWS: WebSearch)"
TOOL: Final = "web_search"
_DESCRIPTION: Final = "Search the web for current information."


async def pin(entry: WebSearchEntry, means: Means) -> Pinned:
    """Pin the search of the web.

    Raises:
        CannotPin: the deployment does not allow it.
    """
    search = entry.web_search
    if means.settings.web_search == OFF:
        raise CannotPin(f"{search.label}: searches of the web are off in {SETTING}")
    settings: dict[str, Any] = {"results": search.results}
    for name in ("include", "exclude"):
        if value := getattr(search, name):
            settings[name] = value
    tool = ServerTool(TOOL, search.description or _DESCRIPTION, how=settings)
    tools = pinned_search(entry, tool, search.label, LONGEST_QUERY)
    server = ToolServer("web_search", search.label, tools, {**settings, "entry": entry.written()}, {}, digest_of(tools))
    return Pinned(server)
