"""Call a server of the Responses API: requests, and streams that are resumed after a lost connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from antiphon.providers.sse_reader import SseReader
from antiphon.stream.fold import ENDINGS
from cli.output import Refused, Unreachable
from cli.server import CalledServer

Event = dict[str, Any]

PAUSES: Final = (0.3, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further attempt to resume a stream; a new event begins them again."""

TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=300)
"""A stream may last for hours, but not be silent for five minutes."""

DONE: Final = b"[DONE]"
"""The data after the last event."""

_LATER: Final = frozenset({408, 409, 425, 429})
"""Refusals of a resumption that pass: the response cannot be followed yet, or too many ask."""


class Lost(Exception):
    """The connection broke, or the server could not answer just now."""


@dataclass(slots=True)
class Seen:
    """How far a stream was read.

    Attributes:
        id: the response's id, once an event had it.
        last: the last sequence number; None if the server does not number its events.
        has_ended: the ending was read.
        is_done: the mark after the last event was read.
        error: the message of an event that is an error.
    """

    id: str | None = None
    last: int | None = None
    has_ended: bool = False
    is_done: bool = False
    error: str | None = None

    def note(self, event: Event) -> None:
        """Note one event."""
        response = event.get("response")
        if isinstance(response, dict):
            self.id = response.get("id", self.id)
        number = event.get("sequence_number")
        self.last = number if isinstance(number, int) else self.last
        self.has_ended = event.get("type") in ENDINGS
        if event.get("type") == "error":
            self.error = message_of(event)


class NoSuchAgent(Refused):
    """The server has no agent of the name that was sent as ``model``, or not for this key."""


def _quiet(_line: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Client:
    """A client of one server.

    Attributes:
        notice: is called with a line for people when a stream broke and is resumed.
        pauses: seconds before each attempt to resume.
    """

    session: aiohttp.ClientSession
    server: CalledServer
    notice: Callable[[str], None] = field(default=_quiet)
    pauses: Sequence[float] = PAUSES

    async def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send a request and return the JSON object of the answer.

        Raises:
            Refused: the server refuses it, or does not answer in JSON.
            Unreachable: no answer came.
        """
        try:
            async with self._open(method, path, body) as reply:
                answer = await reply.json(content_type=None)
        except Lost as error:
            raise Unreachable(str(error)) from error
        except (ValueError, UnicodeDecodeError):
            answer = None
        if not isinstance(answer, dict):
            raise Refused(f"{self.server.base_url} does not answer in JSON: is it the base URL of an API?")
        return answer

    async def create(self, fields: dict[str, Any], seen: Seen) -> AsyncGenerator[Event, None]:
        """Create a response and yield its events; ``seen`` is kept up to date.

        Raises:
            Refused: the server refuses the request.
            Unreachable: no answer came, or the stream broke and could not be resumed.
        """
        events = self._events(seen, "POST", "/responses", {**fields, "stream": True})
        async for event in self._resumed(events, seen):
            yield event

    async def follow(self, seen: Seen) -> AsyncGenerator[Event, None]:
        """Yield the events of a stored response after those that were seen; raises as ``create``."""
        async for event in self._resumed(self._following(seen), seen):
            yield event

    async def _resumed(self, events: AsyncIterator[Event], seen: Seen) -> AsyncGenerator[Event, None]:
        failed = 0
        while True:
            try:
                async for event in events:
                    failed = 0
                    seen.note(event)
                    yield event
                lost = Lost("the stream has no end")
            except Lost as error:
                lost = error
            if seen.has_ended:
                return
            if seen.error:
                raise Refused(seen.error)
            if seen.is_done:
                return
            if seen.id is None or failed == len(self.pauses):
                raise Unreachable(str(lost))
            self.notice(f"{lost}; reading on")
            await asyncio.sleep(self.pauses[failed])
            failed += 1
            events = self._following(seen)

    def _following(self, seen: Seen) -> AsyncIterator[Event]:
        after = "" if seen.last is None else f"&starting_after={seen.last}"
        return self._events(seen, "GET", path_of(seen.id or "", f"?stream=true{after}"), passing=_LATER)

    async def _events(
        self, seen: Seen, method: str, path: str, body: Any = None, passing: frozenset[int] = frozenset()
    ) -> AsyncGenerator[Event, None]:
        async with self._open(method, path, body, passing) as reply:
            if reply.content_type != "text/event-stream":
                raise Refused(f"{self.server.base_url} does not stream: is it the base URL of an API?")
            reader = SseReader()
            async for chunk in reply.content.iter_any():
                for data in reader.feed(chunk):
                    seen.is_done = data == DONE
                    if event := _event(data):
                        yield event

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, body: Any = None, passing: frozenset[int] = frozenset()
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request.

        Raises:
            Refused: the server refuses it.
            Lost: no answer came, or it broke off, or the refusal is one of those that pass.
        """
        headers = {"authorization": f"Bearer {self.server.key}"}
        try:
            async with self.session.request(
                method, self.server.base_url + path, json=body, headers=headers, timeout=TIMEOUT
            ) as reply:
                if reply.status >= HTTPStatus.BAD_REQUEST:
                    body = await reply.read()
                    if passing and (reply.status in passing or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR):
                        raise Lost(refusal_line(reply.status, body))
                    raise (NoSuchAgent if b'"model_not_found"' in body else Refused)(refusal_line(reply.status, body))
                yield reply
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise Lost(self.server.unanswered(error)) from error


@asynccontextmanager
async def connected(server: CalledServer, notice: Callable[[str], None] = _quiet) -> AsyncGenerator[Client, None]:
    """Open a client. Each request has a connection of its own: one that was idle for long may be dead."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, trust_env=True) as session:
        yield Client(session, server, notice)


def path_of(response_id: str, action: str = "") -> str:
    """Return the path of a stored response."""
    return f"/responses/{quote(response_id, safe='')}{action}"


def message_of(answer: Any) -> str | None:
    """Return the message of an error, in OpenAI's envelope or in an event; None if there is none."""
    error = answer.get("error") if isinstance(answer, dict) else None
    found = error if isinstance(error, dict) else answer
    message = found.get("message") if isinstance(found, dict) else None
    return message if isinstance(message, str) else None


def refusal_line(status: int, body: bytes) -> str:
    """Return the line for an answer that is an error."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    message = message_of(answer)
    return f"the server answers {status}: {message}" if message else f"the server answers {status}"


def _event(data: bytes) -> Event | None:
    if data == DONE:
        return None
    try:
        event = json.loads(data)
    except ValueError:
        raise Refused("an event of the stream is not JSON") from None
    return event if isinstance(event, dict) else None
