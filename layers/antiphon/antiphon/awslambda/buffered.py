"""The handler of a function that answers in one piece: mangum, and what the application needs of the invocation.

A binary body travels as base64, text as it is; mangum decides by the content type.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any, Final

from mangum import Mangum

from antiphon.awslambda.http import BASE_PATH, IGNORED, App, Event, Receive, Scope, Send, encodable, is_request, path_of

_UNREAD: Final = frozenset({"host", "x-forwarded-port"})
"""Headers that mangum fails on if they are malformed, and that nothing else reads."""


def buffered(app: App) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return a Lambda handler for an ASGI application. One event loop serves all invocations, so clients stay open.

    The scope gets ``antiphon.deadline``, ``antiphon.request_id`` and ``antiphon.trace`` as from ``http.scope_of``.
    """
    base_path = os.environ.get(BASE_PATH, "")

    async def informed(scope: Scope, receive: Receive, send: Send) -> None:
        context = scope["aws.context"]
        scope["path"] = path_of(scope["aws.event"], base_path)  # mangum decodes that of a REST API a second time
        scope["antiphon.deadline"] = time.time() + context.get_remaining_time_in_millis() / 1000
        scope["antiphon.request_id"] = context.aws_request_id
        scope["antiphon.trace"] = os.environ.get("_X_AMZN_TRACE_ID", "")  # the managed runtime sets it anew
        await app(scope, receive, send)

    asyncio.set_event_loop(asyncio.new_event_loop())
    mangum = Mangum(informed, lifespan="off")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return mangum(_readable(event), context) if is_request(event) else IGNORED

    return handler


def _readable(event: Event) -> Event:
    readable: Event = encodable(event)
    for field in ("headers", "multiValueHeaders"):
        if readable.get(field):
            readable[field] = {name: value for name, value in readable[field].items() if name.lower() not in _UNREAD}
    return readable
