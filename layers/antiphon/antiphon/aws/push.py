"""Send messages to the clients of an API Gateway WebSocket API: ``POST @connections/ID``.

API Gateway Developer Guide, "Use @connections commands in your backend service".
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from antiphon.aws.caller import Caller, find_caller
from antiphon.aws.endpoint import host_of, override
from antiphon.aws.signature import Scope, sign

if TYPE_CHECKING:
    import aiohttp

MAX_BYTES: Final = 128 * 1024
"""The largest message that the gateway carries."""

ATTEMPTS: Final = 4
SECONDS: Final = 10.0
"""How long one attempt may take."""

_OK: Final = 200
_GONE: Final = 410
_TOO_MANY: Final = 429
_FAULT: Final = 500


class ConnectionGone(Exception):
    """The client has left, or the gateway does not take what is sent to it."""


class PushEndpoint:
    """The address of a stage's connections.

    Args:
        domain: of the API, as an event has it.
        stage: of the API.
    """

    def __init__(self, domain: str, stage: str) -> None:
        self._url = override("apigatewaymanagementapi", os.environ) or f"https://{domain}/{stage}"
        self._caller: Caller | None = None
        self._session: aiohttp.ClientSession | None = None

    async def send(self, connection: str, message: bytes) -> None:
        """Send one text message.

        Raises:
            ConnectionGone: it cannot be delivered.
        """
        path = f"{urlsplit(self._url).path}/@connections/{quote(connection, safe='')}"
        for attempt in range(ATTEMPTS):
            status = await self._post(path, message)
            if status == _OK:
                return
            if status != _TOO_MANY and status < _FAULT:
                break
            await asyncio.sleep(0.05 * 4**attempt)
        raise ConnectionGone

    async def aclose(self) -> None:
        """Close what was opened."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, path: str, body: bytes) -> int:
        """Return the status of an answer; that of a fault if none came."""
        import aiohttp
        from yarl import URL

        if self._caller is None:
            self._caller = await asyncio.to_thread(find_caller, "execute-api", self._url, os.environ)
        caller = self._caller
        self._session = self._session or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        credentials = await asyncio.to_thread(caller.credentials) if caller.blocks else caller.credentials()
        headers = {"host": host_of(self._url), "content-type": "application/json"}
        scope = Scope(caller.place.region, "execute-api")
        signed = sign(credentials, scope, path, headers, body, time.time())
        parts = urlsplit(self._url)
        url = URL(f"{parts.scheme}://{parts.netloc}{path}", encoded=True)
        try:
            async with self._session.post(url, data=body, headers=signed, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return _FAULT
