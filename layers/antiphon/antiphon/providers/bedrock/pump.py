"""Carries the events of a blocking stream from a thread of its own into the event loop.

    open (blocks) -> event, event, ... (each blocks) -> end | error

It must not know what events mean. Whoever leaves closes the pump: the thread's wait ends at once, and with it the
connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Stream(Protocol):
    """A blocking stream of events."""

    def events(self) -> Iterable[dict[str, Any]]:
        """Give the events, as they come."""

    def abort(self) -> None:
        """End a wait for the next event, from another thread, and close the connection."""


class Pump:
    """One stream in its thread.

    Args:
        open_stream: opens the stream; may block.
    """

    def __init__(self, open_stream: Callable[[], Stream]) -> None:
        self._open = open_stream
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[dict[str, Any] | BaseException | None] = asyncio.Queue()
        self._lock = threading.Lock()
        self._stream: Stream | None = None
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

    def close(self) -> None:
        """End the stream, if it has not ended."""
        with self._lock:
            self._closed = True
            stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort()

    def _run(self) -> None:
        try:
            stream = self._open()
            if self._attached(stream):
                for event in stream.events():
                    self._give(event)
            self._give(None)
        except Exception as error:  # noqa: BLE001 - it is raised again where it is awaited
            self._give(error)
        finally:
            with self._lock:
                self._stream = None

    def _attached(self, stream: Stream) -> bool:
        """Let ``close`` reach the stream; whether somebody still wants it."""
        with self._lock:
            if not self._closed:
                self._stream = stream
                return True
        stream.abort()
        return False

    def _give(self, event: dict[str, Any] | BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has ended
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)
