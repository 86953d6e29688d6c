"""The grammar of a whole stream: one counter, one opening, one item after the other, one ending.

It must not know what is inside an item (``items``), nor bytes (``frames``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from antiphon.records import Item
from antiphon.stream.events import Event
from antiphon.stream.grammar.items import CheckedItem, matches, status_of
from antiphon.stream.grammar.rules import Report, Violation, refuse

_OPENINGS: Final = {
    "response.created": (("new",), "created", ("in_progress", "queued")),
    "response.queued": (("created",), "queued", ("queued",)),
    "response.in_progress": (("created", "queued"), "open", ("in_progress",)),
}
"""For each opening event: the stages before it, the stage after it, and the statuses that the response may have."""


class Checker:
    """Checks one stream, event by event, and continues after a violation as well as it can.

    Args:
        report: takes each violation; by default the first one is raised.
    """

    def __init__(self, report: Report = refuse) -> None:
        self._report = report
        self._number = -1
        self._stage = "new"
        self._response_id: str | None = None
        self._ids: set[str] = set()
        self._output: list[Item | None] = []
        self._item: CheckedItem | None = None

    def feed(self, event: Event) -> None:
        """Check the next event.

        Raises:
            Violation: by way of ``refuse``.
        """
        number = event.get("sequence_number")
        follows = number == self._number + 1
        self._number = number if isinstance(number, int) else self._number + 1
        self.require(follows, "sequence")
        if not self.require(self._stage != "ended", "one-ending"):
            return
        try:
            self._take(event["type"], event)
        except (KeyError, TypeError, AttributeError):
            self.require(False, "shape")

    def finish(self) -> None:
        """Check that the end was reached.

        Raises:
            Violation: by way of ``refuse``.
        """
        self.require(self._stage == "ended", "one-ending")

    def require(self, held: bool, rule: str) -> bool:
        """Report a violation of the rule unless it held; whether it did."""
        if not held:
            self._report(Violation(rule, self._number))
        return held

    def _take(self, kind: str, event: Event) -> None:
        if kind in _OPENINGS:
            self._opening(kind, event)
        elif kind in self._EVENTS or kind in CheckedItem.EVENTS:
            self._after_opening(kind, event)
        else:
            self.require(":" in kind[1:], "type")

    def _after_opening(self, kind: str, event: Event) -> None:
        self.require("obfuscation" not in event or kind.endswith(".delta"), "obfuscation")
        if self._stage == "error":
            self.require(kind == "response.failed", "error-first")
        elif not self.require(self._stage == "open", "opening"):
            self._stage = "open"
        if kind in self._EVENTS:
            self._EVENTS[kind](self, event)
        elif self._item is not None:
            self._item.take(kind, event)
        else:
            self.require(False, "order")

    def _opening(self, kind: str, event: Event) -> None:
        response = event["response"]
        before, after, statuses = _OPENINGS[kind]
        if self.require(self._stage in before, "opening") or self._stage == "new":
            self._stage = after
        self._same_response(response)
        self.require(response["status"] in statuses, "status")

    def _same_response(self, response: dict[str, Any]) -> None:
        if self._response_id is None:
            self._response_id = response["id"]
        self.require(response["id"] == self._response_id, "response-id")

    # items

    def _item_added(self, event: Event) -> None:
        self._none_open()
        value, index = event["item"], len(self._output)
        self.require(event["output_index"] == index, "output-index")
        self.require(not self._cut(), "incomplete-last")
        self.require(value["id"] not in self._ids, "unique-id")
        self._ids.add(value["id"])
        self._item = CheckedItem(value, index, self.require)

    def _item_done(self, event: Event) -> None:
        item, self._item = self._item, None
        if item is None:
            self.require(False, "order")
            return
        self._output.append(event["item"])
        item.done(event)

    def _none_open(self) -> None:
        if not self.require(self._item is None, "interleave"):
            self._item = None
            self._output.append(None)

    def _cut(self) -> bool:
        last = self._output[-1] if self._output else None
        return last is not None and status_of(last) == "incomplete"

    # the end

    def _error(self, event: Event) -> None:
        self._none_open()
        self._stage = "error"
        inner = event["error"]
        twice = (
            name in event and name in inner and event[name] == inner[name] for name in ("code", "message", "param")
        )
        self.require(all(twice) and "type" in inner, "error-shapes")

    def _ending(self, event: Event) -> None:
        self._none_open()
        response, status = event["response"], event["type"].rpartition(".")[2]
        statuses = ("incomplete", "cancelled") if status == "incomplete" else (status,)
        self.require(status != "failed" or self._stage == "error", "error-first")
        self._stage = "ended"
        self._same_response(response)
        self.require(response["status"] in statuses, "status")
        self.require(matches(self._output, response["output"]), "output")
        if status == "completed":
            self.require(_adds_up(response["usage"]), "usage")
            self.require(not self._cut(), "incomplete-completed")
        else:
            self.require(bool(response.get("error" if status == "failed" else "incomplete_details")), "details")

    _EVENTS: ClassVar[dict[str, Callable[[Checker, Event], None]]] = {
        "response.output_item.added": _item_added,
        "response.output_item.done": _item_done,
        "error": _error,
        "response.completed": _ending,
        "response.incomplete": _ending,
        "response.failed": _ending,
    }


def _adds_up(usage: dict[str, int] | None) -> bool:
    """Return whether usage is consistent; None if a provider reports no usage (``ResponseResource.usage``)."""
    return usage is None or usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
