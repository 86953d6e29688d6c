"""The local server: one process, one port. On Ctrl-C every open stream still gets its terminal event."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from antiphon.run.shutdown import settle
from antiphon.settings import Settings
from antiphon.web.websocket.connection import close_all
from local.limits import ConnectionLimits, bounded

GRACE_SECONDS = 2.0
"""How long running responses may go on after Ctrl-C. Those that are left are ended and stored as failed."""

PING_SECONDS: Final = 20.0
PONG_SECONDS: Final = 120.0
"""A WebSocket whose client does not answer a ping for so long is closed. One that reads slowly answers late."""

MAX_MESSAGE_BYTES: Final[int] = Settings.model_fields["max_body_bytes"].default


class PortInUseError(Exception):
    """Another process listens on the port."""


def listen(host: str, port: int) -> socket.socket:
    """Bind the port, before anything else is done.

    Raises:
        PortInUseError: another process has it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only for a socket that names its protocol; with it a first delta waits 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortInUseError from error
    return listener


class Server(uvicorn.Server):
    """Serve until a signal to stop, then send every open stream its terminal event.

    Args:
        app: the application.
        ready: called when it is served.
        limits: what one connection may use.
        max_message_bytes: the largest message of a WebSocket; a larger one closes the connection with 1009.
    """

    def __init__(
        self,
        app: ASGIApp,
        ready: Callable[[], None],
        *,
        limits: ConnectionLimits | None = None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=bounded(limits or ConnectionLimits()),
                ws="auto",
                ws_max_size=max_message_bytes,
                ws_ping_interval=PING_SECONDS,
                ws_ping_timeout=PONG_SECONDS,
                ws_per_message_deflate=False,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=5,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, then call ``ready``."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no new connection, end the running responses, then close."""
        for server in self.servers:
            server.close()
        closing = asyncio.create_task(close_all(2 * GRACE_SECONDS + 1))
        await settle(GRACE_SECONDS)
        await closing
        await super().shutdown(sockets)


def serve(app: ASGIApp, listener: socket.socket, ready: Callable[[], None], max_message_bytes: int) -> None:
    """Serve an app until Ctrl-C or SIGTERM."""
    try:
        Server(app, ready, max_message_bytes=max_message_bytes).run([listener])
    except KeyboardInterrupt:
        return
