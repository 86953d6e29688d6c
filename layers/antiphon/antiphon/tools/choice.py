"""The tools that a ``tool_choice`` leaves to the model, as names of functions. Pure."""

from __future__ import annotations

from typing import Any

from antiphon.tools.offer import SEARCHES
from antiphon.tools.table import OfferedTool, ToolTable


def chosen(choice: dict[str, Any], table: ToolTable) -> OfferedTool | None:
    """Return the tool that a choice names; a function or custom tool of that name in any namespace if it names none.

    None if there is no such tool. Of a choice of several tools it is the first.
    """
    several = _of_server(choice, table)
    if several is not None:
        return several[0] if several else None
    kind, name, namespace = choice["type"], choice.get("name"), choice.get("namespace")
    found = table.find(kind, name, namespace)
    if found is not None or name is None or namespace is not None:
        return found
    named = [tool for tool in table.tools if (tool.kind, tool.name) == (kind, name)]
    return named[0] if len(named) == 1 else None


def offered(table: ToolTable, choice: Any) -> list[OfferedTool]:
    """Return the tools that the model may call."""
    if choice == "none":
        return []
    if isinstance(choice, str):
        return table.tools
    if choice.get("mode") == "none":
        return []
    names = {tool.function for one in _ones(choice) for tool in _all_chosen(one, table)}
    return [tool for tool in table.tools if tool.function in names]


def translated(choice: Any, table: ToolTable) -> Any:
    """Return a choice whose tools are all functions, by their names to the model."""
    if isinstance(choice, str):
        return choice
    functions = [{"type": "function", "name": name} for one in _ones(choice) for name in _functions_of(one, table)]
    if choice["type"] == "allowed_tools":
        return {**choice, "tools": functions}
    return functions[0] if len(functions) == 1 else {"type": "allowed_tools", "mode": "required", "tools": functions}


def _functions_of(one: dict[str, Any], table: ToolTable) -> list[str]:
    found = [tool.function for tool in _all_chosen(one, table)]
    return found or [table.function_of(one["type"], one.get("name"), one.get("namespace"))]


def _all_chosen(one: dict[str, Any], table: ToolTable) -> list[OfferedTool]:
    several = _of_server(one, table)
    if several is not None:
        return several
    tool = chosen(one, table)
    return [] if tool is None else [tool]


def _of_server(choice: dict[str, Any], table: ToolTable) -> list[OfferedTool] | None:
    """Return the tools of the agent's servers that a choice names; None if it names one that its client runs."""
    if choice["type"] == "mcp":
        label, name = choice["server_label"], choice.get("name")
        named = [tool for tool in table.tools if tool.server is not None and tool.server.label == label]
        return named if name is None else [tool for tool in named if tool.name == name]
    kinds = [kind for kind, begins in SEARCHES.items() if choice["type"].startswith(begins)]
    if not kinds:
        return None
    return [tool for tool in table.tools if tool.server is not None and tool.server.kind in kinds]


def _ones(choice: dict[str, Any]) -> list[dict[str, Any]]:
    return choice["tools"] if choice["type"] == "allowed_tools" else [choice]
