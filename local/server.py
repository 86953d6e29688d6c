"""The local server: one process, one port. On Ctrl-C every open stream still gets its terminal event."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from antiphon.run.execution import settle
from local.limits import Limits, bounded

GRACE_SECONDS = 2.0
"""How long running responses may go on after Ctrl-C. Those that are left are ended and stored as failed."""


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
    """

    def __init__(self, app: ASGIApp, ready: Callable[[], None], *, limits: Limits | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=bounded(limits or Limits()),
                ws="none",
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
        await settle(GRACE_SECONDS)
        await super().shutdown(sockets)


def serve(app: ASGIApp, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve an app until Ctrl-C or SIGTERM."""
    try:
        Server(app, ready).run([listener])
    except KeyboardInterrupt:
        return
