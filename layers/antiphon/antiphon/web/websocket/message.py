"""Read a client's message: ``response.create`` with the body of ``POST /v1/responses`` (Open Responses, "WebSocket").

The fields of HTTP streaming are not in the protocol, but clients send them: Codex sends ``stream: true``. One that asks
for what a WebSocket does anyway is accepted, every other is refused.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.spec.request import CreateResponse, parse_create
from antiphon.web.body import LARGE, parse_object
from antiphon.web.bounds import require_bounded

CREATE: Final = "response.create"
IGNORED: Final = frozenset({"response.processed"})
"""Messages that need no answer: Codex can acknowledge a response with this one."""

_SERVED: Final = {
    "stream": (True, "A WebSocket always streams. Leave `stream` out."),
    "background": (False, "A WebSocket runs nothing in the background. Send `POST /v1/responses`."),
}
_LANES: Final = "A connection runs one response at a time. Open another connection for another stream."


@dataclass(frozen=True, slots=True)
class Message:
    """A request for a response.

    Attributes:
        request: the request.
        generate: whether a model is asked; if not, the request is only checked and kept, to be continued.
    """

    request: CreateResponse
    generate: bool


async def parse(raw: bytes, max_bytes: int) -> dict[str, Any]:
    """Read a message as one strict JSON object; a large one in a thread, so that other connections go on.

    Raises:
        ApiError: 400 or 413, with the codes of an HTTP body.
    """
    if len(raw) > max_bytes:
        raise ApiError("request_too_large", f"The message may be at most {max_bytes} bytes.")
    document = parse_object(raw) if len(raw) <= LARGE else await asyncio.to_thread(parse_object, raw)
    require_bounded(document)
    return document


def read_message(document: dict[str, Any]) -> Message | None:
    """Return what a message asks for; None if it needs no answer.

    Raises:
        ApiError: 400, with the field that is wrong.
    """
    if _type(document) in IGNORED:
        return None
    body = {name: value for name, value in document.items() if name not in {"type", "generate"}}
    generate = document.get("generate")
    if not (generate is None or isinstance(generate, bool)):
        raise ApiError("invalid_type", "`generate`: This must be `true` or `false`.", param="generate")
    if body.pop("stream_id", None) is not None:
        raise ApiError("unsupported_parameter", f"`stream_id`: {_LANES}", param="stream_id", complete=True)
    for name, (served, message) in _SERVED.items():
        value = body.pop(name, None)
        if value is not None and value is not served:
            raise ApiError("unsupported_parameter", f"`{name}`: {message}", param=name, complete=True)
    if generate is False and body.get("input") == []:
        del body["input"]
    return Message(parse_create({**body, "stream": True}), generate is not False)


def _type(document: dict[str, Any]) -> str:
    kind = document.get("type")
    if kind is None:
        raise ApiError("missing_required_parameter", "`type`: This field is required.", param="type")
    if kind != CREATE and not (isinstance(kind, str) and kind in IGNORED):
        message = f"`type`: This must be `{CREATE}`."
        raise ApiError("unsupported_value", message, param="type", complete=True)
    return str(kind)
