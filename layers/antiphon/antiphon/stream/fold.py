"""The fold: events -> response. The JSON answer and the stored response are folds of the very events that were sent."""

from __future__ import annotations

from typing import Any, Final

from antiphon.records import Item
from antiphon.stream.cuts import Cuts
from antiphon.stream.events import Event, Sink

ENDINGS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class Fold:
    """The response that the events so far amount to.

    Args:
        to: takes each event after it is folded; None if nothing does.
    """

    def __init__(self, to: Sink | None = None) -> None:
        self._to = to
        self._response: dict[str, Any] = {}
        self._output: list[Item] = []
        self._cuts = Cuts()

    def put(self, event: Event) -> None:
        """Take the next event."""
        self._cuts.put(event)
        if "item" in event and event["type"] == "response.output_item.done":
            self._output.append(event["item"])
        elif "response" in event:
            self._response = event["response"]
        if self._to is not None:
            self._to(event)

    def response(self) -> dict[str, Any]:
        """Return the response resource."""
        return {**self._response, "output": list(self._output)}

    def after(self, ending: Event) -> dict[str, Any]:
        """Return the response resource as it will be once this terminal event is sent too."""
        return {**ending["response"], "output": list(self._output)}

    def cuts(self) -> str:
        """Return the cuts of the texts that are done, as ``Cuts`` writes them."""
        return self._cuts.encoded()
