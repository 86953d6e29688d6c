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


def event_problem(event: dict[str, Any]) -> str | None:
    """Return what is wrong with an event by its type's schema. A vendor's event, ``vendor:name``, has none."""
    kind = str(event.get("type"))
    if ":" in kind:
        return None
    name = event_schemas().get(kind)
    return f"there is no event {kind[:80]}" if name is None else problem(name, event)


def error_problem(body: Any) -> str | None:
    """Return what is wrong with an error body, which is one object under ``error`` in the specification's form."""
    if not isinstance(body, dict) or set(body) != {"error"}:
        return "not the error envelope"
    return problem("ErrorPayload", body["error"])
