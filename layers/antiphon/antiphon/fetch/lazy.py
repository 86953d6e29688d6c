"""The guarded clients, imported on their first use: few requests have a URL, and few call a webhook."""

from __future__ import annotations

import time
from collections.abc import Mapping

from antiphon import measures
from antiphon.errors import FetchError
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


class LazyPost:
    """The port ``Post`` for a request now and then: each has its own connection.

    Args:
        hosts: where webhooks may be, see ``ToolHosts``.
    """

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._hosts = hosts

    def allows(self, url: str) -> bool:
        """Check whether a webhook may be at a URL, before its name is looked up."""
        from antiphon.fetch.hosts import ToolHosts

        try:
            ToolHosts(self._hosts).read(url)
        except FetchError:
            return False
        return True

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> str:
        """Send a body once, see ``Post``."""
        from antiphon.fetch.posting import webhook_post

        post = webhook_post(self._hosts)
        try:
            return await post(url, headers, body, seconds)
        finally:
            await post.aclose()
