"""The console as a layer around an application: it serves the page, and lets the page's requests manage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from socket import gethostname
from typing import Final
from urllib.parse import quote

import orjson
from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from antiphon import __version__
from antiphon.errors import ApiError
from antiphon.manage.operator import Operator
from antiphon.records import Actor
from antiphon.web.errors import error_response
from local.console.files import HEADERS, read_files
from local.console.gate import TOKEN, require_here, require_token

ROOT: Final = "/console"

_OPERATOR: Final = "antiphon.console_operator"
_ABSENT: Final = ApiError(
    "route_not_found",
    f"There is no such path. The console is at `{ROOT}/`: open the address that the terminal shows.",
    complete=True,
)


@dataclass(frozen=True, slots=True)
class ConsoleFacts:
    """What the page shows of the deployment, and suggests in its forms.

    Attributes:
        tenant: the tenant that is managed.
        place: where the records are: a stack, tables or a database.
        base_url: where the service answers, up to and with ``/v1``; empty if that is not known.
        user: whom the forms suggest; empty if nobody.
        providers: the names of the deployment's providers, as far as they are known.
    """

    tenant: str
    place: str
    base_url: str = ""
    user: str = ""
    providers: tuple[str, ...] = ()
    version: str = field(default=__version__)


class Console:
    """An ASGI layer with the page at ``/console/``.

    A request with the token is the operator's; ``operator_of`` returns it to the routes. The token alone opens
    nothing: see ``local.console.gate``.

    Args:
        app: the application.
        token: the console's token.
        facts: what the page shows of the deployment.
        account: the name of the operator's account on this machine, for the audit log.
        alone: every request must have the token. Without it, one that has none reaches the application as it is.
    """

    def __init__(self, app: ASGIApp, token: str, facts: ConsoleFacts, account: str, *, alone: bool) -> None:
        self._app = app
        self._token = token
        self._facts = facts
        self._account = account
        self._alone = alone
        self._files = read_files()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_page = scope["path"] == ROOT or scope["path"].startswith(f"{ROOT}/")
        if not (self._alone or is_page or TOKEN in headers):
            await self._app(scope, receive, send)
            return
        try:
            require_here(scope, headers)
            response = self._page(scope, headers)
            if response is None:
                require_token(headers, self._token)
        except ApiError as error:
            response = error_response(error)
        if response is not None:
            response.headers.update(HEADERS)
            await response(scope, receive, send)
            return
        await self._app({**scope, _OPERATOR: self._operator(scope)}, receive, send)

    def _page(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to a request for the page; None if the application answers."""
        path = scope["path"]
        if path == ROOT or (self._alone and path == "/"):
            return RedirectResponse(f"{ROOT}/")
        if not path.startswith(f"{ROOT}/"):
            return error_response(_ABSENT) if self._alone and not path.startswith("/v1/") else None
        if scope["method"] not in {"GET", "HEAD"}:
            return error_response(ApiError("method_not_allowed", headers={"allow": "GET, HEAD"}))
        if path == f"{ROOT}/facts":
            require_token(headers, self._token)
            return Response(orjson.dumps(asdict(self._facts)), media_type="application/json")
        return self._file(path.removeprefix(f"{ROOT}/"), headers)

    def _file(self, place: str, headers: Headers) -> Response:
        file = self._files.get(place)
        if file is None and _is_place(place) and "text/html" in headers.get("accept", ""):
            return RedirectResponse(f"{ROOT}/#/{quote(place)}")
        if file is None:
            return error_response(_ABSENT)
        return Response(file.content, headers={"content-type": file.media_type})

    def _operator(self, scope: Scope) -> Operator:
        client = scope.get("client")
        tenant, address = self._facts.tenant, client[0] if client else ""
        return Operator.of_store(Actor(tenant, self._account, "console", address=address, host=gethostname()))


def _is_place(path: str) -> bool:
    """Return whether a path can be one of the page's own places, such as ``agents/helper``, and no file."""
    return bool(path) and "." not in path.partition("/")[0]


async def operator_of(request: Request) -> Operator:
    """Return the operator of a request with the token, else the one behind its key."""
    operator: Operator | None = request.scope.get(_OPERATOR)
    if operator is not None:
        return operator
    behind: Operator = await request.app.state.authenticator.operator(request)
    return behind


def address_of(port: int, token: str) -> str:
    """Return the console's address. A fragment is in no request, so it is in no log either."""
    return f"http://127.0.0.1:{port}{ROOT}/#token={token}"


def parts(*apps: tuple[str, ASGIApp], rest: ASGIApp) -> ASGIApp:
    """Return an application that passes each request on by the beginning of its path."""
    by_path: Mapping[str, ASGIApp] = dict(apps)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        chosen = next((found for prefix, found in by_path.items() if path.startswith(prefix)), rest)
        await chosen(scope, receive, send)

    return app
