"""Which hosts the tools of agents may reach: the operator's list, or any public one over ``https``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from yarl import URL

from antiphon.errors import FetchError
from antiphon.fetch.addresses import read_url

EVERY: Final = "*"


class ToolHosts:
    """The hosts that an operator allows.

    Without a list, every public host may be called over ``https`` at its usual port. With one, only the hosts in it may
    be called; only they may be private, use plain ``http`` or have another port.

    Args:
        listed: each ``host`` or ``host:port``, or ``*`` for every public host. Without a port it is the usual port of
            ``https`` or ``http``.
    """

    def __init__(self, listed: Sequence[str] = ()) -> None:
        self._listed = frozenset(_entry(text) for text in listed if text != EVERY)
        self._every = not listed or EVERY in listed

    def read(self, url: str) -> URL:
        """Read a URL, and check all of it that can be checked without a network.

        Its path and query are kept as they are written: an encoded slash or dot means something else than a plain one,
        and a signature covers them.

        Raises:
            FetchError: it may not be called.
        """
        listed = self._lists(*_place(url))
        if not listed and not self._every:
            raise FetchError("not_allowed")
        read = read_url(url, http=listed, private=listed)
        parts = urlsplit(url)
        if not (parts.path + parts.query).isascii():
            return read
        return URL.build(
            scheme=read.scheme,
            authority=read.raw_authority,
            path=parts.path or "/",
            query_string=parts.query,
            encoded=True,
        )

    def allows_private(self, host: str, port: int) -> bool:
        """Check whether a host may have private addresses."""
        return self._lists(host, port)

    def _lists(self, host: str, port: int | None) -> bool:
        return (host.lower(), port) in self._listed or (port in (443, 80) and (host.lower(), None) in self._listed)


def _entry(text: str) -> tuple[str, int | None]:
    parts = urlsplit(f"//{text}")
    return parts.hostname or "", parts.port


def _place(url: str) -> tuple[str, int | None]:
    """Return the host and port of a URL, as the library reads them that connects."""
    try:
        read = URL(url)
        place = read.raw_host or "", read.port
    except ValueError:
        raise FetchError("not_allowed") from None
    return place
