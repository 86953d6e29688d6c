"""Names as addresses that were checked, for connections that go to nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from antiphon.errors import UnresolvedName
from antiphon.fetch.addresses import require_public

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a host name."""

RESOLVERS: Final = 8
"""How many names are looked up at once."""


async def system_addresses(host: str) -> list[str]:
    """Ask the system for the addresses of a name.

    Raises:
        OSError: there are none.
    """
    ask = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_resolvers(), ask)
    return [str(entry[4][0]) for entry in found]


async def checked_addresses(resolve: Resolve, host: str, *, private: bool) -> list[str]:
    """Resolve a name and check every address. If one is not public, refuse the name.

    Raises:
        UnresolvedName: the name has no address.
        FetchError: it has one that is not allowed.
    """
    try:
        found = await resolve(host)
    except OSError:
        raise UnresolvedName from None
    if not found:
        raise UnresolvedName
    return [str(require_public(address, private=private)) for address in found]


def checked_resolver(addresses: Callable[[str, int], Awaitable[list[str]]]) -> AbstractResolver:
    """Return a resolver for aiohttp with only checked addresses. It is not asked if the URL has an address.

    Args:
        addresses: returns the checked addresses of a name, for a port.
    """
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
                for address in await addresses(host, port)
            ]

        async def close(self) -> None:
            """Nothing is open."""

    return Checked()


@cache
def _resolvers() -> ThreadPoolExecutor:
    """Return the threads that look names up: a dead name holds one for half a minute, and must hold no other."""
    return ThreadPoolExecutor(RESOLVERS, "resolver")
