"""The replay: a stored response that has ended -> the events of a stream that amounts to exactly it.

The events are made anew by the stream machine, so they obey the grammar; the same response always gives the same
events. They are not the very ones that were sent first: those are not kept, so each text is one delta here, and the
numbers count these events. It must not know stores or bytes.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.stream.events import Event, ending_type
from antiphon.stream.feed import Feed
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


def replay(response: dict[str, Any], *, obfuscate: bool = True) -> list[Event]:
    """Give the events of a response's stream.

    Args:
        response: the resource of a response that has ended. It is not changed.
        obfuscate: pad delta events.
    """
    events: list[Event] = []
    response = shown_response(response)
    stream = ResponseStream({**response, **_UNKNOWN_AT_FIRST}, events.append, obfuscate=obfuscate)
    stream.open()
    for item in response["output"]:
        stream.whole(item)
    stream.end({"type": ending_type(response["status"]), "response": response})
    return events


def replay_feed(response: dict[str, Any], *, after: int = -1, obfuscate: bool = True) -> Feed:
    """Give a closed feed with the events of a response's stream.

    Args:
        response: the resource of a response that has ended.
        after: leave out the events up to and with this number. The terminal event is never left out: a stream without
            one looks cut, and somebody who counts the events of the first stream counts more than there are here.
        obfuscate: pad delta events.
    """
    feed = Feed()
    *events, ending = replay(response, obfuscate=obfuscate)
    for event in (*(event for event in events if event["sequence_number"] > after), ending):
        feed.put(event)
    feed.close()
    return feed
