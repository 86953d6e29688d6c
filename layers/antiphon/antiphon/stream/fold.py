"""The fold: events -> response. The JSON answer and the stored response are folds of the very events that were sent.

It must not know how events come to be.
"""

from __future__ import annotations

from typing import Any, Final

from antiphon.records import Item
from antiphon.stream.events import Event

ENDINGS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class Fold:
    """The response that the events so far amount to."""

    def __init__(self) -> None:
        self._response: dict[str, Any] = {}
        self._output: list[Item] = []

    def add(self, event: Event) -> None:
        """Take the next event."""
        kind = event["type"]
        if kind == "response.output_item.done":
            self._output.append(event["item"])
        elif kind in ENDINGS or kind == "response.created":
            self._response = event["response"]

    def response(self) -> dict[str, Any]:
        """Give the response resource."""
        return {**self._response, "output": list(self._output)}

    def after(self, ending: Event) -> dict[str, Any]:
        """Give the response resource as it will be once this terminal event is sent too."""
        return {**ending["response"], "output": list(self._output)}
