"""The floor of an answer in one piece, as a process: FastAPI routes that do nothing beside what they answer.

The POST collects the upstream's stream with aiohttp. There is no authentication, validation, store, agent or grammar.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson
from fastapi import FastAPI, Request

MODELS: Final = {"object": "list", "data": [{"id": "demo", "object": "model", "created": 0, "owned_by": "bench"}] * 5}


def response(text: str) -> dict[str, Any]:
    """Return a response with the fields that clients read."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return {"id": "resp_1", "object": "response", "status": "completed", "output": [item]}


def build(upstream: str) -> FastAPI:
    """Build the application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            app.state.session = session
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/responses")
    async def create(request: Request) -> dict[str, Any]:
        asked = orjson.loads(await request.body())
        body = {"model": asked["model"], "messages": [{"role": "user", "content": asked["input"]}], "stream": True}
        async with app.state.session.post(upstream, json=body) as answer:
            frames = (await answer.read()).split(b"\n\n")
        chunks = [orjson.loads(frame[6:]) for frame in frames if frame.startswith(b"data: {")]
        return response(
            "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])
        )

    @app.get("/v1/responses/{response_id}")
    async def retrieve(response_id: str) -> dict[str, Any]:
        return {**response("the model answers in small pieces of text, " * 6), "id": response_id}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return MODELS

    return app


def main() -> None:
    """Serve until the process is ended."""
    from local.server import MAX_MESSAGE_BYTES, listen, serve

    listener = listen("127.0.0.1", 0)
    ready = json.dumps({"port": listener.getsockname()[1]})
    serve(build(sys.argv[1]), listener, lambda: print(ready, flush=True), MAX_MESSAGE_BYTES)


if __name__ == "__main__":
    main()
