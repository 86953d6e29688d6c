"""GET /, /healthz, /openapi.json and /docs: no key is needed, and nothing is loaded from another origin."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from antiphon.errors import ApiError
from antiphon.web import docs

router = APIRouter()


@router.get("/healthz")
async def health() -> Response:
    """Confirm that the process serves. No store is read: a throttled table must not take it out of service."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/openapi.json")
async def openapi() -> Response:
    """Return the committed OpenAPI document."""
    return Response(docs.document(), headers={"cache-control": "no-cache"}, media_type="application/json")


@router.get("/")
@router.get("/docs")
async def page() -> Response:
    """Return the page that shows the document and lets a reader try the API."""
    return HTMLResponse(docs.page(), headers=docs.PAGE_HEADERS)


@router.get("/docs/{name}")
async def page_file(name: str) -> Response:
    """Return a file of the page."""
    content = docs.file(name)
    if content is None:
        raise ApiError("route_not_found")
    return Response(content, headers=docs.FILE_HEADERS, media_type=docs.KINDS[name])
