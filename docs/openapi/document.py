"""The OpenAPI 3.1 document, built from the route table, the operations' words, the models and the error codes.

`make docs` writes it to ``antiphon/web/openapi.json``, the file that is served; nothing here runs during a request.
"""

from __future__ import annotations

import json
from typing import Any, Final

from antiphon import __version__
from antiphon.errors import CODES
from antiphon.web.docs import DOCUMENT
from antiphon.web.table import ROUTES
from docs.openapi.admin_operations.operation import TAG
from docs.openapi.operation import Operation
from docs.openapi.operations import OPERATIONS
from docs.openapi.schemas import build_schemas

_ABOUT: Final = """\
An Open Responses API (openresponses.org, 2026-04-24) for agents. `model` is an agent's id.

Send your key as `Authorization: Bearer KEY`. Every answer names its request in `x-request-id`. Every error has the one
body of the schema `Error`; its `code` is stable. A path that does not exist answers 404 `route_not_found`, a method
that a path does not take 405 `method_not_allowed`. What you may not see answers as if it did not exist."""


_KEY: Final = "An API key of Antiphon, or for `/v1/admin` a management key."
_MANAGEMENT: Final = """\
Only if the deployment serves management; otherwise these paths answer 404 `route_not_found`. A management key does what
its user's role allows, by area, such as `keys:read`. With an API key, users manage what is their own."""


def build() -> dict[str, Any]:
    """Build the document.

    The server's URL is relative to the document's own (OpenAPI 3.1, "Server Object"), so it is right behind a stage of
    API Gateway, a Function URL and locally.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Antiphon",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "security": [{"key": []}],
        "tags": [
            *({"name": name} for name in ("Responses", "Chat Completions", "Conversations", "Models", "About")),
            {"name": TAG, "description": _MANAGEMENT},
        ],
        "paths": {
            path: {method.lower(): _operation(OPERATIONS[path, method]) for method in methods}
            for path, methods in ROUTES.items()
        },
        "components": {
            "schemas": build_schemas(),
            "headers": _HEADERS,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, or for `/v1/admin` a management key.",
                }
            },
        },
    }


_HEADERS: Final = {
    "x-request-id": {"description": "Names the request. Quote it when you ask for help.", "schema": {"type": "string"}},
    "retry-after": {
        "description": "Seconds after which the same request may succeed; with `x-should-retry: true` alone.",
        "schema": {"type": "integer"},
    },
    "x-should-retry": {
        "description": "Whether sending the same request again can help.",
        "schema": {"enum": ["true", "false"]},
    },
    "idempotent-replayed": {
        "description": "`true` on an answer that was given before; else the header is absent.",
        "schema": {"enum": ["true"]},
    },
    "x-antiphon-tools-left-out": {
        "description": "The types of the request's tools that nobody can run here, separated by commas.",
        "schema": {"type": "string"},
    },
    "www-authenticate": {"description": "Always `Bearer`.", "schema": {"type": "string"}},
}


def _operation(operation: Operation) -> dict[str, Any]:
    written: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "responses": {"200": _success(operation), **_errors(operation.codes)},
    }
    if not operation.keyed:
        written["security"] = []
    if operation.parameter:
        place = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        asked = [
            {"name": name, "in": "query", "schema": schema, "description": words}
            for name, (schema, words) in operation.query.items()
        ]
        item = [{**place, "name": "item_id", **operation.item}] if operation.item else []
        written["parameters"] = [{**place, **operation.parameter}, *item, *asked]
    if operation.headers:
        written["parameters"] = written.get("parameters", []) + [
            {"name": name, "in": "header", "schema": schema, "description": words}
            for name, (schema, words) in operation.headers.items()
        ]
    if operation.body:
        examples = {name: {"summary": words, "value": value} for name, (words, value) in operation.examples.items()}
        content = {"application/json": {"schema": _ref("schemas", operation.body), "examples": examples}}
        written["requestBody"] = {"required": True, "content": content}
    return written


def _success(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for kind, name in operation.answers.items():
        schema = _ref("schemas", name) if name else {"type": "object" if "json" in kind else "string"}
        sample = {"example": operation.samples[kind]} if kind in operation.samples else {}
        content[kind] = {"schema": schema, **sample}
    own = ("idempotent-replayed", "x-antiphon-tools-left-out") if operation.headers else ()
    names = ("x-request-id", *own)
    written = {"description": "Success.", "headers": _headers(*names), "content": content}
    return {**written, "links": operation.links} if operation.links else written


def _errors(codes: frozenset[str]) -> dict[str, Any]:
    """Write the errors by status; the codes of a status are described and shown as examples."""
    by_status: dict[int, list[str]] = {}
    for code in CODES:
        if code in codes:
            by_status.setdefault(CODES[code].status, []).append(code)
    return {str(status): _error(status, by_status[status]) for status in sorted(by_status)}


def _error(status: int, codes: list[str]) -> dict[str, Any]:
    names = ["x-request-id", "x-should-retry"]
    if status == 401:  # noqa: PLR2004 - RFC 9110, 11.6.1
        names.append("www-authenticate")
    if any(CODES[code].retry_after is not None for code in codes):
        names.append("retry-after")
    examples = {code: {"summary": CODES[code].meaning, "value": _example(code)} for code in codes}
    return {
        "description": "\n".join(f"- `{code}`: {CODES[code].meaning} {CODES[code].remedy}" for code in codes),
        "headers": _headers(*names),
        "content": {"application/json": {"schema": _ref("schemas", "Error"), "examples": examples}},
    }


def _example(code: str) -> dict[str, Any]:
    info = CODES[code]
    return {"error": {"message": info.message, "type": info.type, "code": code, "param": None}}


def _headers(*names: str) -> dict[str, Any]:
    return {name: _ref("headers", name) for name in names}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def render() -> str:
    """Write the document as it is committed: sorted and indented, so that a change shows as what it is."""
    return json.dumps(build(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
