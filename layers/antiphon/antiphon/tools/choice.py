"""What a ``tool_choice`` leaves to the model, and how the model is told: by the names of functions. Pure."""

from __future__ import annotations

from typing import Any

from antiphon.tools.table import ClientTool, ToolTable


def chosen(choice: dict[str, Any], table: ToolTable) -> ClientTool | None:
    """Return the tool that a choice names; a function or custom tool of that name in any namespace if it names none."""
    kind, name, namespace = choice["type"], choice.get("name"), choice.get("namespace")
    found = table.find(kind, name, namespace)
    if found is not None or name is None or namespace is not None:
        return found
    named = [tool for tool in table.tools if (tool.kind, tool.name) == (kind, name)]
    return named[0] if len(named) == 1 else None


def offered(table: ToolTable, choice: Any) -> list[ClientTool]:
    """Return the tools that the model may call."""
    if choice == "none":
        return []
    if isinstance(choice, str):
        return table.tools
    if choice.get("mode") == "none":
        return []
    names = {tool.function for one in _ones(choice) if (tool := chosen(one, table)) is not None}
    return [tool for tool in table.tools if tool.function in names]


def translated(choice: Any, table: ToolTable) -> Any:
    """Return a choice whose tools are all functions, by their names to the model."""
    if isinstance(choice, str):
        return choice
    functions = [{"type": "function", "name": _function_of(one, table)} for one in _ones(choice)]
    return {**choice, "tools": functions} if choice["type"] == "allowed_tools" else functions[0]


def _function_of(one: dict[str, Any], table: ToolTable) -> str:
    tool = chosen(one, table)
    return table.function_of(one["type"], one.get("name"), one.get("namespace")) if tool is None else tool.function


def _ones(choice: dict[str, Any]) -> list[dict[str, Any]]:
    return choice["tools"] if choice["type"] == "allowed_tools" else [choice]
