"""The model's window: check that a context fits, or leave out the oldest turns (``truncation``).

    room = the agent's ``context_tokens`` - ``max_output_tokens``

A turn begins with a user's message and lasts until the next one. It does not end between a call and its output.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from antiphon.errors import ApiError
from antiphon.ports import ModelCall
from antiphon.records import Item

_INSTRUCTING: Final = ("system", "developer")


def fitted(call: ModelCall, context_tokens: int | None, new: int, count: Callable[[ModelCall], int]) -> ModelCall:
    """Return the call as it fits the window: unchanged or, with ``truncation`` ``auto``, without its oldest turns.

    Args:
        call: what would be asked.
        context_tokens: the window, or None if it is not known: then the call is unchanged.
        new: how many of the last items are the new input, which stays; 0 if the input is the whole conversation: then
            its last turn stays.
        count: counts a call's tokens.

    Raises:
        ApiError: 400 ``context_length_exceeded``.
    """
    if context_tokens is None:
        return call
    room = context_tokens - (call.settings["max_output_tokens"] or 0)
    if count(call) <= room:
        return call
    if call.settings["truncation"] == "auto":
        turns = older_turns(call.items, new)
        dropped = bisect_left(range(len(turns)), x=True, key=lambda n: count(_without(call, turns[:n])) <= room)
        shorter = _without(call, turns[:dropped])
        if count(shorter) <= room:
            return shorter
    raise ApiError("context_length_exceeded", f"The conversation may have at most {room} tokens.", param="input")


def older_turns(items: Sequence[Item], new: int) -> list[range]:
    """List the whole turns before the new input, oldest first, as ranges of indices."""
    waiting: set[str] = set()
    begins = [0]
    for index, item in enumerate(items):
        follows = index > 0 and items[index - 1].get("role") != "user"
        if item.get("role") == "user" and follows and not waiting:
            begins.append(index)
        if item["type"] == "function_call":
            waiting.add(item["call_id"])
        elif item["type"] == "function_call_output":
            waiting.discard(item["call_id"])
    stays = len(items) - new if new else begins[-1]
    ends = [*begins[1:], len(items)]
    return [range(begin, end) for begin, end in zip(begins, ends, strict=True) if end <= stays]


def _without(call: ModelCall, turns: Sequence[range]) -> ModelCall:
    """Leave out turns, but never instructions or compaction items."""
    left = turns[-1].stop if turns else 0
    kept = [item for item in call.items[:left] if item.get("role") in _INSTRUCTING or item["type"] == "compaction"]
    return replace(call, items=[*kept, *call.items[left:]], asked=min(call.asked, len(kept) + len(call.items) - left))
