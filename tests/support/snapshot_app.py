"""An ASGI application with SnapStart hooks, which fail if the environment sets that. It returns what ran, in order."""

from __future__ import annotations

import json
import os
import random
from typing import Any

from antiphon.awslambda import snapshot

RAN: list[str] = []
random.seed(1)


def prepare() -> None:
    RAN.append("prepare")
    if os.environ.get("FAIL") == "prepare":
        raise ValueError("sk-canary")


def renew() -> None:
    RAN.append("renew")
    if os.environ.get("FAIL") == "renew":
        raise ValueError("sk-canary")


snapshot.register(prepare, renew)


async def handler(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps({"ran": RAN, "drawn": random.random()}).encode()})
