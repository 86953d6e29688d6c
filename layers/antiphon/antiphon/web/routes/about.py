"""GET /, /healthz, /openapi.json and /docs: no key is needed, and nothing is loaded from another origin."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.web import docs

router = APIRouter()


@router.get("/healthz")
async def health() -> Response:
    """Confirm that the process serves. No store is read: a throttled table must not take it out of service."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Return the committed OpenAPI document."""
    return await docs.answer(request, docs.document(), "application/json", docs.DOCUMENT_HEADERS)


@router.get("/")
@router.get("/docs")
async def page(request: Request) -> Response:
    """Return the page that shows the document and lets a reader try the API."""
    html = docs.page() if _has_docs(request) else docs.plain_page()
    return await docs.answer(request, html.encode(), "text/html; charset=utf-8", docs.PAGE_HEADERS)


@router.get("/docs/{name}")
async def page_file(request: Request, name: str) -> Response:
    """Return a file of the page."""
    content = docs.file(name) if _has_docs(request) else None
    if content is None:
        raise ApiError("route_not_found")
    return await docs.answer(request, content, docs.KINDS[name], docs.FILE_HEADERS)


def _has_docs(request: Request) -> bool:
    services: Services = request.app.state.services
    return services.settings.docs
