"""The route table: the paths that exist, the methods that they take, and what wrong paths were meant to be.

Every function answers 404 and 405 from it.
"""

from __future__ import annotations

import re
from typing import Final

from antiphon.suggestion import meant

_ID: Final = r"[^/]+"
ROUTES: Final[dict[str, tuple[str, ...]]] = {
    "/": ("GET",),
    "/v1/responses": ("POST",),
    "/v1/responses/input_tokens": ("POST",),
    "/v1/responses/compact": ("POST",),
    "/v1/responses/models": ("GET",),
    "/v1/responses/{id}": ("GET", "DELETE"),
    "/v1/responses/{id}/cancel": ("POST",),
    "/v1/responses/{id}/input_items": ("GET",),
    "/v1/chat/completions": ("POST",),
    "/v1/conversations": ("POST",),
    "/v1/conversations/{id}": ("GET", "POST", "DELETE"),
    "/v1/conversations/{id}/items": ("GET", "POST"),
    "/v1/conversations/{id}/items/{item_id}": ("GET", "DELETE"),
    "/v1/approvals": ("GET",),
    "/v1/approvals/{id}": ("GET", "POST"),
    "/v1/models": ("GET",),
    "/v1/models/{id}": ("GET",),
    "/v1/admin/me": ("GET",),
    "/v1/admin/me/keys": ("GET", "POST"),
    "/v1/admin/me/keys/{id}": ("DELETE",),
    "/v1/admin/me/responses": ("GET",),
    "/v1/admin/me/export": ("GET",),
    "/v1/admin/me/usage": ("GET",),
    "/v1/admin/me/limits": ("GET",),
    "/v1/admin/agents": ("GET", "POST"),
    "/v1/admin/agents/{id}": ("GET", "PUT", "DELETE"),
    "/v1/admin/agents/{id}/versions": ("GET",),
    "/v1/admin/agents/{id}/versions/{item_id}": ("GET",),
    "/v1/admin/agents/{id}/rollback": ("POST",),
    "/v1/admin/agents/{id}/grants": ("GET",),
    "/v1/admin/agents/{id}/grants/{item_id}": ("PUT", "DELETE"),
    "/v1/admin/agents/{id}/tools": ("GET",),
    "/v1/admin/agents/{id}/why": ("GET",),
    "/v1/admin/deleted-agents": ("GET",),
    "/v1/admin/deleted-agents/{id}/restore": ("POST",),
    "/v1/admin/keys": ("GET", "POST"),
    "/v1/admin/keys/{id}": ("GET", "DELETE"),
    "/v1/admin/keys/{id}/limits": ("PUT",),
    "/v1/admin/users": ("GET",),
    "/v1/admin/users/{id}": ("GET", "PUT", "DELETE"),
    "/v1/admin/users/{id}/limits": ("GET", "PUT"),
    "/v1/admin/users/{id}/export": ("GET",),
    "/v1/admin/users/{id}/erase": ("POST",),
    "/v1/admin/users/{id}/responses": ("GET",),
    "/v1/admin/users/{id}/responses/{item_id}": ("GET", "DELETE"),
    "/v1/admin/users/{id}/responses/{item_id}/cancel": ("POST",),
    "/v1/admin/users/{id}/responses/{item_id}/content": ("GET",),
    "/v1/admin/roles": ("GET",),
    "/v1/admin/roles/{id}": ("GET", "PUT", "DELETE"),
    "/v1/admin/groups": ("GET",),
    "/v1/admin/groups/{id}": ("GET", "PUT", "DELETE"),
    "/v1/admin/approvals": ("GET",),
    "/v1/admin/approvals/{id}": ("GET", "POST"),
    "/v1/admin/tenant": ("GET", "PUT"),
    "/v1/admin/usage": ("GET",),
    "/v1/admin/usage/days": ("GET",),
    "/v1/admin/usage/limits": ("GET",),
    "/v1/admin/webhooks": ("GET", "POST"),
    "/v1/admin/webhooks/{id}": ("GET", "DELETE"),
    "/v1/admin/webhooks/{id}/rotate": ("POST",),
    "/v1/admin/webhooks/{id}/test": ("POST",),
    "/v1/admin/failed-deliveries": ("GET",),
    "/v1/admin/audit": ("GET",),
    "/healthz": ("GET",),
    "/openapi.json": ("GET",),
    "/docs": ("GET",),
    "/docs/{id}": ("GET",),
}
OTHER_APIS: Final = {
    "completions": "Completions are not served here. Call `POST /v1/responses`, with `input` for `prompt`.",
    "messages": "Anthropic's Messages API is not served here. Call `POST /v1/chat/completions` or `/v1/responses`.",
    "chat": "Call `POST /v1/chat/completions`.",
    "api/chat": "Ollama's API is not served here. Call `POST /v1/chat/completions`.",
    "api/generate": "Ollama's API is not served here. Call `POST /v1/responses`, with `input` for `prompt`.",
    "api/tags": "Ollama's API is not served here. List the agents with `GET /v1/models`.",
    "threads": "The Assistants API is not served here. Call `POST /v1/responses`.",
    "assistants": "The Assistants API is not served here. Call `POST /v1/responses`; `GET /v1/models` lists agents.",
    "embeddings": "Embeddings are not served here.",
    "files": "Uploads are not served here. Send a file in `input` as an `input_file`, by URL or in base64.",
    "": "This is the base URL, without a path. Call `POST /v1/responses`, `/v1/chat/completions` or `GET /v1/models`.",
}
"""What to call instead of the paths of other APIs that clients are often set to."""

ADMIN: Final = "/v1/admin"
"""How all paths of management begin, which few apps serve."""

_PATTERNS: Final = [(re.compile(re.sub(r"\\\{\w+\\\}", _ID, re.escape(path))), path) for path in ROUTES]


def allowed_methods(path: str) -> tuple[str, ...]:
    """Return the methods that a path takes; an empty tuple if there is no such path."""
    route = route_of(path)
    return () if route is None else ROUTES[route]


def route_of(path: str) -> str | None:
    """Return the pattern of a path as the table has it, or None if there is no such path."""
    return next((route for pattern, route in _PATTERNS if pattern.fullmatch(path)), None)


def _misspelt(bare: str) -> str | None:
    """Return the path that a misspelt one resembles, segment by segment; None if none without an id does."""
    paths = {route.removeprefix("/v1").strip("/"): route for route in ROUTES if "{" not in route}
    alike = [known for known, route in paths.items() if not is_managing(route) and _resembles(bare, known)]
    found = meant(bare, alike)
    return None if found is None else f"Did you mean `{paths[found]}`?"


def _resembles(path: str, known: str) -> bool:
    pairs = list(zip(path.split("/"), known.split("/"), strict=False))
    return path.count("/") == known.count("/") and all(meant(one, [other]) for one, other in pairs)


def is_managing(path: str) -> bool:
    """Return whether a path is one of management."""
    return path.startswith(f"{ADMIN}/")


def hint(path: str) -> str | None:
    """Return what to call instead of an unknown path, or None if it resembles no path that is known.

    Nothing of the path itself is repeated.
    """
    bare = re.sub(r"^(v1(beta)?(/|$))+", "", re.sub("/+", "/", path.lower()).strip("/"))
    if bare in OTHER_APIS:
        return OTHER_APIS[bare]
    route = route_of(f"/v1/{bare}") or route_of(f"/{bare}")
    if route is None:
        other = next((call for name, call in OTHER_APIS.items() if name and bare.startswith(f"{name}/")), None)
        return other or _misspelt(bare)
    if not route.startswith("/v1/"):
        return f"Call `{route}`."
    return f"Call `{route}`. A client's base URL ends in `/v1`, once, and the path follows without a slash at its end."
