"""Work that grows with a conversation: in place if it is small, in a thread if it would hold up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from antiphon.ports import ModelCall
from antiphon.records import Item

T = TypeVar("T")

LARGE: Final = 200_000
"""Characters: counting the tokens of more takes longer than a few milliseconds."""

ITEM: Final = 100
"""The characters that an item counts for besides its text."""

MANY: Final = 500
"""Items: settling the ids of more takes longer than a few milliseconds."""


async def aside(call: ModelCall, work: Callable[[], T]) -> T:
    """Do some work on a call."""
    if is_large(call.items, len(call.instructions)):
        return await asyncio.to_thread(work)
    return work()


async def aside_if_many(count: int, work: Callable[[], T]) -> T:
    """Do some work on that many items."""
    return await asyncio.to_thread(work) if count > MANY else work()


def is_large(items: Sequence[Item], weight: int = 0) -> bool:
    """Return whether items weigh more than ``LARGE``; it looks at no more of them than that takes."""
    for item in items:
        weight += ITEM + sum(map(len, _texts(item)))
        if weight > LARGE:
            return True
    return False


def _texts(item: Item) -> Iterator[str]:
    for value in item.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from _part_texts(value)


def _part_texts(parts: Sequence[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, dict):
            yield from (value for value in part.values() if isinstance(value, str))
