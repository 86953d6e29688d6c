"""Errors as HTTP: the one place where what went wrong becomes a body, and the one envelope that every body has.

{"error": {"message", "type", "code", "param"}}      (Open Responses, "Errors")
"""

from __future__ import annotations

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from antiphon import measures
from antiphon.errors import ApiError, StorageUnavailable
from antiphon.web.table import allowed_methods


def error_response(error: ApiError) -> Response:
    """Write an error as a response, with its hints for a retry; OpenAI's SDKs obey ``x-should-retry``."""
    measures.current().code = error.code
    headers = dict(error.headers)
    if error.status == 401:  # noqa: PLR2004 - RFC 9110, 11.6.1: a 401 names its scheme
        headers["www-authenticate"] = "Bearer"
    headers["x-should-retry"] = "false" if error.retry_after is None else "true"
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    body = {"message": error.message, "type": error.type, "code": error.code, "param": error.param}
    return Response(orjson.dumps({"error": body}), error.status, headers, "application/json")


def as_api_error(error: Exception, path: str) -> ApiError:
    """Translate whatever was raised on the way of a request."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, StorageUnavailable):
        return ApiError("storage_unavailable")
    if isinstance(error, HTTPException) and error.status_code in {404, 405}:
        return unrouted(path)
    return ApiError("internal_error")


def unrouted(path: str) -> ApiError:
    """Say what is wrong with a path or method that no route takes, the same in every function."""
    methods = allowed_methods(path)
    if not methods:
        return ApiError("route_not_found")
    return ApiError("method_not_allowed", headers={"allow": ", ".join(methods)})


async def handle(request: Request, error: Exception) -> Response:
    """Answer for an exception handler of the app.

    Who asks for a WebSocket learns that there is none by 426: Codex, for one, then goes on over HTTP. RFC 9110, 15.5.22
    wants the protocol to be named that is spoken instead.
    """
    asked = request.headers.get("upgrade", "").lower()
    if isinstance(error, HTTPException) and asked == "websocket" and request.url.path == "/v1/responses":
        return error_response(ApiError("upgrade_required", headers={"upgrade": "HTTP/1.1"}))
    return error_response(as_api_error(error, request.url.path))
