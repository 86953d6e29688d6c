"""Messages of an API Gateway WebSocket API: each is an invocation of its own, and its events are pushed.

    $connect    the gateway asks whether a key may use the API, and remembers its digest for the connection
    message     busy? ── who? ── session ── each event pushed ── not busy any more

No process has a connection, so there is no memory of it: what is not stored cannot be continued. A reservation keeps
two responses of a connection from running at once, and a message that Lambda delivers twice from being answered twice.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, Protocol

import orjson

from antiphon import measures
from antiphon.access import keys
from antiphon.access.principal import Principal
from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import Reservation
from antiphon.stream.events import Event
from antiphon.stream.fold import ENDINGS
from antiphon.web.auth import Authenticator, require_use
from antiphon.web.websocket.session import PATH, MessageCall, SocketSession, refusal

log: Final = logging.getLogger("antiphon.web.websocket")

CONNECTION_SECONDS: Final = 7200
"""The longest connection that the gateway keeps."""

_TOO_LARGE: Final = (
    "An event of this response is larger than the gateway carries. The response goes on; read it with "
    "`GET /v1/responses/{id}`, if it is stored."
)
_BUSY: Final = "A response runs on this connection. Wait until it has ended, or open another connection."


class Push(Protocol):
    """Sends a message to one client."""

    async def __call__(self, message: bytes) -> bool:
        """Send it; return whether the client is still there."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the gateway delivers it.

    Attributes:
        connection: the id of its connection.
        digest: of the key that the connection was opened with.
        request_id: the gateway's id of the message.
        body: what the client sent.
        until: when the invocation ends, in seconds since the epoch.
    """

    connection: str
    digest: str
    request_id: str
    body: bytes
    until: float


class GatewayMessages:
    """What is behind a WebSocket API.

    Args:
        services: the adapters.
        max_bytes: the largest message that the gateway carries.
    """

    def __init__(self, services: Services, max_bytes: int) -> None:
        self._services = services
        self._max_bytes = max_bytes
        self._authenticator = Authenticator(services)

    async def admit(self, authorization: str) -> str | None:
        """Return the digest of a key that may open a connection; None if it may not."""
        scheme, _, key = authorization.partition(" ")
        key = key.strip(" ")
        if scheme.lower() != "bearer" or not keys.is_key(key):
            return None
        digest = keys.digest(key)
        try:
            await self._identify(digest)
            known, _ = await self._authenticator.of_digest(digest)
        except ApiError:
            return None
        touching = self._authenticator.touch(known)
        if touching is not None:
            await touching
        return digest

    async def answer(self, given: Delivery, push: Push) -> None:
        """Answer a message: push the events of a response, or one error."""
        record = measures.begin("WS", PATH)
        try:
            await self._answer(given, _Sender(push, self._max_bytes, given.request_id))
        finally:
            record.end()
            log.info("served", extra={"request_id": given.request_id, "status": 200, **record.facts()})

    async def _answer(self, given: Delivery, send: Callable[[Event], Awaitable[bool]]) -> None:
        try:
            principal = await self._identify(given.digest)
            turn = await self._reserve(principal, given)
        except Exception as error:  # noqa: BLE001 - it is answered, as every error of a message
            await send(refusal(error, given.request_id))
            return
        if turn is None:
            return
        call = MessageCall(principal, given.request_id, given.until)
        async with aclosing(SocketSession(self._services).answer(call, given.body)) as batches:
            await self._send(turn, batches, send)

    async def _send(
        self,
        turn: Reservation,
        batches: AsyncIterator[list[Event]],
        send: Callable[[Event], Awaitable[bool]],
    ) -> None:
        """Send the events. The turn ends before the last one: the client may send its next message at once."""
        here = True
        async for batch in batches:
            for event in batch:
                if _is_last(event):
                    await self._end(turn)
                here = here and await send(event)

    async def _identify(self, digest: str) -> Principal:
        _, principal = await self._authenticator.of_digest(digest)
        require_use(principal, write=True)
        return principal

    async def _reserve(self, principal: Principal, given: Delivery) -> Reservation | None:
        """Take the connection's turn; return None if this message has had it.

        Raises:
            ApiError: 409, if another message has it.
        """
        now = self._services.clock()
        wanted = Reservation(
            owner=principal.owner,
            name=f"websocket.{given.connection}",
            digest=given.request_id,
            response_id=given.request_id,
            until=given.until,
            expires_at=int(now) + 2 * CONNECTION_SECONDS,
        )
        there = await self._services.responses.reserve(wanted, now)
        if there is None:
            return wanted
        if there.digest == given.request_id:
            return None
        if there.until > now or await self._services.responses.reserve(wanted, now, there) is not None:
            raise ApiError("response_in_progress", _BUSY, complete=True)
        return wanted

    async def _end(self, turn: Reservation) -> None:
        """Let the next message have the turn, and remember which one had it."""
        now = self._services.clock()
        ended = replace(turn, until=now, response_id=f"{turn.response_id}.ended")
        await self._services.responses.reserve(ended, now, turn)


def _is_last(event: Event) -> bool:
    """Return whether an event ends an answer: an ``error`` with a number is followed by ``response.failed``."""
    return event["type"] in ENDINGS or (event["type"] == "error" and "sequence_number" not in event)


class _Sender:
    """Sends events, and an error in place of one that is too large.

    Args:
        push: sends a message.
        max_bytes: of the largest one.
        request_id: of the message that is answered.
    """

    def __init__(self, push: Push, max_bytes: int, request_id: str) -> None:
        self._push = push
        self._max_bytes = max_bytes
        self._request_id = request_id

    async def __call__(self, event: Event) -> bool:
        """Send an event; return whether the next one can be sent, too."""
        message = orjson.dumps(event)
        if len(message) > self._max_bytes:
            error = ApiError("request_too_large", _TOO_LARGE, complete=True)
            await self._push(orjson.dumps(refusal(error, self._request_id)))
            return False
        noted = measures.current()
        if noted.first_delta is None and event["type"].endswith(".delta"):
            noted.sent_delta()
        return await self._push(message)
