"""One request of MCP and its answer: one JSON object, or events among which the answer is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final

import orjson

from antiphon.errors import AntiphonError
from antiphon.fetch.egress import MAX_REPLY_BYTES, EgressError, ToolReply, ToolRequest
from antiphon.ports import ToolFailure
from antiphon.providers.sse_reader import SseReader
from antiphon.server_tools.client import ToolClient

HEADERS: Final = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
RESUMPTIONS: Final = 20
"""How often a stream is taken up again that the server closed before it answered."""
RETRY_SECONDS: Final = 1.0
MAX_MESSAGE: Final = 500
"""How much of a server's error message is kept, in characters."""

_DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class RefusedRequest(AntiphonError):
    """The server answered with an error.

    Args:
        status: of HTTP.
        code: of JSON-RPC; 0 if the body held no error of JSON-RPC.
        message: the server's, shortened.
        data: the server's.
    """

    def __init__(self, status: int, code: int = 0, message: str = "", data: Any = None) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.data = data
        super().__init__(f"status {status}, code {code}")

    @property
    def failure(self) -> ToolFailure:
        """Return the failure of the call that got this answer."""
        if self.code:
            return ToolFailure("protocol", self.message or "The server refused the call.", self.code)
        if self.status in _DENIED:
            return ToolFailure("http", "The server refused our credentials.", self.status)
        return ToolFailure("http", f"The server answered with status {self.status}.", self.status)


class UnreadableAnswer(AntiphonError):
    """The server's answer is not of the protocol."""

    @property
    def failure(self) -> ToolFailure:
        """Return the failure of the call that got this answer."""
        return ToolFailure("protocol", f"The server's answer cannot be used: {self}.")


@dataclass(frozen=True, slots=True)
class Channel:
    """How a server is reached.

    Attributes:
        client: sends.
        url: of the server.
        auth: how its requests are authorized.
        deadline: until when to wait, in the event loop's time.
        resumes: a stream that ends early can be taken up again (2025-11-25 and before).
    """

    client: ToolClient
    url: str = field(repr=False)
    auth: Mapping[str, Any]
    deadline: float
    resumes: bool = False

    async def notify(self, message: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Send what is not answered: a notification, or an answer to the server.

        Raises:
            EgressError, NoCredentials, RefusedRequest: it was not taken.
        """
        async with self.client.send(self.auth, self._post(message, headers), deadline=self.deadline) as reply:
            if reply.status >= HTTPStatus.BAD_REQUEST:
                raise RefusedRequest(reply.status)
            await reply.drain()

    async def end(self, headers: Mapping[str, str]) -> None:
        """End a session; whatever the server answers."""
        request = ToolRequest(self.url, "DELETE", headers)
        async with self.client.send(self.auth, request, deadline=self.deadline) as reply:
            await reply.drain()

    async def ask(
        self, message: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        """Send a request; return its result, and the headers of the answer.

        Raises:
            EgressError, NoCredentials: no answer came.
            RefusedRequest: the answer is an error.
            UnreadableAnswer: it is none of the protocol.
        """
        request = self._post(message, headers)
        reader, left = SseReader(MAX_REPLY_BYTES), MAX_REPLY_BYTES
        for _ in range(RESUMPTIONS):
            try:
                async with self.client.send(self.auth, request, deadline=self.deadline, max_bytes=left) as reply:
                    found = await self._found(reply, message["id"], reader, headers)
                    left = reply.left
                    if found is not None:
                        return found, reply.headers
            except EgressError as error:
                if error.reason != "cut" or not self._goes_on(reader):
                    raise
            if not self._goes_on(reader):
                raise EgressError("cut", sent=True)
            await self._pause(reader)
            request = replace(self._resumed(headers), headers={**headers, "last-event-id": reader.last_id.decode()})
            reader = _continued(reader)
        raise EgressError("cut", sent=True)

    def _post(self, message: Mapping[str, Any], headers: Mapping[str, str]) -> ToolRequest:
        return ToolRequest(self.url, "POST", {**HEADERS, **headers}, orjson.dumps(message))

    def _resumed(self, headers: Mapping[str, str]) -> ToolRequest:
        return ToolRequest(self.url, "GET", {**headers, "accept": "text/event-stream"})

    def _goes_on(self, reader: SseReader) -> bool:
        return self.resumes and bool(reader.last_id) and reader.last_id.isascii()

    async def _pause(self, reader: SseReader) -> None:
        seconds = RETRY_SECONDS if reader.retry_ms is None else reader.retry_ms / 1000
        if asyncio.get_running_loop().time() + seconds >= self.deadline:
            raise EgressError("timeout", sent=True)
        await asyncio.sleep(seconds)

    async def _found(
        self, reply: ToolReply, number: int, reader: SseReader, headers: Mapping[str, str]
    ) -> dict[str, Any] | None:
        """Return the result; None if the events ended without it."""
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise await _refused(reply)
        if reply.media_type != "text/event-stream":
            return _result(_read(await reply.read()), number, reply.status)
        async for message in _messages(reply, reader):
            if "method" in message:
                await self._answer(message, headers)
            elif message.get("id") == number or "error" in message:
                await reply.drain()
                return _result(message, number, reply.status)
        return None

    async def _answer(self, message: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Answer a request of the server, as versions before 2026-07-28 have them: a ping; all others are refused."""
        if not self.resumes or "id" not in message:
            return
        said: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "ping":
            said["result"] = {}
        else:
            said["error"] = {"code": -32601, "message": "This client has no such method."}
        try:
            await self.notify(said, headers)
        except (EgressError, RefusedRequest):
            return  # the call itself shows what comes of it


async def _messages(reply: ToolReply, reader: SseReader) -> AsyncIterator[dict[str, Any]]:
    try:
        async for piece in reply.pieces():
            for event in reader.feed(piece):
                if event.strip():
                    yield _read(event)
        for event in reader.flush():
            if event.strip():
                yield _read(event)
    except ValueError:
        raise UnreadableAnswer("an event is too large") from None


def _continued(reader: SseReader) -> SseReader:
    following = SseReader(MAX_REPLY_BYTES)
    following.last_id, following.retry_ms = reader.last_id, reader.retry_ms
    return following


def _read(body: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(body)
    except ValueError:
        raise UnreadableAnswer("it is not JSON") from None
    if not isinstance(message, dict):
        raise UnreadableAnswer("it is not one JSON object")
    return message


def _result(message: dict[str, Any], number: int, status: int) -> dict[str, Any]:
    if isinstance(message.get("error"), dict):
        raise _error(status, message["error"])
    result = message.get("result")
    if not isinstance(result, dict) or message.get("id") != number:
        raise UnreadableAnswer("it does not answer the request")
    return result


async def _refused(reply: ToolReply) -> RefusedRequest:
    try:
        message = _read(await reply.read())
    except (EgressError, UnreadableAnswer):
        return RefusedRequest(reply.status)
    error = message.get("error")
    return _error(reply.status, error) if isinstance(error, dict) else RefusedRequest(reply.status)


def _error(status: int, error: dict[str, Any]) -> RefusedRequest:
    code, text = error.get("code"), error.get("message")
    if not isinstance(code, int) or isinstance(code, bool) or not code:
        return RefusedRequest(status)
    return RefusedRequest(status, code, text[:MAX_MESSAGE] if isinstance(text, str) else "", error.get("data"))
