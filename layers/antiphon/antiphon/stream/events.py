"""Streaming events as values: their openings, their padding, and the two events with a form of their own.

This module neither orders nor numbers events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from antiphon.errors import CODES, SERVER_ERROR

Event = dict[str, Any]
"""One streaming event in the specification's JSON form."""

Sink = Callable[[Event], None]
"""Takes the next event of a stream. Every stage of the way of an event has one, its method ``put``."""

APPROVALS: Final = "approvals"
"""The field of a response's ``antiphon`` with the calls that wait for an approval."""

LATE_FIELDS: Final = frozenset({APPROVALS, "insufficient_quota"})
"""The fields of a response's ``antiphon`` that only its ending adds."""

_PADDING: Final = "0123456789abcdef"
_PADDED: Final = 16


def ending_type(status: str) -> str:
    """Return the type of the terminal event of a response with this final status: a cancelled one is incomplete."""
    return "response.incomplete" if status == "cancelled" else f"response.{status}"


def opening(resource: dict[str, Any]) -> list[Event]:
    """Return the events that every stream of a response begins with, not numbered.

    Args:
        resource: the response as it begins: ``status`` in_progress, ``output`` empty.
    """
    begun: Event = {"type": "response.in_progress", "response": resource}
    if not resource.get("background"):
        return [{"type": "response.created", "response": resource}, begun]
    queued = {**resource, "status": "queued"}
    return [{"type": "response.created", "response": queued}, {"type": "response.queued", "response": queued}, begun]


def padded(event: Event) -> Event:
    """Add padding to a delta event, so that its size reveals less of its content.

    A refusal's delta has no field for it (Open Responses, ``ResponseRefusalDeltaStreamingEvent``).
    """
    if event["type"] != "response.refusal.delta":
        event["obfuscation"] = _PADDING[: -len(event["delta"]) % _PADDED]
    return event


def error_event(error: dict[str, str]) -> Event:
    """Build the one error event in both shapes at once: the specification's and that of OpenAI's clients."""
    known = CODES.get(error["code"])
    shape = {"code": error["code"], "message": error["message"], "param": None}
    return {"type": "error", **shape, "error": {"type": known.type if known else SERVER_ERROR, **shape}}
