"""The route table: which paths exist and which methods they take. Every function answers 404 and 405 from it."""

from __future__ import annotations

import re
from typing import Final

_ID: Final = r"[^/]+"
ROUTES: Final[dict[str, tuple[str, ...]]] = {
    "/v1/responses": ("POST",),
    "/v1/responses/input_tokens": ("POST",),
    "/v1/responses/compact": ("POST",),
    "/v1/responses/models": ("GET",),
    "/v1/responses/{id}": ("GET", "DELETE"),
    "/v1/responses/{id}/cancel": ("POST",),
    "/v1/responses/{id}/input_items": ("GET",),
    "/v1/models": ("GET",),
    "/v1/models/{id}": ("GET",),
    "/healthz": ("GET",),
    "/openapi.json": ("GET",),
    "/docs": ("GET",),
    "/docs/{id}": ("GET",),
}
_PATTERNS: Final = [(re.compile(re.escape(path).replace(r"\{id\}", _ID)), path) for path in ROUTES]


def allowed_methods(path: str) -> tuple[str, ...]:
    """Give the methods that a path takes; none where there is no such path."""
    route = route_of(path)
    return () if route is None else ROUTES[route]


def route_of(path: str) -> str | None:
    """Give the pattern of a path, as it stands in the table; None where there is no such path."""
    return next((route for pattern, route in _PATTERNS if pattern.fullmatch(path)), None)
