"""The WebSocket API on this machine: connections in, events to the function, and ``@connections`` for its answers.

The event of a message is made by the template's own request template. Limits are the gateway's (API Gateway Developer
Guide, "Amazon API Gateway quotas"): a larger message closes its connection with 1009.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from aiohttp import WSMsgType, web

from local.lambda_host.answer import InvocationAnswer

MAX_BYTES: Final = 128 * 1024
_VARIABLE: Final = re.compile(r"\$context\.([\w.]+)|\$util\.base64Encode\(\$input\.body\)")
_SIGNED: Final = "/execute-api/aws4_request"

Invoke = Callable[[Any], InvocationAnswer]
"""Hands an event to the function."""


class WebSocketFront:
    """The front door for WebSockets, and the endpoint that pushes to its connections; a context manager.

    Args:
        invoke: hands an event to the function.
        message: the request template of a message.
        stage: of the API; it is the whole path of a connection.

    Attributes:
        root: its URL, without the stage.
        pushes: the URL of ``@connections``, with the stage.
    """

    def __init__(self, invoke: Invoke, message: str, stage: str) -> None:
        self._invoke = invoke
        self._message = message
        self._stage = stage
        self._open: dict[str, web.WebSocketResponse] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)
        self.root = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.pushes = f"{self.root}/{stage}"

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=2 * MAX_BYTES)
        app.router.add_get(f"/{self._stage}", self._connect)
        app.router.add_post(f"/{self._stage}/@connections/{{name}}", self._push)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, self._listener).start()
        self._ready.set()
        await self._over.wait()
        for wire in list(self._open.values()):
            await wire.close()
        await runner.cleanup()

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        admitted = await asyncio.to_thread(self._admitted, dict(request.headers))
        if admitted is None:
            return _refusal(500, "Internal server error")
        if not admitted:
            return _refusal(403, "User is not authorized to access this resource")
        wire = web.WebSocketResponse(max_msg_size=MAX_BYTES)
        await wire.prepare(request)
        name = base64.b64encode(secrets.token_bytes(8)).decode()
        self._open[name] = wire
        try:
            await self._read(wire, {"connectionId": name, "authorizer.key": admitted})
        finally:
            del self._open[name]
        return wire

    def _admitted(self, headers: Mapping[str, str]) -> str | None:
        """Ask the authorizer; return what it remembers of the key, nothing if it denies, None if it fails."""
        event = {
            "type": "REQUEST",
            "methodArn": f"arn:aws:execute-api:eu-central-1:123456789012:local/{self._stage}/$connect",
            "headers": headers,
            "requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "stage": self._stage},
        }
        document = self._invoke(event).ended(None).document or {}
        statements = document.get("policyDocument", {}).get("Statement")
        if not statements:
            return None
        return str(document["context"]["key"]) if statements[0]["Effect"] == "Allow" else ""

    async def _read(self, wire: web.WebSocketResponse, values: Mapping[str, str]) -> None:
        async for message in wire:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                data: str | bytes = message.data
                await asyncio.to_thread(self._invoke, self._event(data, values))

    def _event(self, message: str | bytes, values: Mapping[str, str]) -> Any:
        encoded = base64.b64encode(message.encode() if isinstance(message, str) else message).decode()
        request = base64.b64encode(secrets.token_bytes(9)).decode()
        known = {**values, "domainName": "local", "stage": self._stage, "requestId": request}
        return json.loads(_VARIABLE.sub(lambda found: known[found[1]] if found[1] else encoded, self._message))

    async def _push(self, request: web.Request) -> web.Response:
        if _SIGNED not in request.headers.get("authorization", ""):
            return web.Response(status=403)
        body = await request.read()
        if len(body) > MAX_BYTES:
            return web.Response(status=413)
        wire = self._open.get(request.match_info["name"])
        if wire is None or wire.closed:
            return web.Response(status=410)
        try:
            await wire.send_str(body.decode())
        except ConnectionError:
            return web.Response(status=410)
        return web.Response()


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
