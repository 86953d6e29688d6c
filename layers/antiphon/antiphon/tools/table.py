"""The tools of one response: by which name the model calls each, and of which type it is to the client.

    {"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "find"}]}    crm__find
    {"type": "custom", "name": "edit"}                                                       edit
    {"type": "shell"}                                                                        shell

Pure. The same tools always get the same names, so the table of a response can be built from its ``tools`` at any time.
Names are looked up in it and never taken apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

INPUT: Final = "input"
"""The argument of a custom tool's function that holds the whole input."""

LONGEST_NAME: Final = 64
_DIGEST: Final = 8
_NAMED: Final = frozenset({"function", "custom"})


@dataclass(frozen=True, slots=True)
class ClientTool:
    """One tool.

    Attributes:
        kind: its type.
        function: the name by which the model calls it.
        name: its name to the client; None for a type that has one tool only.
        namespace: the namespace that it is in, if any.
        source: the tool as its client wrote it.
        about: the description of the namespace, at its first tool.
    """

    kind: str
    function: str
    name: str | None
    namespace: str | None
    source: dict[str, Any]
    about: str = ""


Key = tuple[str | None, str | None, str | None]
"""What no two tools share: namespace, name, and the type of one without a name."""


class ToolTable:
    """The tools of one response, in order.

    Args:
        tools: as the response shows them.
    """

    def __init__(self, tools: Iterable[dict[str, Any]]) -> None:
        self.tools = _with_functions(tools)
        self._by_function = {tool.function: tool for tool in self.tools}
        self._by_other_name = _other_names(self.tools)
        self._by_key = {key_of(tool.source, tool.namespace): tool for tool in self.tools}

    def called(self, function: str) -> ClientTool | None:
        """Return the tool that the model calls by a name; None if nobody offered it."""
        return self._by_function.get(function) or self._by_other_name.get(function)

    def find(self, kind: str, name: str | None = None, namespace: str | None = None) -> ClientTool | None:
        """Return a tool by its type and its name to the client."""
        tool = self._by_key.get((namespace, name, None if kind in _NAMED else kind))
        return tool if tool is not None and tool.kind == kind else None

    def function_of(self, kind: str, name: str | None = None, namespace: str | None = None) -> str:
        """Return by which name the model calls a tool, or called one that is not offered any more."""
        tool = self.find(kind, name, namespace)
        return _wanted(name or kind, namespace) if tool is None else tool.function


def key_of(tool: dict[str, Any], namespace: str | None = None) -> Key:
    """Return what identifies a tool among others."""
    kind = tool["type"]
    return namespace, tool.get("name"), None if kind in _NAMED else kind


def leaves(tool: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Yield the single tools in a tool, each with its namespace."""
    if tool["type"] == "namespace":
        yield from ((inner, tool["name"]) for inner in tool["tools"])
    else:
        yield tool, None


def _with_functions(tools: Iterable[dict[str, Any]]) -> list[ClientTool]:
    """Name each tool for the model. A name of the client's own stands; the others keep clear of it."""
    tools = list(tools)
    taken = {tool["name"] for tool in tools if tool["type"] in _NAMED}
    named: list[ClientTool] = []
    for tool in tools:
        about = tool.get("description") or "" if tool["type"] == "namespace" else ""
        for source, namespace in leaves(tool):
            name = source.get("name")
            function = name if name is not None and namespace is None else _free(name or tool["type"], namespace, taken)
            taken.add(function)
            named.append(ClientTool(source["type"], function, name, namespace, source, about))
            about = ""
    return named


def _other_names(tools: Iterable[ClientTool]) -> dict[str, ClientTool]:
    """Return what models call functions in namespaces as well: with a dot, or by the name alone if only one has it."""
    others: dict[str, list[ClientTool]] = {}
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
