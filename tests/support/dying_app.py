"""The create function, whose process is killed once it has sent ``DIE_AFTER`` frames.

A write of several frames is cut behind the last of them.
"""

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
        *frames, _ = message.get("body", b"").split(b"\n\n")
        if sent + len(frames) < LIMIT:
            sent += len(frames)
            await send(message)
        else:
            await send(message | {"body": b"".join(frame + b"\n\n" for frame in frames[: LIMIT - sent])})
            os.kill(os.getpid(), signal.SIGKILL)

    await whole(scope, receive, counting)
