"""One HTTP endpoint that answers a POST with a server-sent event stream: connections, time-outs and refusals.

It must not know protocols: a reader turns bytes into deltas. It never retries: the run decides that. No text of a
provider's is relayed, logged or chained to an error. Every wait is bounded by the call's deadline and, while bytes are
awaited, by the idle limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.request import getproxies

import orjson

from antiphon.errors import ProviderError
from antiphon.ports import Clock, Delta, StopDelta

if TYPE_CHECKING:
    import aiohttp

CONNECT_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 0.1
"""How long the end of the body is awaited after the end mark, so that the connection can be used again."""
WHOLE_BYTES: Final = 1024 * 1024
"""A larger body is sent in pieces, so that it does not hold up the event loop."""
REFUSAL_BYTES: Final = 64 * 1024
"""The most that is read of a body that refuses."""

NO_MODEL: Final = "model_not_found"
"""The code by which OpenAI, and whoever followed, says with a 400 what others say with a 404."""

_AUTH: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN)


class Reader(Protocol):
    """Reads one stream. ``done`` is true once its end mark came, or it can be read no further."""

    done: bool

    def feed(self, data: bytes) -> list[Delta]:
        """Translate the next bytes, however they were cut. What cannot be read ends the stream, and ``stop`` raises."""

    def stop(self) -> StopDelta:
        """Give the last delta, after the end of the stream.

        Raises:
            ProviderError: the stream ended before the model did, failed, or could not be read.
        """


class Endpoint:
    """A URL with its connections.

    Args:
        url: where requests go.
        headers: sent with each, credentials included.
        reader: makes the reader of one stream.
        is_too_long: whether the ``error`` of a body that refuses says that the context is too long.
        idle_seconds: the longest silence.
        clock: to read a ``retry-after`` that is a date.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        reader: Callable[[], Reader],
        is_too_long: Callable[[dict[str, Any]], bool],
        *,
        idle_seconds: float = IDLE_SECONDS,
        clock: Clock = time.time,
    ) -> None:
        self._url = url
        self._headers = {
            "content-type": "application/json",
            "accept": "text/event-stream",
            "accept-encoding": "identity",
            **headers,
        }
        self._reader = reader
        self._is_too_long = is_too_long
        self._idle = idle_seconds
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def stream(self, body: bytes, deadline: float) -> AsyncGenerator[Delta, None]:
        """Send a request and stream its answer; closing the generator closes the connection.

        Raises:
            ProviderError: the endpoint refused, failed, fell silent, or cut or garbled its stream.
        """
        import aiohttp

        try:
            async with await self._post(body, deadline) as response:
                if response.status != HTTPStatus.OK:
                    raise await self._refusal(response)
                reader = self._reader()
                while not reader.done and (data := await response.content.readany()):
                    for delta in reader.feed(data):
                        yield delta
                yield reader.stop()
                await _drain(response.content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise ProviderError("provider_unreachable", retryable=True) from None
        except TimeoutError:
            raise ProviderError("provider_timeout", retryable=True) from None
        except aiohttp.ClientError:
            raise ProviderError("model_error", retryable=True) from None

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, body: bytes, deadline: float) -> aiohttp.ClientResponse:
        import aiohttp

        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise TimeoutError
        timeout = aiohttp.ClientTimeout(
            total=left, sock_connect=CONNECT_SECONDS, sock_read=self._idle, ceil_threshold=math.inf
        )
        session = await self._open_session()
        data = body if len(body) <= WHOLE_BYTES else io.BytesIO(body)
        return await session.post(self._url, data=data, headers=self._headers, timeout=timeout, allow_redirects=False)

    async def _open_session(self) -> aiohttp.ClientSession:
        """Give the session of the running loop; connections of an earlier loop died with it."""
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=bool(getproxies()),  # else every request would look for proxies and a netrc in a thread
            )
            earlier, self._session, self._loop = self._session, session, loop
            if earlier is not None:
                await earlier.close()
        return self._session

    async def _refusal(self, response: aiohttp.ClientResponse) -> ProviderError:
        status, seconds = response.status, _seconds(response.headers.get("retry-after"), self._clock)
        if status in _AUTH:
            return ProviderError("provider_auth")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return ProviderError("provider_rate_limited", retryable=True, retry_after=seconds)
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ProviderError("model_error", retryable=True, retry_after=seconds)
        if status == HTTPStatus.NOT_FOUND:
            return ProviderError("provider_model_not_found")
        told = await self._told(response.content) if status == HTTPStatus.BAD_REQUEST else None
        return ProviderError(told or "provider_refused_request")

    async def _told(self, content: aiohttp.StreamReader) -> str | None:
        """Read what a body that refuses says; None where that is nothing known."""
        body = b""
        while len(body) < REFUSAL_BYTES and (data := await content.readany()):
            body += data
        try:
            error = orjson.loads(body)["error"]
            if self._is_too_long(error):
                return "context_length_exceeded"
            return "provider_model_not_found" if error.get("code") == NO_MODEL else None
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


async def _drain(content: aiohttp.StreamReader) -> None:
    import aiohttp

    with contextlib.suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while await content.readany():
                pass


def _seconds(retry_after: str | None, clock: Clock) -> int | None:
    """Read ``retry-after``, seconds or a date (RFC 9110, section 10.2.3); None where it is neither."""
    if retry_after is None:
        return None
    try:
        if retry_after.strip().isdecimal():
            return int(retry_after)
        return max(0, math.ceil(parsedate_to_datetime(retry_after).timestamp() - clock()))
    except ValueError:
        return None
