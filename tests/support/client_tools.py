"""Requests with tools that clients run, and what a model was offered."""

from __future__ import annotations

from typing import Any

from openai.types.responses import ResponseOutputItem, Tool
from pydantic import TypeAdapter

from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, tool_call, usage

CUSTOM = {
    "type": "custom",
    "name": "edit",
    "description": "Edits.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/s"},
}


FIND = {"type": "function", "name": "find", "parameters": {"type": "object", "properties": {}}}


CRM = {
    "type": "namespace",
    "name": "crm",
    "description": "Customers.",
    "tools": [FIND, {"type": "custom", "name": "do"}],
}


QUESTION = {"role": "user", "content": "Go"}


_ITEM: Any = TypeAdapter(ResponseOutputItem)


_TOOL: Any = TypeAdapter(Tool)


def create(service: Service, key: str, **fields: Any) -> dict[str, Any]:
    """Create a response whose items and tools are openai-python's: the specification has none of these types."""
    answered = service.post(key, **{"model": "agent", **fields})
    assert answered.status_code == 200, answered.text
    response: dict[str, Any] = answered.json()
    for item in response["output"]:
        _ITEM.validate_python(item)
    for tool in response["tools"]:
        _TOOL.validate_python(tool)
    return response


def called(upstream: Upstream, name: str, arguments: str) -> None:
    """Script one call, then an answer."""
    calling = Script.stream(tool_call(0, "call_1", name, arguments), finish("tool_calls"), usage(3, 2))
    upstream.scripts = [calling, answer("Done")]


def names(upstream: Upstream, request: int = -1) -> list[str]:
    return [tool["function"]["name"] for tool in upstream.requests[request].body["tools"]]
