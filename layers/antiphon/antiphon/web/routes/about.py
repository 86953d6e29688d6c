"""GET /healthz, /openapi.json and /docs: without a key, and all from our own origin."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter()


@router.get("/healthz")
async def health() -> Response:
    """Say that this process serves. It asks no store: a throttled table must not take the function out of service."""
    return Response(b'{"status":"ok"}', media_type="application/json")
