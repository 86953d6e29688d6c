"""Runs the cases of one client and prints what each gave, as one JSON object. It runs in the clients' environment."""

from __future__ import annotations

import asyncio
import json
import os
import traceback
from collections.abc import Awaitable, Callable

from pydantic import BaseModel

BASE_URL = os.environ["BASE_URL"]
API_KEY = os.environ["API_KEY"]
API = os.environ["API"]
"""The API to use, for a client that has several: ``responses``, ``websocket`` or ``chat``."""

AGENT = "agent"
ACTING = "acting"
"""An agent with a tool that runs on the server."""
POPULATION = "2.1 million people"
"""What that tool returns."""
BOTH = "both"
"""An agent with that tool, whose model calls what a message names, the client's functions, too, at once."""
FOR_BOTH = "Use get_weather and register__get_population for Paris."
WEATHER = "17 degrees and sunny"
"""What the client's function returns."""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, in base64."""


class Person(BaseModel):
    """The form that structured output has here."""

    name: str
    age: int


def get_weather(city: str) -> str:
    """Return the weather in a city."""
    return f"{WEATHER} in {city}"


def run(*cases: Callable[[], Awaitable[None]]) -> None:
    """Run every case, whatever the others gave; a case passes by not raising."""

    async def outcome(case: Callable[[], Awaitable[None]]) -> str:
        try:
            await case()
        except Exception:  # noqa: BLE001 - the report holds it
            return traceback.format_exc()
        return "passed"

    async def every() -> dict[str, str]:
        return {case.__name__: await outcome(case) for case in cases}

    print(json.dumps(asyncio.run(every())))  # noqa: T201 - the report
