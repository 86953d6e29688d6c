"""The context: what the model is to read, out of stored turns and new input. Pure.

It must not know how turns are kept, nor how a provider wants them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from antiphon.errors import ApiError
from antiphon.records import Item, StoredResponse


def context(chain: Sequence[StoredResponse], new: list[Item]) -> list[Item]:
    """Put together all that the model reads: each turn's input, then its output, then the new input.

    A call that a failed or cut turn left without an output is left out, so it never poisons the chain.

    Raises:
        ApiError: 400 ``tool_output_mismatch``, where calls and outputs do not pair up.
    """
    stored = [item for turn in chain for item in (*turn.input, *turn.response["output"])]
    answered = {item["call_id"] for item in (*stored, *new) if item["type"] == "function_call_output"}
    excused = {
        item["call_id"]
        for turn in chain
        if turn.status != "completed"
        for item in turn.response["output"]
        if item["type"] == "function_call" and item["call_id"] not in answered
    }
    kept = [item for item in stored if item["type"] != "function_call" or item["call_id"] not in excused]
    _require_pairs(kept, new)
    return kept + new


def _require_pairs(stored: Iterable[Item], new: Iterable[Item]) -> None:
    """Require that every output answers one earlier call, and every call has its output."""
    waiting: set[str] = set()
    for item in stored:
        _pair(item, waiting, None)
    for index, item in enumerate(new):
        _pair(item, waiting, f"input[{index}].call_id")
    if waiting:
        raise ApiError("tool_output_mismatch", "A function call has no output in the input.", param="input")


def _pair(item: Item, waiting: set[str], param: str | None) -> None:
    if item["type"] == "function_call":
        if item["call_id"] in waiting:
            raise ApiError("tool_output_mismatch", "Two open calls have this call_id.", param=param)
        waiting.add(item["call_id"])
    elif item["type"] == "function_call_output":
        if item["call_id"] not in waiting:
            raise ApiError("tool_output_mismatch", "No open function call has this call_id.", param=param)
        waiting.discard(item["call_id"])
