"""What every route that runs something reads of its request: the body, within the caller's limit, and the time left."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from antiphon.access.principal import Principal
from antiphon.ports import Services
from antiphon.web.body import read_json


async def read_body(request: Request, principal: Principal) -> dict[str, Any]:
    """Read the body of a request, up to the size that its caller may send.

    Raises:
        ApiError: 400, 413 or 415.
    """
    services: Services = request.app.state.services
    return await read_json(request, principal.limits.max_body_bytes or services.settings.max_body_bytes)


def until(request: Request) -> float:
    """Return when the host ends this request, in seconds since the epoch."""
    services: Services = request.app.state.services
    end: float = request.scope.get("antiphon.deadline") or services.clock() + services.settings.run_seconds
    return end
