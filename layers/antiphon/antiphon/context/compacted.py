"""Compacted conversations: what stays with a compaction, and what an automatic one contains.

    conversation     head ......................... | tail: the new input, and the calls that its outputs answer
    the model reads  messages that stay, compaction | tail

The compaction item that the caller gets holds all of that, sealed, so later turns begin with it: whatever stands before
it is left out, and a client that keeps the conversation itself may remove it. ``POST /v1/responses/compact`` makes
items that hold a text alone; they replace nothing by themselves.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from antiphon.records import Item

BEFORE: Final = "before"
AFTER: Final = "after"
"""Names in the state of an automatic compaction: the items that it keeps, as JSON."""

MAX_TAIL: Final = 1_000_000
"""The most characters of a tail that is kept with its images and files."""

_OF_THE_MODEL: Final = ("function_call", "reasoning", "compaction")
_MARKED: Final = ("input_image", "input_file")


def tail_of(items: Sequence[Item]) -> int:
    """Return where the tail of a conversation begins.

    It is what came after the model's last words, and the calls that are answered there with the reasoning before them.
    """
    begin = len(items)
    while begin > 0 and not _is_of_model(items[begin - 1]):
        begin -= 1
    answered = {item["call_id"] for item in items[begin:] if item["type"] == "function_call_output"}
    while begin > 0 and answered:
        begin -= 1
        if items[begin]["type"] == "function_call":
            answered.discard(items[begin]["call_id"])
        elif items[begin]["type"] == "function_call_output":
            answered.add(items[begin]["call_id"])
    while (
        0 < begin < len(items) and items[begin]["type"] == "function_call" and items[begin - 1]["type"] == "reasoning"
    ):
        begin -= 1
    return begin


def state_of(kept: Sequence[Item], tail: Sequence[Item]) -> dict[str, str]:
    """Return the items that an automatic compaction keeps with its text."""
    whole = json.dumps(list(tail), ensure_ascii=False)
    after = whole if len(whole) <= MAX_TAIL else json.dumps([_marked(item) for item in tail], ensure_ascii=False)
    return {BEFORE: json.dumps([_marked(item) for item in kept], ensure_ascii=False), AFTER: after}


def expanded(items: list[Item]) -> list[Item]:
    """Return a context that begins with what its last automatic compaction holds; unchanged if it has none."""
    for index in range(len(items) - 1, -1, -1):
        item = items[index]
        if item["type"] == "compaction" and AFTER in item.get("state", ()):
            state = item["state"]
            plain = {name: value for name, value in item.items() if name != "state"}
            return [*json.loads(state[BEFORE]), plain, *json.loads(state[AFTER]), *items[index + 1 :]]
    return items


def _is_of_model(item: Item) -> bool:
    return item["type"] in _OF_THE_MODEL or item.get("role") == "assistant"


def _marked(item: Item) -> Item:
    """Return an item with marks in the place of its images and files."""
    for side in ("content", "output"):
        if isinstance(item.get(side), list):
            item = {**item, side: [_mark(part) for part in item[side]]}
    return item


def _mark(part: dict[str, Any]) -> dict[str, Any]:
    return {"type": "input_text", "text": f"[{part['type']}]"} if part["type"] in _MARKED else part
