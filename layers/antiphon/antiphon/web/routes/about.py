"""GET /healthz, /openapi.json and /docs: without a key, and all from our own origin."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from antiphon.errors import ApiError
from antiphon.web import docs

router = APIRouter()


@router.get("/healthz")
async def health() -> Response:
    """Say that this process serves. It asks no store: a throttled table must not take the function out of service."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/openapi.json")
async def openapi() -> Response:
    """Give the committed OpenAPI document."""
    return Response(docs.document(), headers={"cache-control": "no-cache"}, media_type="application/json")


@router.get("/docs")
async def page() -> Response:
    """Give the page that shows the document and lets a reader try it."""
    return HTMLResponse(docs.page(), headers=docs.PAGE_HEADERS)


@router.get("/docs/{name}")
async def page_file(name: str) -> Response:
    """Give a file of the page."""
    content = docs.file(name)
    if content is None:
        raise ApiError("route_not_found")
    return Response(content, headers=docs.FILE_HEADERS, media_type=docs.KINDS[name])
