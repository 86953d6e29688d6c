"""The events of an API Gateway WebSocket API: who may connect, and each message.

The authorizer's event and answer are the gateway's (API Gateway Developer Guide, "Lambda REQUEST authorizer function").
The event of a message is what the template's request template makes of it. It is invoked asynchronously, because the
gateway waits 29 seconds at most for an answer.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from antiphon.awslambda.http import IGNORED, App, Event, Receive, Scope, Send
from antiphon.awslambda.watch import emit_message, send_spans

NOT_ADMITTED: Final = "Deny"
ADMITTED: Final = "Allow"


class Messages(Protocol):
    """What answers the events of a WebSocket API."""

    async def admit(self, authorization: str) -> str | None:
        """Return the digest of a key that may open a connection; None if it may not."""

    async def deliver(self, context: dict[str, str], body: bytes, until: float) -> None:
        """Answer a message; ``context`` has the fields of the template."""


class WithMessages:
    """An ASGI application that also takes the events of a WebSocket API.

    Args:
        app: the application.
        messages: makes what answers those events, when the first one comes.
        service: the function's name in metrics.
    """

    def __init__(self, app: App, messages: Callable[[], Messages], service: str) -> None:
        self._app = app
        self._service = service
        self._make = messages
        self._messages: Messages | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        await self._app(scope, receive, send)

    async def event(self, event: object, until: float) -> Event:
        """Answer an event that is no HTTP request.

        Args:
            event: as Lambda gave it.
            until: when the invocation ends, in seconds since the epoch.
        """
        match event:
            case {"type": "REQUEST", "methodArn": str(arn), "headers": dict(headers)} if _connects(event):
                return await self._authorize(headers, arn)
            case {"websocket": {"connection": str()} as context, "body": str(body)}:
                await self._deliver(context, base64.b64decode(body), until)
                return {}
        return IGNORED

    async def _deliver(self, context: dict[str, str], body: bytes, until: float) -> None:
        try:
            await self._known().deliver(context, body, until)
        finally:
            emit_message(self._service, context["request"])
            await send_spans()

    async def _authorize(self, headers: dict[str, str], arn: str) -> Event:
        named = {name.lower(): value for name, value in headers.items()}
        digest = await self._known().admit(named.get("authorization", ""))
        statement = {
            "Action": "execute-api:Invoke",
            "Effect": NOT_ADMITTED if digest is None else ADMITTED,
            "Resource": arn,
        }
        return {
            "principalId": "key",
            "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"key": digest or ""},
        }

    def _known(self) -> Messages:
        self._messages = self._messages or self._make()
        return self._messages


def _connects(event: object) -> bool:
    match event:
        case {"requestContext": {"routeKey": "$connect"}}:
            return True
    return False


Answering = Callable[[object, float], Awaitable[Event]]


def answering(app: App) -> Answering:
    """Return what answers the events that are no HTTP requests."""
    if isinstance(app, WithMessages):
        return app.event

    async def ignore(_event: object, _until: float) -> Event:
        return IGNORED

    return ignore
