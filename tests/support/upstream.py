"""A scripted model endpoint for Chat Completions, byte for byte, over a real socket.

    with Upstream([Script.stream(text("Hel"), text("lo"), finish("stop"), usage(3, 2))]) as upstream:
        provider = OpenAIChat(upstream.base_url, "key")
        ...
        assert upstream.requests[0].body["model"] == "m"

It answers the n-th request with the n-th script, and every further one with the last. A script is a status, headers and
steps: ``bytes`` are written as they are, a ``Gate`` holds the answer until the test opens it (or the client leaves),
and ``CUT`` closes the connection without the end of the body. Nothing here waits for time to pass. It runs in a
thread of its own, so it serves an event loop in the test, a subprocess or a blocking client alike.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

CUT = object()
"""A step: close the connection without the end of the body."""

DONE = b"data: [DONE]\n\n"


class Gate:
    """A step that holds the answer. ``reached`` is set when an answer came here; ``open()`` lets it go on, for ever."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def open(self) -> None:
        self._opened.set()
        for loop, waiter in self._waiters:
            loop.call_soon_threadsafe(waiter.set)

    async def wait(self) -> None:
        waiter = asyncio.Event()
        self._waiters.append((asyncio.get_running_loop(), waiter))
        self.reached.set()
        if not self._opened.is_set():
            await waiter.wait()


@dataclass(frozen=True)
class Request:
    """What a client sent: header names in lower case, the body parsed."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Script:
    """One answer. ``raw``: the steps are everything that is written, status line and headers included."""

    steps: Sequence[bytes | Gate | object] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    raw: bool = False

    @classmethod
    def stream(cls, *chunks: dict[str, Any] | bytes | Gate | object, done: bool = True) -> Script:
        """Stream chunks (dicts become SSE frames, one write each), then ``[DONE]``."""
        steps = [frame(chunk) if isinstance(chunk, dict) else chunk for chunk in chunks]
        return cls([*steps, DONE] if done else steps)

    @classmethod
    def cut_after(cls, count: int, *chunks: dict[str, Any]) -> Script:
        """Stream the first ``count`` bytes of the chunks, then cut the connection."""
        return cls([b"".join(map(frame, chunks))[:count], CUT])

    @classmethod
    def error(cls, status: int, body: bytes = b"{}", **headers: str) -> Script:
        """Answer with an error status; header names take ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls([body], status, {"content-type": "application/json", **named})


def frame(chunk: dict[str, Any]) -> bytes:
    """Write one chunk as an SSE frame."""
    return b"data: " + json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    """Make a chunk of one choice; ``more`` goes into the choice."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, **more}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def text(content: str) -> dict[str, Any]:
    """Make a chunk with a piece of text."""
    return chunk({"content": content})


def tool_call(
    index: int | None, call_id: str | None = None, name: str | None = None, arguments: str = ""
) -> dict[str, Any]:
    """Make a chunk with a piece of a tool call; what is None is left out."""
    function: dict[str, Any] = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    call = {"index": index, "id": call_id, "type": "function" if call_id else None, "function": function}
    return chunk({"tool_calls": [{key: value for key, value in call.items() if value is not None}]})


def finish(reason: str = "stop") -> dict[str, Any]:
    """Make the chunk with the reason why the model stopped."""
    return chunk({}, reason)


def usage(prompt: int, completion: int, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """Make the usage chunk, which has no choices."""
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [],
        "usage": counts,
    }


def answer(words: str, prompt: int = 3) -> Script:
    """Stream a plain answer, word by word, with its usage: one token a word."""
    pieces = words.split(" ")
    spaced = [piece if index == 0 else " " + piece for index, piece in enumerate(pieces)]
    return Script.stream(chunk({"role": "assistant"}), *map(text, spaced), finish(), usage(prompt, len(pieces)))


def calls(*made: tuple[str, str, str], before: str = "") -> Script:
    """Return a model turn that makes calls, each with its id, name and arguments, after a text."""
    pieces = [text(before)] if before else []
    pieces += [tool_call(index, *call) for index, call in enumerate(made)]
    return Script.stream(*pieces, finish("tool_calls"), usage(10, 5))


class Upstream:
    """The server; a context manager.

    Attributes:
        base_url: for a provider, up to and without ``/chat/completions``; set once entered.
        requests: what came, in order.
        connections: how many connections were made.
        closed_early: set once a client left before an answer had ended.
    """

    def __init__(self, scripts: Sequence[Script] = (), tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.scripts = list(scripts) or [answer("Hello from upstream")]
        self.requests: list[Request] = []
        self.connections = 0
        self.closed_early = threading.Event()
        self.base_url = ""
        self.open: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def take(self, request: Request) -> Script:
        """Note a request and give its answer."""
        self.requests.append(request)
        return self.scripts[min(len(self.requests), len(self.scripts)) - 1]

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, ssl=self._tls)
        self.base_url = f"http{'s' if self._tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._stop.wait()
        server.close()
        await _turns()  # a connection that was accepted just now becomes known
        tasks = [connection.task for connection in self.open if connection.task is not None]
        for connection in list(self.open):
            connection.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _turns()


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other; an answer ends when its client leaves."""

    transport: asyncio.Transport

    def __init__(self, upstream: Upstream) -> None:
        self.task: asyncio.Task[None] | None = None
        self._upstream = upstream
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._upstream.connections += 1
        self._upstream.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._upstream.open.discard(self)
        if self.task is not None:
            self.task.cancel()
            self._upstream.closed_early.set()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        head, end, rest = self._unread.partition(b"\r\n\r\n")
        request = _read_request(head.decode("latin-1"), rest) if end else None
        if request is not None:
            self._unread = b""
            self.task = asyncio.ensure_future(self._answer(self._upstream.take(request)))

    async def _answer(self, script: Script) -> None:
        self.transport.write(b"" if script.raw else _head(script))
        for step in script.steps:
            if isinstance(step, Gate):
                await step.wait()
            elif isinstance(step, bytes):
                self.transport.write(step if script.raw or not step else b"%x\r\n%b\r\n" % (len(step), step))
        self.task = None
        if script.raw or CUT in script.steps:
            self.transport.close()
        else:
            self.transport.write(b"0\r\n\r\n")


async def _turns() -> None:
    """Let the event loop do what is due, and what becomes due by that."""
    for _ in range(10):
        await asyncio.sleep(0)


def _read_request(head: str, rest: bytes) -> Request | None:
    """Read a request; None while its body is incomplete."""
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if len(rest) < int(headers.get("content-length", 0)):
        return None
    return Request(method, path, headers, json.loads(rest) if rest else {})


def _head(script: Script) -> bytes:
    lines = [f"HTTP/1.1 {script.status} Scripted", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in script.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
