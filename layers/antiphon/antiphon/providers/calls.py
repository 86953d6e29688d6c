"""The function calls of a streamed answer: which piece belongs to which call. Pure.

Servers tell parallel calls apart by an index, by an id, or by neither; some repeat an index, an id or a name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from antiphon.ports import ToolCallDelta
from antiphon.spec.arguments import is_whole


@dataclass(slots=True)
class _Call:
    id: str | None = None
    name: str | None = None
    state: dict[str, str] | None = None
    pieces: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return is_whole("".join(self.pieces))


class Calls:
    """All calls of one answer, each with a slot."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._places: dict[Any, int] = {}

    def __len__(self) -> int:
        """Return how many have begun."""
        return len(self._calls)

    @property
    def nameless(self) -> bool:
        """Whether one of them was never named, so nobody can make it."""
        return any(call.name is None for call in self._calls)

    def piece(
        self,
        place: Any,
        call_id: str | None,
        name: str | None,
        arguments: str,
        state: dict[str, str] | None = None,
    ) -> ToolCallDelta | None:
        """Take a piece of a call; None while the call has no name.

        Args:
            place: the index that the piece has; None for none.
            call_id: the id that it has; None for none.
            name: the name that it has; None for none.
            arguments: what it adds to the arguments.
            state: what the provider must be given back with the call; only what comes before or with the name counts.
        """
        slot = self._slot(place, call_id, name, arguments)
        call = self._calls[slot]
        call.pieces.append(arguments)
        call.id = call.id or call_id
        call.state = call.state or state
        if call.name is not None:
            return ToolCallDelta(slot, arguments=arguments)
        if name is None:
            return None
        call.name = name
        return ToolCallDelta(slot, call.id, name, "".join(call.pieces), call.state)

    def has_arguments(self, place: Any) -> bool:
        """Whether some arguments of the call at a place have come."""
        return place in self._places and any(self._calls[self._places[place]].pieces)

    def _slot(self, place: Any, call_id: str | None, name: str | None, arguments: str) -> int:
        found = self._find(place, call_id)
        if found is not None and not self._is_another(found, place, call_id, name, arguments):
            return found
        self._calls.append(_Call())
        if place is not None:
            self._places[place] = len(self._calls) - 1
        return len(self._calls) - 1

    def _find(self, place: Any, call_id: str | None) -> int | None:
        """Find the call of a piece: by its id, else by its place, else the last one."""
        if call_id is not None:
            for slot in reversed(range(len(self._calls))):
                if self._calls[slot].id == call_id:
                    return slot
        if place is not None:
            return self._places.get(place)
        return len(self._calls) - 1 if self._calls else None

    def _is_another(self, slot: int, place: Any, call_id: str | None, name: str | None, arguments: str) -> bool:
        """Whether a piece begins another call than the one that it seems to belong to."""
        call = self._calls[slot]
        differs = None not in (call_id, call.id) and call_id != call.id
        if name is None or call.name is None:
            return differs and place is None
        if name != call.name or differs:
            return True
        if call_id is not None:  # an id that is used again, for another place
            return place is not None and self._places.get(place) != slot and call.whole
        return call.whole and (place is None or bool(arguments))


def arguments_of(value: object) -> str:
    """Return arguments as JSON text: some servers send the object.

    Raises:
        TypeError: they are neither.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    raise TypeError("no arguments")
