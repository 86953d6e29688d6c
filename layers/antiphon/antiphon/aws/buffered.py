"""The handler of a function that answers in one piece: mangum, and what the application must know of the invocation.

It must not know the application. A binary body travels as base64, text as it is, which mangum sees to by content type.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from mangum import Mangum

from antiphon.aws.http import App, Receive, Scope, Send


def buffered(app: App) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Make a Lambda handler of an ASGI application. One event loop serves all invocations, so clients stay open.

    The scope gets ``antiphon.deadline``, ``antiphon.request_id`` and ``antiphon.trace`` just as ``http.scope_of`` gives
    them.
    """

    async def informed(scope: Scope, receive: Receive, send: Send) -> None:
        context = scope["aws.context"]
        scope["antiphon.deadline"] = time.time() + context.get_remaining_time_in_millis() / 1000
        scope["antiphon.request_id"] = context.aws_request_id
        scope["antiphon.trace"] = os.environ.get("_X_AMZN_TRACE_ID", "")  # the managed runtime sets it anew
        await app(scope, receive, send)

    asyncio.set_event_loop(asyncio.new_event_loop())
    return Mangum(informed, lifespan="off")
