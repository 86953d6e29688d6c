"""The one client for all that the tools of agents send over HTTP.

    URL -> read and held against the operator's list -> host resolved by us -> every address checked
        -> connected to exactly these -> sent once -> answer read as it comes, up to a limit; a redirect is a failure

It shares its checks with the door for URLs of callers. Unlike that door it sends bodies and credentials, so it follows
no redirect and repeats nothing, and it notes whether a request has left: if it has, a tool may have run. If the
environment names a proxy, the proxy resolves names: the URL is checked here, its addresses are not.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Literal

from antiphon.errors import AntiphonError, FetchError, UnresolvedName
from antiphon.fetch.hosts import ToolHosts
from antiphon.fetch.resolution import Resolve, checked_addresses, checked_resolver, system_addresses
from antiphon.ports import ToolFailure
from antiphon.proxies import Proxy, proxy_for

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

MAX_REPLY_BYTES: Final = 1024 * 1024
"""The most that is read of an answer."""
CONNECT_SECONDS: Final = 10.0
KEPT_SECONDS: Final = 4.0
"""How long an idle connection is kept: less than most servers keep theirs (5 s or more), so that a request seldom meets
one that was closed while a function was frozen."""

DRAIN_SECONDS: Final = 0.05
"""How long to wait for the end of a body of which nothing more is needed."""

_REDIRECTS: Final = frozenset({300, 301, 302, 303, 305, 307, 308})
_HEADERS: Final = {"accept-encoding": "identity", "user-agent": "Antiphon"}

Reason = Literal["not_allowed", "unresolved", "unreachable", "timeout", "cut", "redirect", "encoded", "too_large"]

_REFUSED: Final = "The operator does not allow this address."
_MESSAGES: Final[dict[Reason, str]] = {
    "not_allowed": _REFUSED,
    "unresolved": _REFUSED,  # as for a name that is not to be known
    "unreachable": "The server cannot be reached.",
    "timeout": "The server did not answer in time.",
    "cut": "The server ended the connection before its answer was whole.",
    "redirect": "The server redirects, which is not followed: use the URL that it redirects to.",
    "encoded": "The server compressed its answer, although it was asked not to.",
    "too_large": f"The answer is larger than {MAX_REPLY_BYTES} bytes.",
}


class EgressError(AntiphonError):
    """A request got no answer that can be used. It holds no URL, header or body.

    Args:
        reason: what happened.
        sent: whether the request had left, at least in part.
        status: the status of the answer; 0 if there was none.
    """

    def __init__(self, reason: Reason, *, sent: bool, status: int = 0) -> None:
        self.reason = reason
        self.sent = sent
        self.status = status
        super().__init__(reason)

    @property
    def failure(self) -> ToolFailure:
        """Return the failure of the call that sent the request."""
        message = _MESSAGES[self.reason]
        if self.reason == "redirect":
            return ToolFailure("http", message, self.status)
        if self.reason in ("encoded", "too_large"):
            return ToolFailure("protocol", message)
        return ToolFailure("unknown" if self.sent else "refused", message)


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A request.

    Attributes:
        url: already encoded; it is sent as it stands.
        method: in capitals.
        headers: by their names in lower case. They may hold secrets, so they are not part of the repr.
        body: what is sent; empty for nothing.
        server: the URL of the server, without anything of the call; empty if ``url`` is that.
    """

    url: str = field(repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    server: str = ""


class ToolReply:
    """An answer, whose body is read as it comes.

    Attributes:
        status: its status; none of a redirect.
        headers: its headers; names of any case find them.
        left: how many bytes may still be read.
    """

    def __init__(self, response: aiohttp.ClientResponse, max_bytes: int) -> None:
        self._response = response
        self.left = max_bytes
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    @property
    def media_type(self) -> str:
        """Return the media type, in lower case and without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body piece by piece.

        Raises:
            EgressError: ``too_large``, ``timeout`` or ``cut``.
        """
        if (self._response.content_length or 0) > self.left:
            raise EgressError("too_large", sent=True, status=self.status)
        while piece := await self._piece():
            self.left -= len(piece)
            if self.left < 0:
                raise EgressError("too_large", sent=True, status=self.status)
            yield piece

    async def read(self) -> bytes:
        """Return the whole body.

        Raises:
            EgressError: ``too_large``, ``timeout`` or ``cut``.
        """
        return b"".join([piece async for piece in self.pieces()])

    async def drain(self) -> None:
        """Read what is left if it comes at once, so that the connection can be used again."""
        with contextlib.suppress(TimeoutError, EgressError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while await self._piece():
                    pass

    async def _piece(self) -> bytes:
        import aiohttp

        try:
            return await self._response.content.readany()
        except TimeoutError:
            raise EgressError("timeout", sent=True, status=self.status) from None
        except (aiohttp.ClientError, OSError):
            raise EgressError("cut", sent=True, status=self.status) from None


class Egress:
    """Sends requests of tools, and keeps connections open for a while.

    Args:
        hosts: which hosts may be called.
        resolve: asks for the addresses of a name.
    """

    def __init__(self, hosts: ToolHosts, *, resolve: Resolve = system_addresses) -> None:
        self._hosts = hosts
        self._resolve = resolve
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def send(
        self, request: ToolRequest, *, deadline: float, max_bytes: int = MAX_REPLY_BYTES
    ) -> AsyncGenerator[ToolReply, None]:
        """Send a request once. Leaving the context before the body has ended closes the connection.

        Args:
            request: the request.
            deadline: until when to wait for the answer and its body, in the event loop's time (seconds).
            max_bytes: the most that is read of the body.

        Raises:
            EgressError: no answer came, or none that can be used.
        """
        response = await self._ask(request, deadline)
        try:
            if response.status in _REDIRECTS:
                raise EgressError("redirect", sent=True, status=response.status)
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise EgressError("encoded", sent=True, status=response.status)
            yield ToolReply(response, max_bytes)
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _ask(self, request: ToolRequest, deadline: float) -> aiohttp.ClientResponse:
        import aiohttp

        progress = SimpleNamespace(sent=False)
        try:
            url = self._hosts.read(request.url)
            return await self._request(request, url, deadline, progress)
        except UnresolvedName:
            raise EgressError("unresolved", sent=False) from None
        except FetchError:
            raise EgressError("not_allowed", sent=False) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError):
            raise EgressError("unreachable", sent=False) from None
        except TimeoutError:
            raise EgressError("timeout", sent=progress.sent) from None
        except (aiohttp.ClientError, OSError):
            raise EgressError("cut" if progress.sent else "unreachable", sent=progress.sent) from None
        except ValueError:  # what aiohttp raises for a header that cannot be sent
            raise EgressError("not_allowed", sent=False) from None

    async def _request(
        self, request: ToolRequest, url: URL, deadline: float, progress: SimpleNamespace
    ) -> aiohttp.ClientResponse:
        import aiohttp

        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise TimeoutError
        proxy = proxy_for(request.url, os.environ)
        timeout = aiohttp.ClientTimeout(total=left, sock_connect=CONNECT_SECONDS, ceil_threshold=math.inf)
        session = await self._session(proxied=proxy is not None)
        return await session.request(
            request.method,
            url,
            data=request.body or None,
            timeout=timeout,
            allow_redirects=False,
            trace_request_ctx=progress,
            **_through(proxy, url, {**_HEADERS, **request.headers}),
        )

    async def _session(self, *, proxied: bool) -> aiohttp.ClientSession:
        """Return a session of the running loop. Connections of an earlier loop ended with it."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            await self.aclose()
            self._loop = loop
        if proxied not in self._sessions:
            self._sessions[proxied] = self._open(proxied=proxied)
        return self._sessions[proxied]

    def _open(self, *, proxied: bool) -> aiohttp.ClientSession:
        import aiohttp

        connector = aiohttp.TCPConnector(
            resolver=None if proxied else checked_resolver(self._addresses),
            use_dns_cache=False,
            limit=0,
            keepalive_timeout=KEPT_SECONDS,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("content-type",),
            trace_configs=[_noting_what_was_sent()],
        )
        session._retry_connection = False  # noqa: SLF001 - it sends a PUT or DELETE twice, and has no public switch
        return session

    async def _addresses(self, host: str, port: int) -> list[str]:
        return await checked_addresses(self._resolve, host, private=self._hosts.allows_private(host, port))


def _through(proxy: Proxy | None, url: URL, headers: dict[str, str]) -> dict[str, Any]:
    """Return how a request reaches a proxy, whose credentials go with a request that is not tunnelled."""
    if proxy is None:
        return {"headers": headers}
    if url.scheme == "https":
        return {"headers": headers, "proxy": proxy.url, "proxy_headers": proxy.headers}
    return {"headers": {**headers, **proxy.headers}, "proxy": proxy.url}


def _noting_what_was_sent() -> aiohttp.TraceConfig:
    import aiohttp

    async def note(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.sent = True

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(note)
    return config
