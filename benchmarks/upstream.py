"""A model endpoint, as a process: writes Chat Completions streams that were rendered before anybody asked.

It is no part of what is measured, so it does the least: no HTTP library, no JSON, one write for many frames in a burst.
Like a real endpoint it sends each frame as one HTTP chunk.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from typing import Any, Final

from benchmarks.load import LOADS, Load

FRAMES_PER_WRITE: Final = 50
HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WORDS: Final = (" the", " model", " answers", " in", " small", " pieces", " of", " text,")

_LENGTH: Final = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_MODEL: Final = re.compile(rb'"model": ?"(\w+)"')


def frames(load: Load) -> list[bytes]:
    """Render the frames of one stream: the role, the text deltas, then why it ended, the usage and the end mark."""
    words = itertools.islice(itertools.cycle(WORDS), load.deltas)
    usage = {"prompt_tokens": 10, "completion_tokens": load.deltas, "total_tokens": 10 + load.deltas}
    return [
        _frame([_choice({"role": "assistant", "content": "", "refusal": None})]),
        *(_frame([_choice({"content": word})]) for word in words),
        _frame([_choice({}, "stop")]),
        _frame([], usage=usage) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n",
    ]


def _choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _frame(choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "bench",
        "choices": choices,
        "usage": usage,
    }
    return _chunk(b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


FRAMES: Final = {name: frames(load) for name, load in LOADS.items()}
WRITES: Final = {
    name: [b"".join(all_frames[at : at + FRAMES_PER_WRITE]) for at in range(0, len(all_frames), FRAMES_PER_WRITE)]
    for name, all_frames in FRAMES.items()
}


class Connection(asyncio.Protocol):
    """One connection: requests one after the other."""

    _transport: asyncio.Transport
    _count: Final = itertools.count()

    def __init__(self) -> None:
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back (asyncio)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole (asyncio)."""
        self._unread += data
        head, end, body = self._unread.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return
        self._unread = b""
        model = _MODEL.search(body)
        load = LOADS[model[1].decode()] if model else LOADS["short"]
        self._transport.write(HEAD)
        if load.pause:
            loop = asyncio.get_running_loop()
            phase = next(self._count) % load.streams / load.streams
            self._pace(iter(FRAMES[load.model]), load.pause, loop.time() + phase * load.pause)
        else:
            self._burst(iter(WRITES[load.model]))

    def _burst(self, writes: Any) -> None:
        write = next(writes, None)
        if write is not None and not self._transport.is_closing():
            self._transport.write(write)
            asyncio.get_running_loop().call_soon(self._burst, writes)

    def _pace(self, rest: Any, pause: float, at: float) -> None:
        frame = next(rest, None)
        if frame is not None and not self._transport.is_closing():
            self._transport.write(frame)
            asyncio.get_running_loop().call_at(at + pause, self._pace, rest, pause, at + pause)


async def main() -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
