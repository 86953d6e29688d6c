"""What differs between pinned tools: what applying an agent changes, and what a server changed since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from antiphon.records import ServerTool, ToolServer


def differences(before: Iterable[ToolServer], after: Iterable[ToolServer]) -> Iterator[str]:
    """Yield the differences between pinned servers, one line for each tool, without settings of the agent's file."""
    old, new = ({server.label: server for server in servers} for servers in (before, after))
    for label in sorted({*old, *new}):
        if label not in new:
            yield f"- {label}: the server is gone"
        elif label not in old:
            yield from (f"+ {label}: {tool.name}" for tool in new[label].tools)
        else:
            yield from _changes(old[label], new[label])


def _changes(old: ToolServer, new: ToolServer) -> Iterator[str]:
    label = new.label
    if old.settings.get("protocol") != new.settings.get("protocol"):
        yield f"~ {label}: protocol {old.settings.get('protocol')} -> {new.settings.get('protocol')}"
    before, after = ({tool.name: tool for tool in server.tools} for server in (old, new))
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"- {label}: {name}"
        elif name not in before:
            yield f"+ {label}: {name}"
        elif what := _what(before[name], after[name]):
            yield f"~ {label}: {name}: {' and '.join(what)} changed"


def _what(old: ServerTool, new: ServerTool) -> list[str]:
    pairs = {
        "description": (old.description, new.description),
        "parameters": (old.parameters, new.parameters),
        "call": (old.how, new.how),
    }
    return [name for name, (before, after) in pairs.items() if before != after]
