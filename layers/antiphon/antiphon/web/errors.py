"""Errors as HTTP responses, all in one envelope.

{"error": {"message", "type", "code", "param"}}      (Open Responses, "Errors")
"""

from __future__ import annotations

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from antiphon import measures
from antiphon.errors import CODES, ApiError, StorageUnavailable
from antiphon.web.table import allowed_methods, hint


def error_response(error: ApiError) -> Response:
    """Return an error as a response, with its retry headers; OpenAI's SDKs obey ``x-should-retry``."""
    measures.current().code = error.code
    headers = retry_headers(error)
    if error.status == 401:  # noqa: PLR2004 - RFC 9110, 11.6.1: a 401 names its scheme
        headers["www-authenticate"] = "Bearer"
    return Response(orjson.dumps({"error": error_fields(error)}), error.status, headers, "application/json")


def error_fields(error: ApiError) -> dict[str, str | None]:
    """Return the fields of the envelope."""
    return {"message": error.message, "type": error.type, "code": error.code, "param": error.param}


def retry_headers(error: ApiError) -> dict[str, str]:
    """Return an error's own headers, and whether and when the same request may succeed."""
    headers = {**error.headers, "x-should-retry": "false" if error.retry_after is None else "true"}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    return headers


def as_api_error(error: Exception, path: str) -> ApiError:
    """Return the public error for whatever was raised while a request was served."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, StorageUnavailable):
        return ApiError("storage_unavailable")
    if isinstance(error, HTTPException) and error.status_code in {404, 405}:
        return unrouted(path)
    return ApiError("internal_error")


def unrouted(path: str) -> ApiError:
    """Return the error for a path or method that no route takes: 404 or 405, the same in every function."""
    methods = allowed_methods(path)
    if not methods:
        meant = hint(path)
        message = f"{CODES['route_not_found'].meaning} {meant}" if meant else None
        return ApiError("route_not_found", message, complete=True)
    return ApiError("method_not_allowed", headers={"allow": ", ".join(methods)})


async def handle(request: Request, error: Exception) -> Response:
    """Return the response for an exception that the app caught.

    A request for a WebSocket gets 426; Codex then continues over HTTP. RFC 9110, 15.5.22 requires the header
    ``upgrade``, which names the protocol to use.
    """
    asked = request.headers.get("upgrade", "").lower()
    if isinstance(error, HTTPException) and asked == "websocket" and request.scope["path"] == "/v1/responses":
        return no_websocket(request.scope["path"])
    return error_response(as_api_error(error, request.scope["path"]))


def no_websocket(path: str) -> Response:
    """Return the answer to a request for a WebSocket if there is none: 426, or 404 for an unknown path."""
    if not allowed_methods(path):
        return error_response(unrouted(path))
    return error_response(ApiError("upgrade_required", headers={"upgrade": "HTTP/1.1"}))
