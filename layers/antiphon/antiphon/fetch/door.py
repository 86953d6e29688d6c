"""The one guarded door for URLs that a caller chose (docs/adr/0005).

    URL -> read and checked -> host resolved by us -> every address checked -> connected to exactly these
        -> a redirect goes the same way again, three times at most -> body read up to a limit

A name is resolved once for a connection, and the connection takes what was checked, so a name that changes its address
in between gains nothing. There are no cookies, credentials or proxies, and no connection stays open. A refusal is one
word, so that nobody can map a network with it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from yarl import URL

from antiphon.errors import FetchError
from antiphon.fetch.addresses import read_url, require_public
from antiphon.ports import Fetched

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a host name."""

MAX_REDIRECTS: Final = 3
FETCH_SECONDS: Final = 20.0
"""The longest wait for one URL, including redirects and body."""

RESOLVERS: Final = 8
"""How many names are looked up at once."""

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
            resolver=_resolver(self._addresses), use_dns_cache=False, force_close=True, limit=1
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers=_HEADERS,
        )

    async def _addresses(self, host: str) -> list[str]:
        """Resolve a name and check every address. If one is not public, refuse the name."""
        try:
            found = await self._resolve(host)
        except OSError:
            raise FetchError("not_allowed") from None  # as for a name that is not to be known
        if not found:
            raise FetchError("not_allowed")
        return [str(require_public(address, private=self._private)) for address in found]

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


async def system_addresses(host: str) -> list[str]:
    """Ask the system for the addresses of a name.

    Raises:
        OSError: there are none.
    """
    ask = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_resolvers(), ask)
    return [str(entry[4][0]) for entry in found]


@cache
def _resolvers() -> ThreadPoolExecutor:
    """Return the threads that look names up: a dead name holds one for half a minute, and must hold no other."""
    return ThreadPoolExecutor(RESOLVERS, "resolver")


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


def _resolver(addresses: Callable[[str], Awaitable[list[str]]]) -> AbstractResolver:
    """Return a resolver for aiohttp with only checked addresses. It is not asked if the URL has an address."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Checked(AbstractResolver):
        async def resolve(
            self,
            host: str,
            port: int = 0,
            family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002
        ) -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                    proto=socket.IPPROTO_TCP,
                    flags=socket.AI_NUMERICHOST,
                )
                for address in await addresses(host)
            ]

        async def close(self) -> None:
            """Nothing is open."""

    return Checked()
