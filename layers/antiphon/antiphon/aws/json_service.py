"""Call an AWS service of the JSON protocol, such as SQS or EventBridge. Source: Smithy, "AWS JSON 1.0 protocol"."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, Final

import orjson

from antiphon.aws.caller import Caller, find_caller
from antiphon.aws.endpoint import host_of
from antiphon.aws.signature import Scope, sign
from antiphon.errors import StorageUnavailable

if TYPE_CHECKING:
    import aiohttp

ATTEMPTS: Final = 3
SECONDS: Final = 10.0
"""How long one attempt may take."""

_OK: Final = 200
_TOO_MANY: Final = 429
_FAULT: Final = 500


class JsonService:
    """A service of AWS.

    Args:
        service: its name in endpoints and signatures.
        target: what stands before an operation's name in ``x-amz-target``.
        version: of the protocol, ``1.0`` or ``1.1``.
    """

    def __init__(self, service: str, target: str, version: str) -> None:
        self._service, self._target, self._version = service, target, version
        self._caller: Caller | None = None
        self._session: aiohttp.ClientSession | None = None

    async def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Call an operation and return its answer.

        Raises:
            StorageUnavailable: it was refused, or no answer came.
        """
        body = orjson.dumps(arguments)
        status, answer = _FAULT, b""
        for attempt in range(ATTEMPTS):
            status, answer = await self._post(operation, body)
            if status == _OK:
                found: dict[str, Any] = orjson.loads(answer) if answer else {}
                return found
            if status != _TOO_MANY and status < _FAULT:
                break
            await asyncio.sleep(0.1 * 4**attempt)
        raise StorageUnavailable(f"{self._service} answered {operation} with {status}")

    async def aclose(self) -> None:
        """Close what was opened."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """Return the status of an answer, that of a fault if none came, and its body."""
        import aiohttp

        if self._caller is None:
            self._caller = await asyncio.to_thread(find_caller, self._service, None, os.environ)
        caller = self._caller
        self._session = self._session or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        credentials = await asyncio.to_thread(caller.credentials) if caller.blocks else caller.credentials()
        headers = {
            "host": host_of(caller.place.url),
            "content-type": f"application/x-amz-json-{self._version}",
            "x-amz-target": f"{self._target}.{operation}",
        }
        scope = Scope(caller.place.region, self._service)
        signed = sign(credentials, scope, "/", headers, body, time.time())
        try:
            async with self._session.post(
                caller.place.url.rstrip("/") + "/", data=body, headers=signed, allow_redirects=False
            ) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            return _FAULT, b""
