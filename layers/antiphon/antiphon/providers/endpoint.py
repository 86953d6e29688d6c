"""One HTTP endpoint that answers a POST with a stream: connections, time-outs and refusals.

A reader turns the bytes of an answer into deltas. Calls are not retried here. No text of a provider is relayed, logged
or chained to an error. Every wait is bounded by the call's deadline and, while bytes are awaited, by the idle limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import os
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

import orjson

from antiphon.errors import ProviderError
from antiphon.ports import ApiKey, Clock, Delta, StopDelta
from antiphon.proxies import proxy_for

if TYPE_CHECKING:
    import ssl

    import aiohttp

CONNECT_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 0.1
"""How long to wait for the end of the body after the end mark, so that the connection can be used again."""
WHOLE_BYTES: Final = 1024 * 1024
"""A larger body is sent in pieces, so that it does not hold up the event loop."""
REFUSAL_BYTES: Final = 64 * 1024
"""The most that is read of a body that refuses."""

NO_MODEL: Final = "model_not_found"
"""A code of OpenAI and compatible servers, which send it with a 400 where others send a 404."""

FILTERED: Final = "content_filter"
"""Not an error: the provider's safety system refused the prompt, which ends the turn."""

Refusal = tuple[str, bool]
"""The code of a ``ProviderError``, or ``FILTERED``, and whether the same call may succeed later."""

ErrorOf = Callable[[Mapping[str, str], bytes], dict[str, Any]]

_WORD: Final = re.compile(r"[A-Za-z0-9_.#:-]{1,64}")
_DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_AUTH: Final = (*_DENIED, HTTPStatus.PAYMENT_REQUIRED)
_STALE: Final = frozenset({"ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException"})
"""What AWS calls a token that has expired and a signature that is too old: new ones may be taken."""


class Reader(Protocol):
    """Reads one stream. ``done`` is true once its end mark came, or it can be read no further."""

    done: bool

    def feed(self, data: bytes) -> list[Delta]:
        """Translate the next bytes, however they were cut. What cannot be read ends the stream, and ``stop`` raises."""

    def end(self) -> list[Delta]:
        """Translate what the end of the body completes."""

    def stop(self) -> StopDelta:
        """Return the last delta, after the end of the stream.

        Raises:
            ProviderError: the stream ended before the model did, failed, or could not be read.
        """


class Address(NamedTuple):
    """Where a request goes, with what proves who sends it.

    Attributes:
        url: as it is sent; it is already encoded.
        headers: sent beside the endpoint's own.
        trust: the certificates to trust; True for the usual ones.
    """

    url: str
    headers: Mapping[str, str]
    trust: ssl.SSLContext | bool = True


class Sign(Protocol):
    """Signs a request right before it is sent."""

    def __call__(self, *, anew: bool = False) -> Awaitable[Address]:
        """Return where the request goes, and its proof.

        Args:
            anew: read the credentials again, since the last ones were refused.

        Raises:
            ProviderError: there are no credentials.
        """


class GivenKey:
    """An ``ApiKey`` that never changes.

    Args:
        key: the key; white space around it, such as the end of a file's line, is dropped.
    """

    def __init__(self, key: str) -> None:
        self._key = key.strip()

    async def get(self) -> str:
        """Return the key."""
        return self._key

    async def renewed(self, refused: str) -> str | None:
        """Return None: there is no other."""


class Endpoint:
    """A URL with its connections.

    Args:
        url: where requests go; empty if each is signed, and its signature has the URL.
        headers: sent with each.
        key: sent with each; None for none. If it is refused and another is found, the request is sent once more.
        key_header: where the key goes; see ``credentials``.
        told: returns what an error in a body means, or None if only the status counts.
        error_of: reads the error from headers and body; by default, the body's ``error``.
        idle_seconds: the longest silence.
        clock: to read a ``retry-after`` that is a date.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        told: Callable[[dict[str, Any]], Refusal | None],
        *,
        key: ApiKey | str | None = None,
        key_header: str = "authorization",
        error_of: ErrorOf | None = None,
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
        self._key = GivenKey(key) if isinstance(key, str) else key
        self._key_header = key_header
        self._told = told
        self._error_of = error_of or _error_in
        self._idle = idle_seconds
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def stream(
        self,
        body: bytes,
        deadline: float,
        reader: Reader,
        headers: Mapping[str, str] | None = None,
        sign: Sign | None = None,
        url: str = "",
    ) -> AsyncGenerator[Delta, None]:
        """Send a request, with further headers, and stream its answer; closing the generator closes the connection.

        Args:
            body: what is sent; empty for a GET.
            deadline: until when to wait, in the event loop's time (seconds).
            reader: reads the answer.
            headers: sent beside the endpoint's own.
            sign: returns the URL of this request and its proof, right before it is sent.
            url: where the request goes; empty for the endpoint's own.

        Raises:
            ProviderError: the endpoint refused, failed, fell silent, or cut or garbled its stream; or ``sign`` failed.
        """
        import aiohttp

        try:
            async with await self._ask(body, deadline, headers or {}, sign, url) as response:
                if response.status != HTTPStatus.OK:
                    yield await self._refused(response)
                    return
                while not reader.done and (data := await response.content.readany()):
                    for delta in reader.feed(data):
                        yield delta
                for delta in reader.end():
                    yield delta
                yield reader.stop()
                await _drain(response.content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError):
            raise ProviderError("provider_unreachable", retryable=True) from None
        except TimeoutError:
            raise ProviderError("provider_timeout", retryable=True) from None
        except aiohttp.ClientError:
            raise ProviderError("model_error", retryable=True) from None

    async def send(self, method: str, url: str, deadline: float) -> None:
        """Send a request without a body, and ignore the result."""
        import aiohttp

        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ProviderError):
            async with asyncio.timeout_at(deadline):
                key = credentials(await self._key.get(), self._key_header) if self._key is not None else {}
                (await self._request(method, url, b"", deadline, key)).release()

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(
        self, body: bytes, deadline: float, more: Mapping[str, str], sign: Sign | None, url: str
    ) -> aiohttp.ClientResponse:
        """Send a request with its proof or the key. If the key is refused and another is found, send it once more."""
        if sign is not None:
            return await self._ask_signed(body, deadline, more, sign)
        if self._key is None:
            return await self._post(body, deadline, more, url=url)
        async with asyncio.timeout_at(deadline):
            key = await self._key.get()
        response = await self._post(body, deadline, {**more, **credentials(key, self._key_header)}, url=url)
        if response.status not in _DENIED:
            return response
        with contextlib.ExitStack() as unread:
            unread.callback(response.close)
            async with asyncio.timeout_at(deadline):
                other = await self._key.renewed(key)
            if other is None:
                unread.pop_all()
                return response
        return await self._post(body, deadline, {**more, **credentials(other, self._key_header)}, url=url)

    async def _ask_signed(
        self, body: bytes, deadline: float, more: Mapping[str, str], sign: Sign
    ) -> aiohttp.ClientResponse:
        """Send a signed request, and once more with new credentials if AWS calls the first ones expired."""
        async with asyncio.timeout_at(deadline):
            address = await sign()
        response = await self._post(body, deadline, more, address)
        if response.headers.get("x-amzn-errortype", "").partition(":")[0] not in _STALE:
            return response
        response.close()
        async with asyncio.timeout_at(deadline):
            address = await sign(anew=True)
        return await self._post(body, deadline, more, address)

    async def _post(
        self, body: bytes, deadline: float, more: Mapping[str, str], address: Address | None = None, url: str = ""
    ) -> aiohttp.ClientResponse:
        return await self._request("POST" if body else "GET", url or self._url, body, deadline, more, address)

    async def _request(
        self,
        method: str,
        url: str,
        body: bytes,
        deadline: float,
        more: Mapping[str, str],
        address: Address | None = None,
    ) -> aiohttp.ClientResponse:
        import aiohttp
        import yarl

        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise TimeoutError
        timeout = aiohttp.ClientTimeout(
            total=left, sock_connect=CONNECT_SECONDS, sock_read=self._idle, ceil_threshold=math.inf
        )
        session = await self._open_session()
        data = body if len(body) <= WHOLE_BYTES else io.BytesIO(body)
        signed = address or Address(url, {})
        try:
            proxy = proxy_for(signed.url, os.environ)
            tunnelled = signed.url.startswith("https:")
            proof = proxy.headers if proxy else {}  # for the tunnel, or with the request if there is none
            return await session.request(
                method,
                yarl.URL(signed.url, encoded=address is not None),
                data=data or None,
                headers={**self._headers, **more, **signed.headers, **({} if tunnelled else proof)},
                timeout=timeout,
                allow_redirects=False,
                ssl=signed.trust,
                proxy=proxy and proxy.url,
                proxy_headers=proof if tunnelled else None,
            )
        except ValueError:  # what aiohttp, yarl and the codec of host names raise for a URL that cannot be asked
            raise ProviderError("provider_unreachable", retryable=True) from None

    async def _open_session(self) -> aiohttp.ClientSession:
        """Return the session of the running loop. Connections of an earlier loop ended with it."""
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            earlier, self._session, self._loop = self._session, session, loop
            if earlier is not None:
                await earlier.close()
        return self._session

    async def _refused(self, response: aiohttp.ClientResponse) -> StopDelta:
        """Return a stop for a filtered prompt. Raise what any other refusal means, by its body or else its status.

        Raises:
            ProviderError: it is anything else.
        """
        seconds = seconds_of(response.headers.get("retry-after"), self._clock)
        error = await self._read(response)
        code, retryable = self._meaning(error) or by_status(response.status)
        if code == FILTERED:
            return StopDelta("content_filter")
        facts: dict[str, str | int] = {"status": int(response.status), **facts_of(error)}
        raise ProviderError(code, retryable=retryable, retry_after=seconds if retryable else None, facts=facts)

    async def _read(self, response: aiohttp.ClientResponse) -> dict[str, Any]:
        """Read the error of a body that refuses; empty if it cannot be read."""
        body = b""
        while len(body) < REFUSAL_BYTES and (data := await response.content.readany()):
            body += data
        try:
            return self._error_of(response.headers, body)
        except (ValueError, TypeError, KeyError, AttributeError):
            return {}

    def _meaning(self, error: dict[str, Any]) -> Refusal | None:
        try:
            return ("provider_model_not_found", False) if error.get("code") == NO_MODEL else self._told(error)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


def _error_in(_headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    return error_in(orjson.loads(body))


def error_in(body: Any) -> dict[str, Any]:
    """Return the error of a body: an object or a text below ``error``, a list with one such (Gemini), or the body.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(body, list):
        body = body[0] if body else None
    if isinstance(body, dict) and body.get("error"):
        error = body["error"]
        if isinstance(error, str):
            return {"message": error, "type": body.get("error_type")}
        return error_in(error)
    if not isinstance(body, dict):
        raise TypeError("no error")
    return body


def facts_of(error: dict[str, Any]) -> dict[str, str]:
    """Return the type and code of a provider's error for the log, if they are words of a protocol and not free text."""
    found = {"provider_type": error.get("type"), "provider_code": error.get("code")}
    return {name: str(word) for name, word in found.items() if word is not None and _WORD.fullmatch(str(word))}


def credentials(api_key: str, header: str = "authorization") -> dict[str, str]:
    """Return the header that carries a key: as a bearer token, or as it is.

    Raises:
        ProviderError: ``provider_auth``: no header can hold the key.
    """
    if not api_key.isprintable():
        raise ProviderError("provider_auth")
    return {header: f"Bearer {api_key}" if header == "authorization" else api_key}


def url_of(base_url: str, path: str) -> str:
    """Return the URL of a path below another one, whose query stays (Azure's ``api-version``)."""
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def by_status(status: int) -> Refusal:
    """Return what a status of HTTP means."""
    if status in _AUTH:
        return "provider_auth", False
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "provider_rate_limited", True
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "model_error", True
    if status == HTTPStatus.NOT_FOUND:
        return "provider_model_not_found", False
    return "provider_refused_request", False


async def _drain(content: aiohttp.StreamReader) -> None:
    import aiohttp

    with contextlib.suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while await content.readany():
                pass


def seconds_of(retry_after: str | None, clock: Clock) -> int | None:
    """Read ``retry-after``, seconds or a date (RFC 9110, section 10.2.3); None if it is neither."""
    if retry_after is None:
        return None
    try:
        if retry_after.strip().isdecimal():
            return int(retry_after)
        return max(0, math.ceil(parsedate_to_datetime(retry_after).timestamp() - clock()))
    except ValueError:
        return None
