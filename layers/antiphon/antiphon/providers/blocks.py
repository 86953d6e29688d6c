"""Puts the events of blocks whose events interleave in order: the texts of two blocks are never mixed. Pure.

The first block streams. What comes of another one waits until the first has ended. Some servers leave out the ends of
blocks: if only others are heard of for a while, a block has ended, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from antiphon.ports import Delta

PATIENCE: Final = 16
"""How many events of others in a row end a block."""

Event = TypeVar("Event")
_NONE: Final = object()


class Blocks(Generic[Event]):
    """The blocks of one answer.

    Args:
        handle: takes a block's place and its next event, and adds deltas. It is on the path of every token.
    """

    def __init__(self, handle: Callable[[Any, Event, list[Delta]], None]) -> None:
        self._handle = handle
        self._open: Any = _NONE
        self._free: set[Any] = set()
        self._waiting: list[tuple[Any, Event, bool]] = []
        self._others = 0

    @property
    def is_idle(self) -> bool:
        """Whether no block is open."""
        return self._open is _NONE

    def streams(self, place: Any) -> bool:
        """Whether a block is open and no other waits: its next event need not be taken, except for its last."""
        return place == self._open and not self._waiting

    def take(self, place: Any, event: Event, deltas: list[Delta], *, ends: bool = False) -> None:
        """Take the next event of a block; ``ends`` if it is the last one."""
        if place == self._open and not ends:
            self._others = 0
            self._handle(place, event, deltas)
            return
        if self._must_wait(place):
            self._waiting.append((place, event, ends))
            self._others += 1
            if self._others < PATIENCE:
                return
            self._open = _NONE
        else:
            self._pass(place, event, deltas, ends=ends)
        self._release(deltas)

    def free(self, place: Any) -> None:
        """Let the events of a block pass at any time, such as those of a function call."""
        self._free.add(place)
        if place == self._open:
            self._open = _NONE

    def finish(self, deltas: list[Delta]) -> None:
        """End all blocks, one after the other."""
        self._open = _NONE
        while self._waiting:
            self._release(deltas)
            self._open = _NONE

    def _must_wait(self, place: Any) -> bool:
        return self._open is not _NONE and place != self._open and place not in self._free

    def _pass(self, place: Any, event: Event, deltas: list[Delta], *, ends: bool) -> None:
        self._others = 0
        if place not in self._free:
            self._open = _NONE if ends else place
        self._handle(place, event, deltas)

    def _release(self, deltas: list[Delta]) -> None:
        """Pass on what waits, in the order in which blocks begin, until one is open that has not ended."""
        while self._open is _NONE and self._waiting:
            waiting, self._waiting = self._waiting, []
            for index, (place, event, ends) in enumerate(waiting):
                if self._must_wait(place):
                    self._waiting.append((place, event, ends))
                    continue
                self._pass(place, event, deltas, ends=ends)
                if self._open is _NONE:  # what waited before comes first
                    self._waiting += waiting[index + 1 :]
                    break
