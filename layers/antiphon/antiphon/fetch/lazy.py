"""The guarded client, imported on its first use: few requests have a URL."""

from __future__ import annotations

import time

from antiphon import measures
from antiphon.ports import Door, Fetched


class LazyDoor:
    """A ``Door`` that is built when the first URL is fetched.

    Args:
        http: whether URLs may begin with ``http://``.
        private: whether private addresses are allowed.
    """

    def __init__(self, *, http: bool, private: bool) -> None:
        self._http = http
        self._private = private
        self._built: Door | None = None

    async def fetch(self, url: str, *, max_bytes: int, deadline: float, again: bool = False) -> Fetched:
        """Read what a URL holds; see ``Door.fetch``.

        Raises:
            FetchError: it may not be opened, or its content is unusable or too large.
        """
        self._built = self._built or self._build()
        with measures.fetch():
            return await self._built.fetch(url, max_bytes=max_bytes, deadline=deadline, again=again)

    def _build(self) -> Door:
        from antiphon.fetch.door import GuardedDoor
        from antiphon.fetch.recent import RecentlyFetched

        return RecentlyFetched(GuardedDoor(http=self._http, private=self._private), time.monotonic)
