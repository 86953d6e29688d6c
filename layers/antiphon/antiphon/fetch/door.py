"""The one guarded door for URLs that a caller chose (docs/adr/0005).

    URL -> read and checked -> host resolved by us -> every address checked -> connected to exactly these
        -> a redirect goes the same way again, three times at most -> body read up to a limit

A name is resolved once for a connection, and the connection takes what was checked, so a name that changes its address
in between gains nothing. There are no cookies, credentials or proxies, and no connection stays open. A refusal is one
word, so that nobody can map a network with it.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from yarl import URL

from antiphon.errors import FetchError
from antiphon.fetch.addresses import read_url
from antiphon.fetch.resolution import Resolve, checked_addresses, checked_resolver, system_addresses
from antiphon.ports import Fetched

if TYPE_CHECKING:
    import aiohttp

MAX_REDIRECTS: Final = 3
FETCH_SECONDS: Final = 20.0
"""The longest wait for one URL, including redirects and body."""

_PIECE: Final = 65_536
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HEADERS: Final = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "Antiphon"}


class GuardedDoor:
    """Opens public URLs, and no others.

    Args:
        http: ``http`` is allowed beside ``https``.
        private: private addresses and any port are allowed; for tests, or a network without secrets.
        resolve: asks for the addresses of a name.
    """

    def __init__(self, *, http: bool = False, private: bool = False, resolve: Resolve | None = None) -> None:
        self._http = http
        self._private = private
        self._resolve = resolve or system_addresses

    async def fetch(self, url: str, *, max_bytes: int, deadline: float, again: bool = False) -> Fetched:  # noqa: ARG002
        """Read what a URL holds; see ``Door.fetch``. Nothing is remembered here.

        Raises:
            FetchError: it may not be opened, gave nothing that can be used, or too much.
        """
        import aiohttp

        target = self._read(url)
        now = asyncio.get_running_loop().time()
        if deadline <= now:
            raise FetchError("unreachable")
        try:
            async with asyncio.timeout_at(min(deadline, now + FETCH_SECONDS)):
                async with self._session() as session:
                    return await self._follow(session, target, max_bytes)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
            raise FetchError("unreachable") from None

    def _read(self, url: str) -> URL:
        return read_url(url, http=self._http, private=self._private)

    def _session(self) -> aiohttp.ClientSession:
        import aiohttp

        connector = aiohttp.TCPConnector(
            resolver=checked_resolver(lambda host, _port: self._addresses(host)),
            use_dns_cache=False,
            force_close=True,
            limit=1,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers=_HEADERS,
        )

    async def _addresses(self, host: str) -> list[str]:
        return await checked_addresses(self._resolve, host, private=self._private)

    async def _follow(self, session: aiohttp.ClientSession, target: URL, max_bytes: int) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            async with session.get(target, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    return await _content(response, max_bytes)
                location = response.headers.get("location", "")
            target = self._read(str(target.join(self._relative(location))))
        raise FetchError("unreachable")

    def _relative(self, location: str) -> URL:
        try:
            return URL(location)
        except ValueError:
            raise FetchError("not_allowed") from None


async def _content(response: aiohttp.ClientResponse, max_bytes: int) -> Fetched:
    if response.status != HTTPStatus.OK or response.headers.get("content-encoding", "identity") != "identity":
        raise FetchError("unreachable")
    if (response.content_length or 0) > max_bytes:
        raise FetchError("too_large")
    content = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        content += piece
        if len(content) > max_bytes:
            raise FetchError("too_large")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Fetched(bytes(content), media_type)
