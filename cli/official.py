"""Check bodies and events against the official schema of Open Responses.

NOTICE: ``openresponses-2026-04-24.openapi.json`` is the OpenAPI document of the Open Responses specification, version
2026-04-24, by the Open Responses project (openresponses.org), licensed under the Apache License 2.0, kept unchanged.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

DOCUMENT: Final = Path(__file__).with_name("openresponses-2026-04-24.openapi.json")


@cache
def document() -> dict[str, Any]:
    """Read the OpenAPI document."""
    value: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return value


@cache
def validator(name: str) -> Draft202012Validator:
    """Return the validator of one schema of the document, by its name."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document()["components"]})


@cache
def event_schemas() -> dict[str, str]:
    """Map each event type to the name of its schema, as the document's schemas say."""
    schemas = document()["components"]["schemas"]
    names = [name for name in schemas if name.endswith("StreamingEvent")]
    return {kind: name for name in names for kind in schemas[name]["properties"]["type"]["enum"]}


def problem(name: str, value: Any) -> str | None:
    """Return what is wrong with a value by a schema of the document; None if nothing is."""
    error = best_match(validator(name).iter_errors(value))
    return None if error is None else f"{name}: {error.json_path}: {error.message}"


BEYOND: Final = frozenset({"mcp_call", "mcp_list_tools", "mcp_approval_request", "web_search_call", "file_search_call"})
"""Types of items that OpenAI's API has beyond the specification, for tools that run on the server."""


def response_problem(body: Any) -> str | None:
    """Return what is wrong with a response resource, its items of OpenAI's API beyond the specification left out."""
    return problem("ResponseResource", _within(body))


def _within(body: Any) -> Any:
    """Return a response without the items and tools that the specification does not have."""
    if not isinstance(body, dict) or not all(isinstance(body.get(side), list) for side in ("output", "tools")):
        return body
    output = [item for item in body["output"] if not _is_beyond(item)]
    tools = [tool for tool in body["tools"] if not (isinstance(tool, dict) and tool.get("type") == "mcp")]
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") not in ("function", "allowed_tools"):
        choice = "auto"
    return {**body, "output": output, "tools": tools, "tool_choice": choice}


def _is_beyond(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") in BEYOND


def event_problem(event: dict[str, Any]) -> str | None:
    """Return what is wrong with an event by its type's schema. A vendor's event, ``vendor:name``, has none.

    Nor have the events of items that OpenAI's API has beyond the specification.
    """
    kind = str(event.get("type"))
    if ":" in kind or (kind.split(".")[1:2] and kind.split(".")[1].removesuffix("_arguments") in BEYOND):
        return None
    if _is_beyond(event.get("item")):
        return None
    if "response" in event:
        event = {**event, "response": _within(event["response"])}
    name = event_schemas().get(kind)
    return f"there is no event {kind[:80]}" if name is None else problem(name, event)


def error_problem(body: Any) -> str | None:
    """Return what is wrong with an error body, which is one object under ``error`` in the specification's form."""
    if not isinstance(body, dict) or set(body) != {"error"}:
        return "not the error envelope"
    return problem("ErrorPayload", body["error"])
