"""The FastAPI app: the routes of one function, or of all, with our own errors and no redirects."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from antiphon import __version__
from antiphon.errors import AntiphonError, ApiError
from antiphon.ports import Services
from antiphon.web.auth import Authenticator, FindOperator
from antiphon.web.cors import ANY
from antiphon.web.edge import Edge
from antiphon.web.errors import handle, unrouted
from antiphon.web.table import ADMIN, allowed_methods, is_managing

log: Final = logging.getLogger("antiphon.web")


async def _known(request: Request) -> None:
    """Refuse a method that a path does not take, though a route with an id in the same place would take it.

    ``request.url`` is not used, since it cannot be read if the header ``host`` is malformed.
    """
    if request.method not in allowed_methods(request.scope["path"]):
        raise unrouted(request.scope["path"])


async def _absent() -> None:
    """Refuse a request to manage, as an unknown path, if the app serves no management."""
    message = "Management is not served here. See `docs/admin.md` for where it is."
    raise ApiError("route_not_found", message, complete=True)


def build_app(
    services: Services,
    routers: Iterable[APIRouter],
    aclose: Callable[[], Awaitable[None]] | None = None,
    within: Iterable[Middleware] = (),
    beside: Callable[[], Coroutine[None, None, None]] | None = None,
    operators: FindOperator | None = None,
) -> FastAPI:
    """Put an app together.

    Args:
        services: the adapters.
        routers: the routes to serve; every other known path answers as unknown, every known one with its methods.
        aclose: awaited at an orderly end, which Lambda does not announce.
        beside: runs beside the app until its orderly end.
        operators: finds who sends a request to manage; by default the operator behind its key.
        within: layers between the edge and the routes. What they answer is named, logged and open to browsers, too.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None, None]:
        task = None if beside is None else asyncio.create_task(beside())
        yield
        if task is not None:
            task.cancel()
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
    authenticator = app.state.authenticator = Authenticator(services)
    app.state.operators = operators or authenticator.operator
    for router in routers:
        app.include_router(router)
    if not any(is_managing(route.path) for route in app.routes if isinstance(route, APIRoute)):
        app.add_api_route(f"{ADMIN}/{{path:path}}", _absent, methods=["GET", "POST", "PUT", "DELETE"])
    origins = services.settings.allowed_origins
    if ANY in origins:
        log.warning("ANTIPHON_ALLOWED_ORIGINS is *: any web page can call this service with a key that it holds")
    app.user_middleware = [Middleware(Edge, origins), *within]
    return app
