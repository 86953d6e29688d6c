"""The tools in force: the agent's, the request's, and those in items of the conversation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal

from antiphon.errors import ApiError
from antiphon.records import Item, ToolServer
from antiphon.spec.tools import HOSTED
from antiphon.tools.narrowing import narrowed
from antiphon.tools.table import Key, key_of, leaves

Tool = dict[str, Any]
UnknownTools = Literal["leave_out", "refuse"]

MAX_FUNCTIONS: Final = 1024
"""The most functions that the model is offered, those in namespaces included."""

_BRINGING: Final = frozenset({"additional_tools", "tool_search_output"})
SEARCHES: Final = {"web_search": "web_search", "knowledge_base": "file_search"}
"""For each kind of server that searches: how the types of OpenAI's tools begin that do the same."""
_REFUSED: Final = "Only OpenAI's own service runs tools of this type, and this deployment refuses them. Leave it out."


class Offer:
    """The tools that are in force so far.

    Args:
        tools: the agent's own.
        unknown_tools: what becomes of tools that only OpenAI's own service runs.
        servers: the agent's servers, whose tools Antiphon runs.

    Attributes:
        tools: as the response shows them.
        left_out: the types of those that are not offered, each once.
    """

    def __init__(self, tools: Iterable[Tool], unknown_tools: UnknownTools, servers: Iterable[ToolServer] = ()) -> None:
        self.tools = [dict(tool) for tool in tools]
        self.left_out: list[str] = []
        self._unknown_tools = unknown_tools
        self._servers = {server.label: server for server in servers}
        self._named: set[str] = set()
        self._keys = {key for tool in self.tools for key in _keys(tool)}

    def ask(self, tools: Sequence[Tool]) -> None:
        """Add the tools of the request.

        Raises:
            ApiError: 400: two tools have one name, or a tool is refused here.
        """
        for index, tool in enumerate(tools):
            if tool["type"] == "mcp":
                self._narrow(tool, f"tools[{index}]")
                continue
            if self._is_left_out(tool, f"tools[{index}].type"):
                continue
            for key in _keys(tool):
                if key in self._keys:
                    raise _twice(tool, f"tools[{index}]")
                self._keys.add(key)
            self.tools.append(tool)

    def bring(self, tools: Iterable[Tool]) -> None:
        """Add the tools in items, if they are new: a client repeats them with every request.

        Raises:
            ApiError: 400: a tool is refused here.
        """
        for tool in tools:
            if self._is_left_out(tool, "input"):
                continue
            if tool["type"] == "namespace":
                inner = [inner for inner in tool["tools"] if self._is_new(key_of(inner, tool["name"]))]
                self.tools += [{**tool, "tools": inner}] if inner else []
            elif self._is_new(key_of(tool)):
                self.tools.append(tool)

    @property
    def servers(self) -> tuple[ToolServer, ...]:
        """The agent's servers, as the request narrows them."""
        return tuple(self._servers.values())

    @property
    def named_servers(self) -> tuple[ToolServer, ...]:
        """Those of them that the request names."""
        return tuple(server for label, server in self._servers.items() if label in self._named)

    def _narrow(self, tool: Tool, param: str) -> None:
        label = tool["server_label"]
        if label not in self._servers:
            message = "The agent has no server of this label. Requests cannot bring servers of their own."
            raise ApiError("invalid_value", message, param=f"{param}.server_label", complete=True)
        if label in self._named:
            raise ApiError("invalid_value", "This server is there twice. Remove one.", param=f"{param}.server_label")
        self._named.add(label)
        self._servers[label] = narrowed(self._servers[label], tool, param)
        self.tools.append(tool)

    def require_few(self) -> None:
        """Require that the model can be offered all of them.

        Raises:
            ApiError: 400.
        """
        if len(self._keys) + sum(len(server.tools) for server in self.servers) > MAX_FUNCTIONS:
            message = f"`tools`: With those in namespaces there may be at most {MAX_FUNCTIONS} tools."
            raise ApiError("out_of_range", message, param="tools")

    def _is_new(self, key: Key) -> bool:
        is_new = key not in self._keys
        self._keys.add(key)
        return is_new

    def _is_left_out(self, tool: Tool, param: str) -> bool:
        if not is_hosted(tool):
            return False
        if any(tool["type"].startswith(SEARCHES.get(server.kind, "-")) for server in self._servers.values()):
            return True
        if self._unknown_tools == "refuse":
            raise ApiError("unsupported_value", _REFUSED, param=param, complete=True)
        if tool["type"] not in self.left_out:
            self.left_out.append(tool["type"])
        return True


def is_hosted(tool: Tool) -> bool:
    """Return whether only OpenAI's own service runs a tool."""
    if tool["type"] == "shell":
        return bool((tool.get("environment") or {"type": "local"})["type"] != "local")
    if tool["type"] == "tool_search":
        return bool(tool["execution"] == "server")
    return tool["type"] in HOSTED


def brought(items: Iterable[Item]) -> Iterator[Tool]:
    """Yield the tools in items."""
    for item in items:
        if item["type"] in _BRINGING:
            yield from item["tools"]


def _keys(tool: Tool) -> list[Key]:
    return [key_of(*leaf) for leaf in leaves(tool)]


def _twice(tool: Tool, param: str) -> ApiError:
    if tool["type"] in ("function", "custom"):
        return ApiError("invalid_value", "Two tools have this name. Rename one.", param=f"{param}.name")
    message = "Two tools in it have one name." if tool["type"] == "namespace" else "This tool is there twice."
    return ApiError("invalid_value", f"{message} Remove one.", param=param)
