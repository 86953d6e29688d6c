"""Streams from a Chat Completions endpoint over HTTP.

It must not know wire events, agents or stores, and never retries: the run decides that. No text of the provider's is
relayed, logged or chained to an error; of an error answer the status and ``retry-after`` are read, and of the body of a
400 at most some kilobytes, for the one code that says that the context is too long.
Every wait is bounded by the call's deadline and, while bytes are awaited, by the idle limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import time
from collections.abc import AsyncGenerator, Iterable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies

import orjson

from antiphon.errors import ProviderError
from antiphon.ports import Clock, Delta, Medium, ModelCall, Reads
from antiphon.providers.openai_chat.deltas import ChunkReader
from antiphon.providers.openai_chat.request import Dialect, chat_request
from antiphon.providers.tokens import estimate_tokens

if TYPE_CHECKING:
    import aiohttp

CONNECT_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 0.1
"""How long the end of the body is awaited after the end mark, so that the connection can be used again."""
WHOLE_BYTES: Final = 1024 * 1024
"""A larger body is sent in pieces, so that it does not hold up the event loop."""

REFUSAL_BYTES: Final = 16 * 1024
"""As much of the body of a 400 is read."""

_TOO_LONG: Final = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_AUTH: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class OpenAIChat:
    """A ``ModelProvider`` for any endpoint that speaks Chat Completions.

    Args:
        base_url: where it is, up to and without ``/chat/completions``.
        api_key: sent as a bearer token; None for none.
        dialect: what the endpoint understands; None decides by the host.
        reasoning_content: it takes reasoning back.
        reads: what its models can be given in a message beside text. A text file goes as text, wherever it stands.
        idle_seconds: the longest silence of the endpoint.
        clock: to read a ``retry-after`` that is a date.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        dialect: Dialect | None = None,
        reasoning_content: bool = False,
        reads: Iterable[Medium] = ("image", "pdf"),
        idle_seconds: float = IDLE_SECONDS,
        clock: Clock = time.time,
    ) -> None:
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._dialect: Dialect = dialect or dialect_of(base_url)
        self._reasoning = reasoning_content
        self._reads = Reads(message=frozenset({*reads, "text"}), output=frozenset({"text"}))
        self._idle = idle_seconds
        self._clock = clock
        self._headers = {
            "content-type": "application/json",
            "accept": "text/event-stream",
            "accept-encoding": "identity",
        }
        if api_key is not None:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def reads(self) -> Reads:
        """What the endpoint's models can be given beside text."""
        return self._reads

    def check(self, call: ModelCall) -> None:
        """Refuse a call that Chat Completions cannot carry.

        Raises:
            ApiError: 400, with the message for the caller.
        """
        chat_request(call, self._dialect, reasoning=self._reasoning)

    def count_tokens(self, call: ModelCall) -> int:
        """Estimate; see ``tokens``."""
        return estimate_tokens(call, reasoning=self._reasoning)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn; see ``ModelProvider.stream``.

        Raises:
            ProviderError: the endpoint refused, failed, fell silent, or cut or garbled its stream.
            ApiError: the call would not have passed ``check``; nothing is sent.
        """
        import aiohttp

        body = orjson.dumps(chat_request(call, self._dialect, reasoning=self._reasoning))
        try:
            async with await self._post(body, call.deadline) as response:
                if response.status != HTTPStatus.OK:
                    if response.status == HTTPStatus.BAD_REQUEST and await _is_too_long(response.content):
                        raise ProviderError("context_length_exceeded")
                    raise self._refusal(response.status, response.headers.get("retry-after"))
                chunks = ChunkReader()
                while not chunks.done and (data := await response.content.readany()):
                    for delta in chunks.feed(data):
                        yield delta
                yield chunks.stop()
                await _drain(response.content)
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

    def _refusal(self, status: int, retry_after: str | None) -> ProviderError:
        seconds = _seconds(retry_after, self._clock)
        if status in _AUTH:
            return ProviderError("provider_auth")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return ProviderError("provider_rate_limited", retryable=True, retry_after=seconds)
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ProviderError("model_error", retryable=True, retry_after=seconds)
        return ProviderError("provider_refused_request")


def dialect_of(base_url: str) -> Dialect:
    """Tell what an endpoint understands by its host: OpenAI's own and Azure's, or a compatible one."""
    host = urlsplit(base_url).hostname or ""
    return "openai" if host.endswith((".openai.com", ".openai.azure.com")) else "compatible"


async def _is_too_long(content: aiohttp.StreamReader) -> bool:
    """Whether the body of a 400 says, as OpenAI's and llama.cpp's do, that the context is too long."""
    body = b""
    while len(body) < REFUSAL_BYTES and (data := await content.readany()):
        body += data
    try:
        error = orjson.loads(body)["error"]
        return not {error.get("code"), error.get("type")}.isdisjoint(_TOO_LONG)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


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
