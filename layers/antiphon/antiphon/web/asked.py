"""What every route that runs something reads of its request: the body, within the caller's limit, and the time left."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request

from antiphon.access.principal import Principal
from antiphon.ports import Services
from antiphon.run.aside import aside_if_many
from antiphon.spec.request import weight_of
from antiphon.web.body import read_json

Asked = TypeVar("Asked")


async def read_body(request: Request, principal: Principal) -> dict[str, Any]:
    """Read the body of a request, up to the size that its caller may send.

    Raises:
        ApiError: 400, 413 or 415.
    """
    services: Services = request.app.state.services
    return await read_json(request, principal.limits.max_body_bytes or services.settings.max_body_bytes)


async def parsed(parse: Callable[[dict[str, Any]], Asked], body: dict[str, Any]) -> Asked:
    """Read a body as a request, in a thread if it has many items or parts.

    Raises:
        ApiError: 400, with the field that is wrong.
    """
    items = body.get("input", body.get("messages"))
    count = sum(map(weight_of, items)) if isinstance(items, list) else 0
    return await aside_if_many(count, partial(parse, body))


def until(request: Request) -> float:
    """Return when the host ends this request, in seconds since the epoch."""
    services: Services = request.app.state.services
    end: float = request.scope.get("antiphon.deadline") or services.clock() + services.settings.run_seconds
    return end
