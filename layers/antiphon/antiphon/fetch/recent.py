"""Remembers for a while what was fetched, so that a conversation's next turn need not fetch its old images again.

It is bounded in bytes and in age. What was not used for the longest time is dropped first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from antiphon.ports import Clock, Door, Fetched

KEPT_BYTES: Final = 32_000_000
KEPT_SECONDS: Final = 600.0


class RecentlyFetched:
    """A ``Door`` before another one.

    Args:
        door: fetches.
        clock: the time.
        max_bytes: how much is kept, all together.
        seconds: for how long.
    """

    def __init__(self, door: Door, clock: Clock, *, max_bytes: int = KEPT_BYTES, seconds: float = KEPT_SECONDS) -> None:
        self._door = door
        self._clock = clock
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._kept: OrderedDict[str, tuple[float, Fetched]] = OrderedDict()

    async def fetch(self, url: str, *, max_bytes: int, deadline: float, again: bool = False) -> Fetched:
        """Read what a URL holds; see ``Door.fetch``.

        Raises:
            FetchError: as the door behind it.
        """
        kept = self._kept.get(url) if again else None
        if kept is not None and kept[0] > self._clock() and len(kept[1].content) <= max_bytes:
            self._kept.move_to_end(url)
            return kept[1]
        fetched = await self._door.fetch(url, max_bytes=max_bytes, deadline=deadline, again=again)
        self._keep(url, fetched)
        return fetched

    def _keep(self, url: str, fetched: Fetched) -> None:
        self._kept.pop(url, None)
        self._kept[url] = (self._clock() + self._seconds, fetched)
        while self._kept and sum(len(kept.content) for _, kept in self._kept.values()) > self._max_bytes:
            self._kept.popitem(last=False)
