"""The session: what one connection has asked for and got, message by message, without a socket.

    message ── read ── create or warm up ── events of the stream ── newest response remembered
                  └────────┴── refused: one `error` with a status; the response that it continues is forgotten

Whoever has a connection feeds it: the local server's WebSocket does.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Final, cast

from antiphon import measures
from antiphon.access.principal import Principal
from antiphon.errors import CODES, ApiError, trace
from antiphon.ports import ConversationStore, Services
from antiphon.records import StoredResponse
from antiphon.run.create import Queued, create
from antiphon.run.execution import Execution
from antiphon.run.run_request import RunRequest
from antiphon.run.warm import warm
from antiphon.stream.events import Event
from antiphon.stream.replay import replay
from antiphon.web.asked import parsed
from antiphon.web.errors import as_api_error, error_fields, retry_headers
from antiphon.web.websocket.memory import Memory
from antiphon.web.websocket.message import Message, parse, read_message

log: Final = logging.getLogger("antiphon.web")

PATH: Final = "/v1/responses"
_UNSTORED: Final = (
    "The response to continue is not stored, so one that continues it cannot be. Send `store: false`, or the whole "
    "conversation as `input`."
)


@dataclass(frozen=True, slots=True)
class MessageCall:
    """Who sends a message, and how it is answered.

    Attributes:
        principal: the caller, already allowed to use the API.
        request_id: the name of this message in logs and errors.
        until: when its run must have ended, in seconds since the epoch.
    """

    principal: Principal
    request_id: str
    until: float


class SocketSession:
    """The messages of one connection, one after the other.

    Args:
        services: the adapters.
    """

    def __init__(self, services: Services) -> None:
        self._memory = Memory(services.responses, services.settings.max_chain_bytes)
        self._services = replace(services, responses=cast("ConversationStore", self._memory))

    async def answer(self, call: MessageCall, raw: bytes) -> AsyncGenerator[list[Event], None]:
        """Yield the events that answer a message, as they come. It never raises for what the message holds."""
        continued: str | None = None
        try:
            settings = self._services.settings
            document = await parse(raw, call.principal.limits.max_body_bytes or settings.max_body_bytes)
            previous = document.get("previous_response_id")
            continued = previous if isinstance(previous, str) else None
            message = await parsed(read_message, document)
            started = None if message is None else await self._start(call, message)
        except Exception as error:  # noqa: BLE001 - one message that fails must not end the connection
            self._memory.evict(continued)
            yield [refusal(error, call.request_id)]
            return
        if isinstance(started, StoredResponse):
            self._memory.keep(started)
            yield replay(started.response, started.cuts)
        elif started is not None:
            async for batch in started.feed.batches(settings.ping_seconds):
                yield [_with_status(event) for event in batch]
            self._remember(started.ended, continued)

    async def _start(self, call: MessageCall, message: Message) -> Execution | StoredResponse:
        request = message.request
        if request.store and self._memory.has(request.previous_response_id):
            raise ApiError("invalid_value", f"`store`: {_UNSTORED}", param="store")
        begin = create if message.generate else warm
        started = await begin(self._services, RunRequest(call.principal, request, call.until))
        assert not isinstance(started, Queued)  # a message has no `background`
        return started

    def _remember(self, ended: StoredResponse, continued: str | None) -> None:
        if ended.status == "failed":
            self._memory.evict(continued)
        else:
            self._memory.keep(ended)


def refusal(error: Exception, request_id: str) -> Event:
    """Return the one message that answers a message which could not be served.

    It has the status, the error and the headers that HTTP would have.
    """
    known = as_api_error(error, PATH)
    if known.code == "internal_error":
        log.error("message failed", extra={"request_id": request_id, "error": trace(error)})
    noted = measures.current()
    noted.code, noted.status = known.code, known.status
    headers = {"x-request-id": request_id, **retry_headers(known)}
    return {"type": "error", "status": known.status, "error": error_fields(known), "headers": headers}


def _with_status(event: Event) -> Event:
    """Return an event as a WebSocket has it: an error has a status there, in the middle of a stream too."""
    if event["type"] != "error":
        return event
    known = CODES.get(event["code"])
    return {**event, "status": known.status if known else 500}
