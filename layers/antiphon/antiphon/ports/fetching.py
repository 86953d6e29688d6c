"""The interface of the client that opens the URLs of callers."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Fetched(NamedTuple):
    """What a URL holds. ``media_type`` as declared, in lower case, without parameters; empty for none."""

    content: bytes
    media_type: str


class Door(Protocol):
    """The one way to URLs that a caller chose."""

    async def fetch(self, url: str, *, max_bytes: int, deadline: float, again: bool = False) -> Fetched:
        """Read what a URL holds.

        Args:
            url: what the caller gave, unchecked.
            max_bytes: the most that is read.
            deadline: by when it must have ended, in the event loop's time (seconds).
            again: it was read in an earlier turn: what came then will do.

        Raises:
            FetchError: it may not be opened, gave nothing that can be used, or too much.
        """
