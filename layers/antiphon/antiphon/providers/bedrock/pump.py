"""Carries the events of a blocking stream from a thread of its own into the event loop.

    open (blocks) -> event, event, ... (each blocks) -> end | error

It must not know what events mean. Whoever leaves closes the pump: the socket that its thread waits on is shut down,
whether the answer has begun or not, so the thread ends at once. Only while a connection is being made it cannot be
interrupted; then it ends as soon as that is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from http.client import HTTPConnection as Connection
else:
    Connection = object

_lock: Final = threading.Lock()
_here: Final = threading.local()
"""``pump``: the one that this thread works for."""


class Held(Connection):
    """What a class of connections needs beside its own, so that a pump can end a wait on them."""

    user: Pump | None = None

    def connect(self) -> None:
        """Connect, and let the pump of this thread know."""
        super().connect()
        self._hold()

    def request(self, *args: Any, **more: Any) -> None:
        """Send a request, and let the pump of this thread know before."""
        if self.sock is not None:
            self._hold()
        super().request(*args, **more)

    def _hold(self) -> None:
        pump: Pump | None = getattr(_here, "pump", None)
        if pump is not None:
            pump.hold(self)


class Pump:
    """One stream in its thread.

    Args:
        open_stream: opens the stream, over a ``Held`` connection; may block.
    """

    def __init__(self, open_stream: Callable[[], Iterable[dict[str, Any]]]) -> None:
        self._open = open_stream
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[dict[str, Any] | BaseException | None] = asyncio.Queue()
        self._held: tuple[Held, socket.socket] | None = None
        self._closed = False
        threading.Thread(target=self._run, name="bedrock", daemon=True).start()

    async def next(self, deadline: float) -> dict[str, Any] | None:
        """Give the next event; None at the end.

        Args:
            deadline: until when to wait, in the event loop's time (seconds).

        Raises:
            TimeoutError: nothing came until then.
            Exception: whatever the stream raised.
        """
        if self._queue.empty():
            async with asyncio.timeout_at(deadline):
                event = await self._queue.get()
        else:
            event = self._queue.get_nowait()
        if isinstance(event, BaseException):
            raise event
        return event

    def hold(self, connection: Held) -> None:
        """Note on which connection the thread is going to wait.

        Raises:
            ConnectionAbortedError: nobody wants the stream any more.
        """
        with _lock:
            if self._closed:
                raise ConnectionAbortedError
            connection.user = self
            self._held = connection, connection.sock

    def close(self) -> None:
        """End the stream, if it has not ended. A connection that has gone to another since is left alone."""
        with _lock:
            self._closed = True
            held, self._held = self._held, None
            if held is not None and held[0].user is self:
                with contextlib.suppress(OSError):  # it has ended by itself
                    held[1].shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        _here.pump = self
        last: BaseException | None = None
        try:
            for event in self._open():
                self._give(event)
        except Exception as error:  # noqa: BLE001 - it is raised again where it is awaited
            last = error
        with _lock:
            self._held = None
        self._give(last)

    def _give(self, event: dict[str, Any] | BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has ended
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)
