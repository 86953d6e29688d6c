"""The grammar inside one item: its parts, deltas and arguments, and that they agree with the item that is done.

It must not know the stream around the item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from antiphon.records import Item
from antiphon.stream.events import Event

_PARTS: Final = {
    ("message", "content"): ("output_text", "refusal"),
    ("reasoning", "content"): ("reasoning_text",),
    ("reasoning", "summary"): ("summary_text",),
}
"""The types of part that an item of a type may have on either side."""

_TEXTS: Final = {"function_call": "arguments", "custom_tool_call": "input", "mcp_call": "arguments"}
"""For each type of call whose text comes in deltas: the field that holds it."""

_STEPS: Final = {
    "mcp_call": (("in_progress",), ("completed", "failed")),
    "mcp_list_tools": (("in_progress",), ("completed", "failed")),
    "web_search_call": (("in_progress", "searching"), ("completed",)),
    "file_search_call": (("in_progress", "searching"), ("completed",)),
}
"""For each type of item whose tool a server runs: the events of its course, in order, and those that may end it."""

_STEP_EVENTS: Final = tuple(
    f"response.{kind}.{step}" for kind, (course, ends) in _STEPS.items() for step in (*course, *ends)
)

_CAN_FAIL: Final = frozenset({"mcp_call", "web_search_call", "file_search_call"})

_WITH_STATUS: Final = (
    "message",
    "function_call",
    "function_call_output",
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
    "web_search_call",
    "file_search_call",
)


@dataclass(slots=True)
class _Part:
    """The open part. ``text`` is None until it is done."""

    type: str
    side: str
    index: int
    pieces: list[str] = field(default_factory=list)
    annotations: list[Any] = field(default_factory=list)
    text: str | None = None


class CheckedItem:
    """Follows one item from ``output_item.added`` to ``output_item.done``.

    Args:
        value: the item as it was added.
        index: its ``output_index``.
        require: takes whether a rule held, and the rule.
    """

    def __init__(self, value: Item, index: int, require: Callable[[bool, str], bool]) -> None:
        self._require = require
        self._id: str = value["id"]
        self._type: str = value["type"]
        self._phase: str | None = value.get("phase")
        self._index = index
        self._sides: dict[str, list[dict[str, Any] | None]] = {"content": [], "summary": []}
        self._part: _Part | None = None
        self._pieces: list[str] = []
        self._text: str | None = None
        self._steps: list[str] = []
        require(status_of(value) in ("in_progress", None), "status")
        late = ("output", "error", "tools") if self._type in _STEPS else ()
        empty = ("content", "summary", "arguments", "input", *late) if self._type != "mcp_approval_request" else ()
        require(not any(map(value.get, empty)), "begins-empty")

    def take(self, kind: str, event: Event) -> None:
        """Check an event between ``added`` and ``done``; ``kind`` is one of ``EVENTS``."""
        self._require(event["output_index"] == self._index, "output-index")
        self._require(event["item_id"] == self._id, "item-id")
        types, check = self.EVENTS[kind]
        part = self._part
        if not types:
            check(self, event)
        elif part is None or part.type not in types:
            self._require(False, "order")
        else:
            self._require(event[f"{part.side}_index"] == part.index, f"{part.side}-index")
            check(self, part, event)

    def done(self, event: Event) -> None:
        """Check ``output_item.done``."""
        value = event["item"]
        self._require(event["output_index"] == self._index, "output-index")
        kept = value["id"], value["type"], value.get("phase")
        self._require(kept == (self._id, self._type, self._phase), "item-id")
        ended = ("completed", "incomplete", None, *(("failed",) if self._type in _CAN_FAIL else ()))
        self._require(status_of(value) in ended, "status")
        self._require(self._fits_steps(status_of(value)), "order")
        called = self._type in _TEXTS
        if self._require(self._part is None and called == (self._text is not None), "order"):
            same = all(matches(parts, value.get(side) or []) for side, parts in self._sides.items())
            self._require(same and (not called or value[_TEXTS[self._type]] == self._text), "item")

    # a call

    def _call_delta(self, event: Event) -> None:
        self._require(self._is_of_open_call(event), "order")
        self._pieces.append(event["delta"])

    def _call_done(self, event: Event) -> None:
        if self._require(self._is_of_open_call(event), "order"):
            self._text = event[_TEXTS[self._type]]
            self._require("".join(self._pieces) == self._text, "text")

    def _is_of_open_call(self, event: Event) -> bool:
        begins = f"response.{self._type}_{_TEXTS.get(self._type)}."
        return self._text is None and bool(event["type"].startswith(begins))

    # a tool that a server runs

    def _step(self, event: Event) -> None:
        kind, _, step = event["type"].removeprefix("response.").rpartition(".")
        course, ends = _STEPS.get(self._type, ((), ()))
        done = len(self._steps)
        follows = step in ends if done == len(course) else step in course[done : done + 1]
        self._require(kind == self._type and follows, "order")
        self._steps.append(step)

    def _fits_steps(self, status: Any) -> bool:
        """Return whether the course of a tool's call ended as its item has it."""
        if self._type not in _STEPS:
            return True
        course, ends = _STEPS[self._type]
        ended = self._steps[len(course) :]
        return ended == [status] if status in ends else not ended or status is None

    # parts

    def _part_added(self, event: Event) -> None:
        side = "summary" if event["type"] == "response.reasoning_summary_part.added" else "content"
        value, parts, earlier = event["part"], self._sides[side], self._part
        if earlier is not None:
            self._sides[earlier.side].append(None)
        fits = value["type"] in _PARTS.get((self._type, side), ()) and not (
            side == "summary" and self._sides["content"]
        )
        self._require(earlier is None and fits, "order")
        self._require(event[f"{side}_index"] == len(parts), f"{side}-index")
        self._require(not value.get(_text_field(value["type"])) and not value.get("annotations"), "begins-empty")
        self._part = _Part(value["type"], side, len(parts))

    def _part_done(self, part: _Part, event: Event) -> None:
        value = event["part"]
        self._part = None
        self._sides[part.side].append(value)
        if self._require(part.text is not None, "order"):
            same = value["type"] == part.type and value[_text_field(part.type)] == part.text
            self._require(same and value.get("annotations", []) == part.annotations, "part")

    def _delta(self, part: _Part, event: Event) -> None:
        self._require(part.text is None and not part.annotations, "order")
        part.pieces.append(event["delta"])

    def _annotation(self, part: _Part, event: Event) -> None:
        self._require(part.text is None, "order")
        self._require(event["annotation_index"] == len(part.annotations), "annotation-index")
        part.annotations.append(event["annotation"])

    def _text_done(self, part: _Part, event: Event) -> None:
        text = event[_text_field(part.type)]
        if self._require(part.text is None, "order"):
            self._require("".join(part.pieces) == text, "text")
        part.text = text

    EVENTS: ClassVar[dict[str, tuple[tuple[str, ...], Callable[..., None]]]] = {
        "response.content_part.added": ((), _part_added),
        "response.reasoning_summary_part.added": ((), _part_added),
        "response.function_call_arguments.delta": ((), _call_delta),
        "response.function_call_arguments.done": ((), _call_done),
        "response.custom_tool_call_input.delta": ((), _call_delta),
        "response.custom_tool_call_input.done": ((), _call_done),
        "response.mcp_call_arguments.delta": ((), _call_delta),
        "response.mcp_call_arguments.done": ((), _call_done),
        **dict.fromkeys(_STEP_EVENTS, ((), _step)),
        "response.content_part.done": (("output_text", "refusal", "reasoning_text"), _part_done),
        "response.reasoning_summary_part.done": (("summary_text",), _part_done),
        "response.output_text.annotation.added": (("output_text",), _annotation),
        "response.output_text.delta": (("output_text",), _delta),
        "response.output_text.done": (("output_text",), _text_done),
        "response.refusal.delta": (("refusal",), _delta),
        "response.refusal.done": (("refusal",), _text_done),
        "response.reasoning.delta": (("reasoning_text",), _delta),
        "response.reasoning.done": (("reasoning_text",), _text_done),
        "response.reasoning_summary_text.delta": (("summary_text",), _delta),
        "response.reasoning_summary_text.done": (("summary_text",), _text_done),
    }
    """The events inside an item: the types of open part that each needs (none beside parts), and its check."""


def status_of(item: Item) -> Any:
    """Return an item's status; None if its type has none, such as reasoning and compaction."""
    return item.get("status", "missing" if item["type"] in _WITH_STATUS else None)


def matches(known: Sequence[dict[str, Any] | None], told: Sequence[dict[str, Any]]) -> bool:
    """Compare what was followed with the end of the stream; None stands for what was never done."""
    return len(known) == len(told) and all(a is None or a == b for a, b in zip(known, told, strict=True))


def _text_field(part_type: str) -> str:
    return "refusal" if part_type == "refusal" else "text"
