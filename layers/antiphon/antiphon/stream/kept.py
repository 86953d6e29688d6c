"""The sealed reasoning that is stored with a response and never shown.

A provider needs its reasoning back in the next turn, whether the caller asked for ``reasoning.encrypted_content`` or
not. If it did not, the sealed reasoning is stored under a name of its own, and left out of every answer.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.records import Item
from antiphon.stream.events import Event
from antiphon.stream.fold import ENDINGS

KEPT: Final = "sealed"
_DONE: Final = "response.output_item.done"


def shown_item(item: Item) -> Item:
    """Return an item as its caller may see it."""
    return {name: value for name, value in item.items() if name != KEPT} if KEPT in item else item


def shown_response(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response as its caller may see it."""
    if not any(KEPT in item for item in response["output"]):
        return response
    return {**response, "output": [shown_item(item) for item in response["output"]]}


def shown_event(event: Event) -> Event:
    """Return an event as its caller may see it."""
    if event["type"] == _DONE:
        return {**event, "item": shown_item(event["item"])} if KEPT in event["item"] else event
    return {**event, "response": shown_response(event["response"])} if event["type"] in ENDINGS else event
