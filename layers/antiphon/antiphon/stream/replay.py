"""The replay: a stored response that has ended -> its stream, event for event as it was sent first.

The stream machine makes the events again, of the response and of the cuts that were stored with it. The stream of a
response without cuts has each text as one delta. Padding is made anew, and only if it is wanted.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.stream.cuts import Cutter
from antiphon.stream.events import LATE_FIELDS, Event, ending_type
from antiphon.stream.kept import shown_response
from antiphon.stream.machine import ResponseStream

_UNKNOWN_AT_FIRST: Final[dict[str, Any]] = {
    "status": "in_progress",
    "completed_at": None,
    "incomplete_details": None,
    "error": None,
    "output": [],
    "usage": None,
}


def as_begun(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response as it was when its stream began."""
    begun = {**response, **_UNKNOWN_AT_FIRST}
    own = begun.get("antiphon", {})
    if LATE_FIELDS.isdisjoint(own):
        return begun
    others = {name: value for name, value in own.items() if name not in LATE_FIELDS}
    return {
        **{name: value for name, value in begun.items() if name != "antiphon"},
        **({"antiphon": others} if others else {}),
    }


def replay(response: dict[str, Any], cuts: str = "", *, after: int = -1, obfuscate: bool = True) -> list[Event]:
    """Return the events of a response's stream.

    Args:
        response: the resource of a response that has ended. It is not changed.
        cuts: where the deltas of its texts ended; empty if each text is one delta.
        after: leave out the events up to and with this number.
        obfuscate: pad delta events.
    """
    events: list[Event] = []
    response = shown_response(response)
    stream = ResponseStream(as_begun(response), events.append, obfuscate=obfuscate)
    stream.open()
    cutter = Cutter(cuts)
    for item in response["output"]:
        stream.whole(item, cutter)
    stream.end({"type": ending_type(response["status"]), "response": response})
    return events[after + 1 :]
