"""A relay on a real socket that cuts a connection once, in the middle of an answer."""

from __future__ import annotations

import asyncio
import threading
from typing import Self
from urllib.parse import urlsplit


class Cutting:
    """A context manager.

    Args:
        root: the server behind it, without a path.
        after: the first connection whose answer has these bytes is cut right after them.
        times: how many connections are cut so.

    Attributes:
        base_url: its own address, with ``/v1``; set once entered.
        requests: the first line of each request.
    """

    def __init__(self, root: str, after: bytes, times: int = 1) -> None:
        self._behind = urlsplit(root)
        self._after, self._times = after, times
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)
        self.base_url = ""
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, behind = await asyncio.open_connection(self._behind.hostname, self._behind.port)
        sending = asyncio.ensure_future(self._forward(reader, behind))
        try:
            passed = b""
            while data := await there.read(65_536):
                passed += data
                end = passed.find(self._after)
                if self._times and end >= 0:
                    self._times -= 1
                    writer.write(data[: len(data) - (len(passed) - end - len(self._after))])
                    await writer.drain()
                    break
                writer.write(data)
                await writer.drain()
        finally:
            sending.cancel()
            writer.close()
            behind.close()

    async def _forward(self, reader: asyncio.StreamReader, behind: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if data[:5] in {b"POST ", b"GET /"}:
                self.requests.append(data.split(b"\r\n", 1)[0].decode())
            behind.write(data)
            await behind.drain()
