"""The official schema of Open Responses as a judge of bodies and events. It must not know how Antiphon makes them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

DOCUMENT = Path(__file__).parent / "openresponses-2026-04-24.openapi.json"


@cache
def document() -> dict[str, Any]:
    """Read the OpenAPI document."""
    value: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return value


@cache
def validator(name: str) -> Draft202012Validator:
    """Give the validator of one schema of the document, by its name."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document()["components"]})


@cache
def event_schemas() -> dict[str, str]:
    """Map each event type to the name of its schema, as the document's schemas say."""
    schemas = document()["components"]["schemas"]
    names = [name for name in schemas if name.endswith("StreamingEvent")]
    return {kind: name for name in names for kind in schemas[name]["properties"]["type"]["enum"]}


def check(name: str, value: Any) -> None:
    """Assert that a value is valid against a schema of the document."""
    error = best_match(validator(name).iter_errors(value))
    if error is not None:
        raise AssertionError(f"{name}: {error.json_path}: {error.message}")


def check_response(body: Any) -> None:
    """Assert that a body is a response resource."""
    check("ResponseResource", body)


def check_event(event: Any) -> None:
    """Assert that an event is as its type's schema says. A vendor's event, ``vendor:name``, has none."""
    if ":" not in event["type"]:
        check(event_schemas()[event["type"]], event)


def check_error(body: Any) -> None:
    """Assert that a body is the error envelope: one object under ``error``, in the specification's form."""
    assert set(body) == {"error"}, f"not an error envelope: {sorted(body)}"
    check("ErrorPayload", body["error"])
