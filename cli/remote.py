"""The server that ``antiphon check`` checks: send a request, return the whole answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from cli.output import Unreachable
from cli.unanswered import reason

SECONDS: Final = 120
"""How long one answer may take."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``headers`` have names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Return the body as JSON; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class CheckedServer:
    """The server under check.

    Attributes:
        base_url: up to and with ``/v1``, without a slash at the end.
        key: sent as ``Authorization: Bearer``.
        agent: sent as ``model``.
    """

    session: aiohttp.ClientSession
    base_url: str
    key: str
    agent: str

    async def create(self, **fields: Any) -> Reply:
        """Post a request for a response of the agent."""
        return await self.request("POST", "/responses", json.dumps({"model": self.agent, **fields}).encode())

    async def request(self, method: str, path: str, body: bytes | None = None, *, key: str | None = None) -> Reply:
        """Send a request; an empty ``key`` sends none.

        Raises:
            Unreachable: no answer came.
        """
        headers = {"content-type": "application/json"} if body is not None else {}
        token = self.key if key is None else key
        if token:
            headers["authorization"] = f"Bearer {token}"
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with self.session.request(
                method, self.base_url + path, data=body, headers=headers, timeout=timeout
            ) as reply:
                named = {name.lower(): value for name, value in reply.headers.items()}
                return Reply(reply.status, named, await reply.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unreachable(f"{self.base_url} does not answer: {reason(error)}") from error
