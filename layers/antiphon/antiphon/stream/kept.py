"""What is stored with an item and never shown.

``sealed``  reasoning that a provider needs back in the next turn, if its caller did not ask for
            ``reasoning.encrypted_content``
``held``    the outcome of a tool's call, if its item has no place for it
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.records import Item
from antiphon.stream.events import Event
from antiphon.stream.fold import ENDINGS
from antiphon.tools.server_calls import HELD

KEPT: Final = "sealed"
_HIDDEN: Final = frozenset({KEPT, HELD})
_DONE: Final = "response.output_item.done"


def shown_item(item: Item) -> Item:
    """Return an item as its caller may see it."""
    if _HIDDEN.isdisjoint(item):
        return item
    return {name: value for name, value in item.items() if name not in _HIDDEN}


def shown_response(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response as its caller may see it."""
    if all(map(_HIDDEN.isdisjoint, response["output"])):
        return response
    return {**response, "output": [shown_item(item) for item in response["output"]]}


def shown_event(event: Event) -> Event:
    """Return an event as its caller may see it."""
    if event["type"] == _DONE:
        return event if _HIDDEN.isdisjoint(event["item"]) else {**event, "item": shown_item(event["item"])}
    return {**event, "response": shown_response(event["response"])} if event["type"] in ENDINGS else event
