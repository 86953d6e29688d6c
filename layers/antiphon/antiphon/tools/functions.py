"""Describes tools of every type as functions, the one form that all models take. Pure.

A grammar cannot be enforced on a function's arguments, so the description has it for the model.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.tools.table import INPUT, OfferedTool

Function = dict[str, Any]

_TEXT: Final = {"type": "string"}
_CUSTOM: Final = "Pass the whole input as one text in `input`, without any other form around it."
_GRAMMAR: Final = "`input` must match this grammar ({syntax}):\n{definition}"
_LOCAL_SHELL: Final = (
    "Run one command on the user's machine and return its output. `command` is the program and its arguments; for "
    'shell syntax such as pipes use ["bash", "-lc", "..."].'
)
_SHELL: Final = (
    "Run shell commands on the user's machine, in order, and return what each of them wrote and its exit code."
)
_TOOL_SEARCH: Final = "Search for further tools. Those that are found can be called from then on."
_SKILL: Final = "There are instructions for {name} in {path}: {description}"
_APPLY_PATCH: Final = (
    "Create, update or delete one file. `path` is relative to the workspace. To create a file, `diff` is its content "
    "with `+` before each line. To update a file, `diff` is one or more hunks. A hunk begins with a line `@@`, which "
    "may go on with the line of the file that the hunk comes after. Then come some unchanged lines with a space before "
    "each, removed lines with `-` and added lines with `+`. Line numbers are not used. To delete a file, `diff` is "
    "empty."
)


def function_of(tool: OfferedTool) -> Function:
    """Return the function that the model is offered for a tool."""
    if tool.kind == "function":
        named = {**tool.source, "name": tool.function}
        described = _joined(_about(tool), tool.source.get("description"))
        return {**named, "description": described} if tool.about else named
    if tool.kind == "custom":
        return _custom(tool)
    if tool.pinned is not None:
        about = {"description": tool.pinned.description or None, "parameters": tool.pinned.parameters}
        return {"type": "function", "name": tool.function, **about, "strict": None}
    if tool.kind == "tool_search":
        return _search(tool)
    description, properties, required = _KINDS[tool.kind]
    skills = (tool.source.get("environment") or {}).get("skills") or ()
    described = "\n".join([description, *(_SKILL.format_map(skill) for skill in skills)])
    return _function(tool.function, described, properties, required)


def _custom(tool: OfferedTool) -> Function:
    form = tool.source.get("format") or {}
    grammar = _GRAMMAR.format_map(form) if form.get("type") == "grammar" else None
    description = _joined(_about(tool), tool.source.get("description"), _CUSTOM, grammar)
    return _function(tool.function, description or "", {INPUT: _TEXT}, [INPUT])


def _search(tool: OfferedTool) -> Function:
    described = tool.source.get("description") or _TOOL_SEARCH
    function = _function(tool.function, described, {"query": _TEXT}, ["query"])
    return {**function, "parameters": tool.source.get("parameters") or function["parameters"]}


def _about(tool: OfferedTool) -> str | None:
    return f"About all tools whose names begin with `{tool.namespace}__`: {tool.about}" if tool.about else None


def _joined(*texts: str | None) -> str | None:
    return "\n\n".join(text for text in texts if text) or None


def _function(name: str, description: str, properties: dict[str, Any], required: list[str]) -> Function:
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "function", "name": name, "description": description, "parameters": schema, "strict": None}


_MILLISECONDS: Final = {"type": "integer", "description": "The longest time that it may take, in milliseconds."}
_KINDS: Final[dict[str, tuple[str, dict[str, Any], list[str]]]] = {
    "local_shell": (
        _LOCAL_SHELL,
        {"command": {"type": "array", "items": _TEXT}, "working_directory": _TEXT, "timeout_ms": _MILLISECONDS},
        ["command"],
    ),
    "shell": (
        _SHELL,
        {
            "commands": {"type": "array", "items": _TEXT},
            "timeout_ms": _MILLISECONDS,
            "max_output_length": {"type": "integer", "description": "The most characters of output to return."},
        },
        ["commands"],
    ),
    "apply_patch": (
        _APPLY_PATCH,
        {"type": {**_TEXT, "enum": ["create_file", "update_file", "delete_file"]}, "path": _TEXT, "diff": _TEXT},
        ["type", "path", "diff"],
    ),
}
"""For each type without a name: what it does, its arguments, and those that it cannot do without."""
