"""The answer of an app that does not serve /v1/admin: an unknown path, whatever is asked of it."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.web.table import ADMIN

router = APIRouter()

_METHODS: Final = ["GET", "POST", "PUT", "DELETE"]


@router.api_route(f"{ADMIN}/{{path:path}}", methods=_METHODS)
async def absent() -> Response:
    """Refuse the request."""
    message = "Management is not served here. See `docs/admin.md` for where it is."
    raise ApiError("route_not_found", message, complete=True)
