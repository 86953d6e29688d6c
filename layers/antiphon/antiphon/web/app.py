"""The FastAPI app: the routes of one function, or of all, with our own errors and no redirects."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.exceptions import HTTPException

from antiphon import __version__
from antiphon.errors import AntiphonError
from antiphon.ports import Services
from antiphon.web.auth import Authenticator
from antiphon.web.edge import Edge
from antiphon.web.errors import handle, unrouted
from antiphon.web.table import allowed_methods


async def _known(request: Request) -> None:
    """Refuse a method that a path does not take, though a route with an id in the same place would take it."""
    if request.method not in allowed_methods(request.url.path):
        raise unrouted(request.url.path)


def build_app(
    services: Services, routers: Iterable[APIRouter], aclose: Callable[[], Awaitable[None]] | None = None
) -> FastAPI:
    """Put an app together.

    Args:
        services: the adapters.
        routers: the routes to serve; every other known path answers as unknown, every known one with its methods.
        aclose: awaited at an orderly end, where the host tells of one (Lambda does not).
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None, None]:
        yield
        if aclose is not None:
            await aclose()

    app = FastAPI(
        title="Antiphon",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(_known)],
        lifespan=lifespan,
        exception_handlers={AntiphonError: handle, HTTPException: handle},
    )
    app.state.services = services
    app.state.authenticator = Authenticator(services)
    for router in routers:
        app.include_router(router)
    app.add_middleware(Edge)
    return app
