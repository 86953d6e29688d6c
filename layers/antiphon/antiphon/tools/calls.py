"""Calls and outputs: from a function that the model called to the item of its tool's type, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from antiphon.ports import CALL_STATE
from antiphon.records import Item
from antiphon.tools.server_calls import SERVER_CALLS, called, made_with_others, output_of
from antiphon.tools.table import INPUT, OfferedTool, ToolTable, leaves

_OUTPUTS: Final = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "local_shell_call": "local_shell_call_output",
    "shell_call": "shell_call_output",
    "apply_patch_call": "apply_patch_call_output",
    "tool_search_call": "tool_search_output",
}
_SAID_LATER: Final = (
    "code_interpreter_call",
    "image_generation_call",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
)
"""Items that no model reads: their results are in the items that follow."""

_BASH: Final = ("bash", "-lc")
_CHANGES: Final = ("create_file", "update_file")


def is_call(item: Item) -> bool:
    """Return whether an item is a call that its client has to answer."""
    return item["type"] in _OUTPUTS and item.get("call_id") is not None


def is_output(item: Item) -> bool:
    """Return whether an item is a client's answer to a call."""
    return item["type"] in _OUTPUTS.values() and item.get("call_id") is not None


def call_item(tool: OfferedTool | None, name: str, arguments: str) -> Item | None:
    """Return a whole call as its client expects it, without ids and status.

    Args:
        tool: what was called; None for a name that nobody offered.
        name: by which the model called it.
        arguments: as the model wrote them.

    Returns:
        None if the arguments do not make a call of the tool's type.
    """
    if tool is None or tool.kind == "function":
        return {"type": "function_call", **_named(tool, name), "arguments": arguments}
    if tool.kind == "custom":
        return {"type": "custom_tool_call", **_named(tool, name), "input": input_of(arguments)}
    given = _object(arguments)
    return None if given is None else _ACTIONS[tool.kind](tool, given)


def input_of(arguments: str) -> str:
    """Return the input of a custom tool: the argument ``input``, or what a model wrote in its place."""
    given = _object(arguments)
    if given is None:
        return arguments
    values = list(given.values())
    if isinstance(given.get(INPUT), str):
        return str(given[INPUT])
    if not given:
        return ""
    return values[0] if len(values) == 1 and isinstance(values[0], str) else arguments


def as_functions(items: Iterable[Item], table: ToolTable) -> list[Item]:
    """Return items as a model reads them: every call is one of a function, every output a function's.

    A call of a tool that Antiphon runs becomes two items, as its output is in it. The outputs of calls that were made
    at once come after all of them, as with those of clients.
    """
    written: list[Item] = []
    outputs: list[Item] = []
    for item in items:
        if outputs and not _goes_on(item):
            written += outputs
            outputs = []
        if item["type"] in SERVER_CALLS:
            call, *output = _server_call(item, table)
            written.append(call)
            outputs += output
        else:
            write = _WRITERS.get(item["type"])
            written.append(item if write is None else write(item, table))
    return written + outputs


def _goes_on(item: Item) -> bool:
    """Return whether an item was made at once with the call before it: another call, or what belongs to that."""
    if item["type"] in SERVER_CALLS:
        return made_with_others(item)
    return bool(item["type"] == "reasoning" and item.get("state", {}).get("kind") == CALL_STATE)


def _named(tool: OfferedTool | None, name: str) -> dict[str, Any]:
    if tool is None:
        return {"name": name}
    return {"name": tool.name} if tool.namespace is None else {"name": tool.name, "namespace": tool.namespace}


def _object(arguments: str) -> dict[str, Any] | None:
    try:
        given = json.loads(arguments or "{}", strict=False)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


# what the model called, as an item


def _local_shell(_: OfferedTool, given: dict[str, Any]) -> Item | None:
    command = given.get("command")
    words = [*_BASH, command] if isinstance(command, str) else command
    if not _is_texts(words) or not words:
        return None
    env = given.get("env")
    limits = _kept(given, ("timeout_ms", int), ("working_directory", str))
    action = {"type": "exec", "command": words, "env": env if _is_texts_by_name(env) else {}, **limits}
    return {"type": "local_shell_call", "action": action}


def _shell(tool: OfferedTool, given: dict[str, Any]) -> Item | None:
    commands = given.get("commands", given.get("command"))
    lines = [commands] if isinstance(commands, str) else commands
    if not _is_texts(lines) or not lines:
        return None
    action = {"commands": lines, **_kept(given, ("timeout_ms", int), ("max_output_length", int))}
    where = {"environment": {"type": "local"}} if tool.source.get("environment") else {}
    return {"type": "shell_call", "action": action, **where}


def _apply_patch(_: OfferedTool, given: dict[str, Any]) -> Item | None:
    nested = given.get("operation")
    told = nested if isinstance(nested, dict) else given
    kind, path, diff = told.get("type"), told.get("path"), told.get("diff")
    if not isinstance(path, str) or not path:
        return None
    if kind == "delete_file":
        return {"type": "apply_patch_call", "operation": {"type": kind, "path": path}}
    if kind not in _CHANGES or not isinstance(diff, str):
        return None
    return {"type": "apply_patch_call", "operation": {"type": kind, "path": path, "diff": diff}}


def _kept(given: dict[str, Any], *fields: tuple[str, type]) -> dict[str, Any]:
    return {name: given[name] for name, kind in fields if type(given.get(name)) is kind}


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_texts_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _tool_search(_: OfferedTool, given: dict[str, Any]) -> Item:
    return {"type": "tool_search_call", "execution": "client", "arguments": given}


_ACTIONS: Final[dict[str, Callable[[OfferedTool, dict[str, Any]], Item | None]]] = {
    "local_shell": _local_shell,
    "shell": _shell,
    "apply_patch": _apply_patch,
    "tool_search": _tool_search,
}


# items, as what the model called


def _call(item: Item, name: str, arguments: dict[str, Any] | str) -> Item:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    whole = {"type": "function_call", "call_id": item["call_id"], "name": name, "arguments": text}
    return {**{key: item[key] for key in ("id", "status") if key in item}, **whole}


def _output(item: Item, output: Any) -> Item:
    whole = {"type": "function_call_output", "call_id": item["call_id"], "output": output}
    return {**{key: item[key] for key in ("id", "status") if key in item}, **whole}


def _function_as_function(item: Item, table: ToolTable) -> Item:
    if "namespace" not in item:
        return item
    return _call(item, table.function_of("function", item["name"], item["namespace"]), item["arguments"])


def _custom_as_function(item: Item, table: ToolTable) -> Item:
    name = table.function_of("custom", item["name"], item.get("namespace"))
    return _call(item, name, {INPUT: item["input"]})


def _local_shell_as_function(item: Item, table: ToolTable) -> Item:
    action = {name: value for name, value in item["action"].items() if name != "type" and value}
    return _call(item, table.function_of("local_shell"), action)


def _shell_as_function(item: Item, table: ToolTable) -> Item:
    return _call(item, table.function_of("shell"), item["action"])


def _apply_patch_as_function(item: Item, table: ToolTable) -> Item:
    return _call(item, table.function_of("apply_patch"), item["operation"])


def _output_as_is(item: Item, _: ToolTable) -> Item:
    return _output(item, item["output"])


def _shell_output(item: Item, _: ToolTable) -> Item:
    return _output(item, "\n\n".join(map(_written, item["output"])))


def _written(chunk: dict[str, Any]) -> str:
    """Write the result of a command as text: models read it better than JSON with its escapes."""
    outcome = chunk.get("outcome") or {}
    ended = {"exit": f"Exit code: {outcome.get('exit_code')}", "timeout": "It took too long and was stopped."}
    stderr = f"Standard error:\n{chunk['stderr']}" if chunk.get("stderr") else ""
    return "\n".join(text for text in (chunk.get("stdout"), stderr, ended.get(outcome.get("type", ""))) if text)


def _patch_output(item: Item, _: ToolTable) -> Item:
    told = "Done." if item["status"] == "completed" else "Failed."
    output = _output(item, f"{told}\n{item['output']}" if item.get("output") else told)
    return {**output, "status": "completed"}


def _search_as_function(item: Item, table: ToolTable) -> Item:
    if not is_call(item):
        return _nothing(item, table)
    return _call(item, table.function_of("tool_search"), item["arguments"])


def _found(item: Item, table: ToolTable) -> Item:
    """Write the tools that a search found, by their names to the model."""
    if not is_output(item):
        return _nothing(item, table)
    lines = [
        f"{table.function_of(source['type'], source.get('name'), namespace)}: {source.get('description') or ''}"
        for tool in item["tools"]
        for source, namespace in leaves(tool)
    ]
    return _output(item, "\n".join(lines) or "No tool was found.")


def _server_call(item: Item, table: ToolTable) -> list[Item]:
    call = called(item)
    if call is None:
        return [_nothing(item, table)]
    label, name, arguments = call
    own = {"call_id": item["id"], "status": "completed"}
    function = table.function_of("mcp", name, label)
    return [
        {"type": "function_call", "id": item["id"], **own, "name": function, "arguments": arguments or "{}"},
        {"type": "function_call_output", "id": f"{item['id']}_output", **own, "output": output_of(item)},
    ]


def _nothing(item: Item, _: ToolTable) -> Item:
    """Return an item that no model reads: the others keep their places."""
    return {**{key: item[key] for key in ("id",) if key in item}, "type": "reasoning", "summary": []}


def _agent_message(item: Item, _: ToolTable) -> Item:
    """Write a message of one agent to another as a message to the one that reads it."""
    content = item.get("content") or ""
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    texts = [part.get("text", part.get("encrypted_content", "")) for part in parts]
    head = f"Message from {item.get('author') or 'another agent'} to {item.get('recipient') or 'you'}:"
    whole = {"type": "message", "role": "user", "status": "completed"}
    return {
        **{key: item[key] for key in ("id",) if key in item},
        **whole,
        "content": [{"type": "input_text", "text": "\n".join([head, *texts])}],
    }


_WRITERS: Final[dict[str, Callable[[Item, ToolTable], Item]]] = {
    "additional_tools": _nothing,
    **dict.fromkeys(_SAID_LATER, _nothing),
    "tool_search_call": _search_as_function,
    "tool_search_output": _found,
    "agent_message": _agent_message,
    "function_call": _function_as_function,
    "custom_tool_call": _custom_as_function,
    "custom_tool_call_output": _output_as_is,
    "local_shell_call": _local_shell_as_function,
    "local_shell_call_output": _output_as_is,
    "shell_call": _shell_as_function,
    "shell_call_output": _shell_output,
    "apply_patch_call": _apply_patch_as_function,
    "apply_patch_call_output": _patch_output,
}
