"""Calls operations of HTTP APIs."""

from __future__ import annotations

import contextlib
from base64 import b64encode
from http import HTTPStatus
from typing import Final

from antiphon.fetch.egress import EgressError, ToolReply
from antiphon.ports import ToolCall, ToolFailure, ToolResult
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.failures import failed
from antiphon.server_tools.http.request import request_of
from antiphon.server_tools.http.styles import UnwritableValue
from antiphon.server_tools.references import NoCredentials
from antiphon.settings import Settings

IMAGES: Final = {"image/png", "image/jpeg", "image/gif", "image/webp"}
"""The images that models read."""

_TEXTS: Final = ("json", "xml", "yaml", "csv", "javascript", "x-www-form-urlencoded")
_DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)


class HttpRunner:
    """A ``ToolRunner`` for HTTP APIs.

    Args:
        client: sends the requests.
    """

    def __init__(self, client: ToolClient) -> None:
        self._client = client

    async def call(self, call: ToolCall) -> ToolResult:
        """Call an operation; see ``ToolRunner.call``."""
        try:
            request = request_of(call.tool.how, call.arguments, call.token)
        except UnwritableValue as error:
            return ToolResult(failure=ToolFailure("refused", str(error)))
        try:
            async with self._client.send(call.server.auth, request, deadline=call.deadline) as reply:
                result = await _read(reply)
        except (EgressError, NoCredentials) as error:
            return failed(error)
        shown = self._client.without_secrets(call.server.auth, result.output)
        return ToolResult(shown, result.failure, result.images)

    async def aclose(self) -> None:
        """Close connections that are kept open."""
        await self._client.aclose()


def build(settings: Settings) -> HttpRunner:
    """Return a runner for a deployment."""
    return HttpRunner(ToolClient(settings))


async def _read(reply: ToolReply) -> ToolResult:
    kind, status = reply.media_type, reply.status
    body = await reply.read()
    if status >= HTTPStatus.BAD_REQUEST:
        said = "" if kind == "text/html" else _text(reply, body)  # a page of a gateway is for people
        message = f"The server answered with status {status}."
        if status in _DENIED:
            message = "The server refused our credentials."
        return ToolResult(said, ToolFailure("http", message, status))
    if not body:
        return ToolResult(f"Status {status}, without content.")
    if kind in IMAGES:
        return ToolResult(f"[{kind}]", images=(f"data:{kind};base64,{b64encode(body).decode()}",))
    return ToolResult(_text(reply, body))


def _text(reply: ToolReply, body: bytes) -> str:
    """Return a body as text; of one that is none a note of what it was."""
    kind = reply.media_type
    is_text = not kind or kind.startswith("text/") or any(name in kind for name in _TEXTS)
    _, _, charset = reply.headers.get("content-type", "").lower().partition("charset=")
    for name in (charset.strip("\"' ;") or "utf-8", "utf-8"):
        with contextlib.suppress(LookupError, UnicodeDecodeError):
            return body.decode(name, "replace" if is_text else "strict")
    return f"[{kind or 'content'} of {len(body)} bytes, left out]"
