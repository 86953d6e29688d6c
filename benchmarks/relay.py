"""The floor, as a process: the least that an aiohttp server and client can do to turn the one stream into the other.

No authentication, no validation, no store, no agent, no grammar: one text delta event for one chunk, each in one write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator

import aiohttp
import orjson
from aiohttp import web

UPSTREAM = web.AppKey("upstream", str)
SESSION = web.AppKey("session", aiohttp.ClientSession)


async def relay(request: web.Request) -> web.StreamResponse:
    """Answer POST /v1/responses."""
    asked = orjson.loads(await request.read())
    body = {"model": asked["model"], "messages": [{"role": "user", "content": asked["input"]}], "stream": True}
    answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
    async with request.app[SESSION].post(request.app[UPSTREAM], json=body) as upstream:
        await answer.prepare(request)
        number, rest = 0, b""
        while data := await upstream.content.readany():
            *frames, rest = (rest + data).split(b"\n\n")
            for frame in frames:
                if text := _text(frame):
                    await answer.write(_event(number, text))
                    number += 1
    await answer.write(b"data: [DONE]\n\n")
    await answer.write_eof()
    return answer


def _text(frame: bytes) -> str | None:
    if frame == b"data: [DONE]":
        return None
    choices = orjson.loads(frame[6:])["choices"]
    text: str | None = choices[0]["delta"].get("content") if choices else None
    return text


def _event(number: int, text: str) -> bytes:
    event = {
        "type": "response.output_text.delta",
        "sequence_number": number,
        "item_id": "msg_0123456789012345678901234567890o000",
        "output_index": 0,
        "content_index": 0,
        "delta": text,
        "logprobs": [],
    }
    return b"event: response.output_text.delta\ndata: %b\n\n" % orjson.dumps(event)


async def _session(app: web.Application) -> AsyncGenerator[None, None]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        app[SESSION] = session
        yield


async def app(upstream: str) -> web.Application:
    """Build the relay."""
    application = web.Application()
    application[UPSTREAM] = upstream
    application.cleanup_ctx.append(_session)
    application.router.add_post("/v1/responses", relay)
    return application


def main() -> None:
    """Serve until the process is ended."""
    from local.server import listen

    listener = listen("127.0.0.1", 0)
    port = json.dumps({"port": listener.getsockname()[1]})
    web.run_app(app(sys.argv[1]), sock=listener, print=lambda _: print(port, flush=True))


if __name__ == "__main__":
    main()
