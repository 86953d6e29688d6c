"""The create function, whose process is killed once it has sent as many frames as ``DIE_AFTER`` says."""

from __future__ import annotations

import os
import signal
from typing import Any

from app import handler as whole

LIMIT = int(os.environ["DIE_AFTER"])


async def handler(scope: dict[str, Any], receive: Any, send: Any) -> None:
    sent = 0

    async def counting(message: dict[str, Any]) -> None:
        nonlocal sent
        await send(message)
        sent += message.get("body", b"").count(b"\n\n")
        if sent >= LIMIT:
            os.kill(os.getpid(), signal.SIGKILL)

    await whole(scope, receive, counting)
