"""The tools of one response: by which name the model calls each, and of which type it is to the client.

    {"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "find"}]}    crm__find
    {"type": "custom", "name": "edit"}                                                       edit
    {"type": "shell"}                                                                        shell
    a tool ``find`` of the agent's server ``crm``, which Antiphon runs                       crm__find
    a tool ``refund`` of the agent's server ``refund``                                       refund

Pure. The same tools always get the same names, so the table of a response can be built from its ``tools`` at any time.
Names are looked up in it and never taken apart.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from antiphon.records import ServerTool, ToolServer

INPUT: Final = "input"
"""The argument of a custom tool's function that holds the whole input."""

LONGEST_NAME: Final = 64
_DIGEST: Final = 8
_NAMED: Final = frozenset({"function", "custom"})
_ILLEGAL: Final = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """One tool.

    Attributes:
        kind: its type.
        function: the name by which the model calls it.
        name: its name to the client; None for a type that has one tool only.
        namespace: the namespace that it is in, if any.
        source: the tool as its client wrote it.
        about: the description of the namespace, at its first tool.
        server: where the tool is, if Antiphon runs it.
        pinned: the tool, if Antiphon runs it.
    """

    kind: str
    function: str
    name: str | None
    namespace: str | None
    source: dict[str, Any]
    about: str = ""
    server: ToolServer | None = None
    pinned: ServerTool | None = None


Key = tuple[str | None, str | None, str | None]
"""What no two tools share: namespace, name, and the type of one without a name."""


class ToolTable:
    """The tools of one response, in order.

    Args:
        tools: as the response shows them.
        servers: where the tools are that Antiphon runs. Their names keep clear of those of the client's tools.
    """

    def __init__(self, tools: Iterable[dict[str, Any]], servers: Iterable[ToolServer] = ()) -> None:
        self.tools = _with_functions(tools)
        self.tools += _of_servers(servers, {tool.function for tool in self.tools})
        self._by_function = {tool.function: tool for tool in self.tools}
        self._by_other_name = _other_names(self.tools)
        self._by_key = {key_of(tool.source, tool.namespace): tool for tool in self.tools}

    @property
    def has_servers(self) -> bool:
        """Whether Antiphon runs any of the tools."""
        return any(tool.server is not None for tool in self.tools)

    def called(self, function: str) -> OfferedTool | None:
        """Return the tool that the model calls by a name; None if nobody offered it."""
        return self._by_function.get(function) or self._by_other_name.get(function)

    def find(self, kind: str, name: str | None = None, namespace: str | None = None) -> OfferedTool | None:
        """Return a tool by its type and its name to the client."""
        tool = self._by_key.get((namespace, name, None if kind in _NAMED else kind))
        return tool if tool is not None and tool.kind == kind else None

    def function_of(self, kind: str, name: str | None = None, namespace: str | None = None) -> str:
        """Return by which name the model calls a tool, or called one that is not offered any more."""
        tool = self.find(kind, name, namespace)
        if tool is not None:
            return tool.function
        return _wanted(name or kind, _prefix(name, namespace) if kind == "mcp" else namespace)


def key_of(tool: dict[str, Any], namespace: str | None = None) -> Key:
    """Return what identifies a tool among others."""
    kind = tool["type"]
    return namespace, tool.get("name"), None if kind in _NAMED else kind


def leaves(tool: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Yield the single tools in a tool, each with its namespace."""
    if tool["type"] == "namespace":
        yield from ((inner, tool["name"]) for inner in tool["tools"])
    elif tool["type"] != "mcp":  # it names tools of the agent's, and is none itself
        yield tool, None


def _with_functions(tools: Iterable[dict[str, Any]]) -> list[OfferedTool]:
    """Name each tool for the model. A name of the client's own stands; the others keep clear of it."""
    tools = list(tools)
    taken = {tool["name"] for tool in tools if tool["type"] in _NAMED}
    named: list[OfferedTool] = []
    for tool in tools:
        about = tool.get("description") or "" if tool["type"] == "namespace" else ""
        for source, namespace in leaves(tool):
            name = source.get("name")
            function = name if name is not None and namespace is None else _free(name or tool["type"], namespace, taken)
            taken.add(function)
            named.append(OfferedTool(source["type"], function, name, namespace, source, about))
            about = ""
    return named


def _of_servers(servers: Iterable[ToolServer], taken: set[str]) -> Iterator[OfferedTool]:
    for server in servers:
        for tool in server.tools:
            name, label = _ILLEGAL.sub("_", tool.name), _ILLEGAL.sub("_", server.label)
            function = _free(name, _prefix(name, label), taken)
            taken.add(function)
            described = {"description": tool.description, "parameters": tool.parameters}
            source = {"type": "mcp", "name": tool.name, **described}
            yield OfferedTool("mcp", function, tool.name, server.label, source, server=server, pinned=tool)


def _prefix(name: str | None, label: str | None) -> str | None:
    """Return what stands before a tool's name; nothing if its server has the same name."""
    return None if name == label else label


def _other_names(tools: Iterable[OfferedTool]) -> dict[str, OfferedTool]:
    """Return what models call functions in namespaces as well: with a dot, or by the name alone if only one has it."""
    others: dict[str, list[OfferedTool]] = {}
    for tool in tools:
        if tool.namespace is not None and tool.name is not None:
            for other in (f"{tool.namespace}.{tool.name}", tool.name):
                others.setdefault(other, []).append(tool)
    return {other: named[0] for other, named in others.items() if len(named) == 1}


def _free(name: str, namespace: str | None, taken: Container[str]) -> str:
    wanted, number = _wanted(name, namespace), 1
    function = wanted
    while function in taken:
        number += 1
        function = _short(f"{wanted}_{number}")
    return function


def _wanted(name: str, namespace: str | None) -> str:
    return _short(name if namespace is None else f"{namespace}__{name}")


def _short(name: str) -> str:
    """Shorten a name that is too long for providers; a digest keeps it apart from others that begin like it."""
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{name[: LONGEST_NAME - _DIGEST - 1]}_{digest}"
