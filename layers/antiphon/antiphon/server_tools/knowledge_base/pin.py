"""Pins the search of a knowledge base. Nothing is asked of AWS for it."""

from __future__ import annotations

from typing import Any, Final

from antiphon.ports import Pinned
from antiphon.records import ServerTool, ToolServer
from antiphon.server_tools.knowledge_base.entry import KnowledgeBaseEntry
from antiphon.server_tools.knowledge_base.permission import is_allowed
from antiphon.server_tools.pinning import CannotPin, Means, digest_of
from antiphon.server_tools.searching import pinned_search

SETTING: Final = "ANTIPHON_KNOWLEDGE_BASES (on AWS: KnowledgeBaseArns)"
TOOL: Final = "search"
_DESCRIPTION: Final = "Search a knowledge base for passages that answer a question."


async def pin(entry: KnowledgeBaseEntry, means: Means) -> Pinned:
    """Pin the search of a knowledge base.

    Raises:
        CannotPin: the deployment does not allow it.
    """
    base = entry.knowledge_base
    if not is_allowed(base.id, means.settings):
        raise CannotPin(f"{base.label}: the knowledge base {base.id} is not in {SETTING}")
    settings: dict[str, Any] = {"id": base.id, "results": base.results}
    settings |= {"filter": base.filter} if base.filter else {}
    settings |= {"search": base.search} if base.search else {}
    tool = ServerTool(TOOL, base.description or _DESCRIPTION, how=settings)
    tools = pinned_search(entry, tool, base.label)
    server = ToolServer(
        "knowledge_base", base.label, tools, {**settings, "entry": entry.written()}, {}, digest_of(tools)
    )
    return Pinned(server)
