"""The context: all items that the model reads, from stored turns and the new input."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

from antiphon.errors import ApiError
from antiphon.records import Item, StoredResponse
from antiphon.tools.calls import is_call, is_output

LONGEST_NAME: Final = 64
_NAME: Final = re.compile(rf"[a-zA-Z0-9_-]{{1,{LONGEST_NAME}}}")
_NO_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")


def context(chain: Sequence[StoredResponse], new: list[Item]) -> tuple[list[Item], list[Item]]:
    """Return the items of earlier turns, each turn's input before its output, and the items of the new input.

    A call without an output is left out if its turn failed or was cut, so it never blocks the conversation. An item
    that repeats another is left out, too: some clients send a call again beside its output, or an output twice.

    Raises:
        ApiError: 400 ``tool_output_mismatch``: calls and outputs do not pair up.
    """
    pairs = _Pairs()
    earlier: list[Item] = []
    for turn in chain:
        earlier += pairs.take_input(turn.input, None)
        earlier += pairs.take(turn.response["output"], None, cut=turn.status != "completed")
    asked = pairs.take_input(new, "input")
    dropped = pairs.dropped()
    return [item for item in earlier if id(item) not in dropped], asked


def with_plain_names(items: Iterable[Item]) -> list[Item]:
    """Return items whose calls have names that every provider takes: models sometimes invent others."""
    return [{**item, "name": _plain(item["name"])} if _is_misnamed(item) else item for item in items]


def _is_misnamed(item: Item) -> bool:
    return bool(item["type"] == "function_call") and _NAME.fullmatch(item["name"]) is None


def _plain(name: str) -> str:
    return _NO_NAME.sub("_", name)[:LONGEST_NAME]


class _Pairs:
    """The calls and outputs so far."""

    def __init__(self) -> None:
        self._open: dict[str, Item] = {}
        self._calls: dict[str, Item] = {}
        self._outputs: dict[str, Item] = {}
        self._cut: set[int] = set()
        self._dropped: set[int] = set()

    def take_input(self, items: Sequence[Item], name: str | None) -> list[Item]:
        """Return an input without what repeats earlier turns; ``name`` is its parameter, None for an earlier turn."""
        outputs = [item for item in items if is_output(item)]
        same = {item["call_id"] for item in outputs if _same_output(item, self._outputs.get(item["call_id"]))}
        return self.take(items, name, repeated=same)

    def take(
        self, items: Sequence[Item], name: str | None, *, cut: bool = False, repeated: Container[str] = ()
    ) -> list[Item]:
        """Return items without repeats.

        Args:
            items: the items.
            name: the parameter that they came in, or None.
            cut: they are the output of a turn that failed or was cut: their calls need no output.
            repeated: ids of calls whose output in these items is the same as in an earlier turn.

        Raises:
            ApiError: 400 ``tool_output_mismatch``.
        """
        if cut:
            self._cut.update(map(id, items))
        return [
            item
            for index, item in enumerate(items)
            if self._is_new(item, f"{name}[{index}].call_id" if name else None, repeated)
        ]

    def dropped(self) -> set[int]:
        """Return the identities of the calls that are left out, and require an output for every other call.

        Raises:
            ApiError: 400 ``tool_output_mismatch``.
        """
        left = set(map(id, self._open.values()))
        if left - self._cut:
            raise ApiError("tool_output_mismatch", "A function call has no output in the input.", param="input")
        return self._dropped | left

    def _is_new(self, item: Item, param: str | None, repeated: Container[str]) -> bool:
        if is_call(item):
            return self._is_new_call(item, param, repeated)
        return not is_output(item) or self._is_new_output(item, param)

    def _is_new_call(self, item: Item, param: str | None, repeated: Container[str]) -> bool:
        call = item["call_id"]
        same = _same_call(item, self._calls.get(call))
        if same and (call in self._open or call in repeated):
            return False
        if call in self._open:
            if id(self._open[call]) not in self._cut:
                raise ApiError("tool_output_mismatch", "Two open calls have this call_id.", param=param)
            self._dropped.add(id(self._open[call]))
        self._open[call] = self._calls[call] = item
        return True

    def _is_new_output(self, item: Item, param: str | None) -> bool:
        call = item["call_id"]
        if self._open.pop(call, None) is None:
            if _same_output(item, self._outputs.get(call)):
                return False
            if param is None:  # its call was deleted from the conversation
                return False
            raise ApiError("tool_output_mismatch", "No open function call has this call_id.", param=param)
        self._outputs[call] = item
        return True


def _same_call(one: Item, other: Item | None) -> bool:
    return other is not None and all(_called(one, name) == _called(other, name) for name in _CALLED)


def _same_output(one: Item, other: Item | None) -> bool:
    return other is not None and all(_parts(one.get(name)) == _parts(other.get(name)) for name in ("output", "tools"))


_CALLED: Final = ("type", "name", "arguments", "input", "action", "operation")
"""What makes a call the same, whatever its type. Some clients leave out a namespace when they send a call back."""


def _called(call: Item, name: str) -> Any:
    """Read a field of a call. The same arguments may be written with other spaces."""
    value = call.get(name)
    if name != "arguments" or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _parts(output: str | list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    return [{"type": "input_text", "text": output}] if isinstance(output, str) else output
