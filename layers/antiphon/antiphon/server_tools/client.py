"""What a kind of server sends its requests with: the guarded client, with the credentials of an agent's server."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from antiphon.fetch.egress import MAX_REPLY_BYTES, Egress, ToolReply, ToolRequest
from antiphon.fetch.hosts import ToolHosts
from antiphon.server_tools.authorization import Authorization, Proof
from antiphon.settings import Settings

HIDDEN: Final = "[secret]"
"""What replaces a secret that a server sends back."""
LAST_SECONDS: Final = 0.25
"""How many seconds closing waits for work in the background."""

_SHORT: Final = 6
"""A shorter secret is not looked for: it would be found in any text."""
_REMEMBERED: Final = 256
"""How many authorizations, and how many secrets of each, are remembered, so that they can be hidden."""


class ToolClient:
    """Sends requests of tools with their credentials.

    Args:
        settings: of the deployment.
        egress: sends; by default as the settings allow.
    """

    def __init__(self, settings: Settings, egress: Egress | None = None) -> None:
        self._egress = egress or Egress(ToolHosts(settings.tool_hosts))
        self._authorization = Authorization(settings, self._egress)
        self._secrets: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._afterwards: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def send(
        self,
        auth: Mapping[str, Any],
        request: ToolRequest,
        *,
        deadline: float,
        max_bytes: int = MAX_REPLY_BYTES,
    ) -> AsyncGenerator[ToolReply, None]:
        """Send a request with its credentials. If they are refused and there are others, send it once more.

        Args:
            auth: how the server's requests are authorized, as it is pinned.
            request: the request.
            deadline: until when to wait, in the event loop's time.
            max_bytes: the most that is read of the answer.

        Raises:
            EgressError: no answer came, or none that can be used.
            NoCredentials: the credentials cannot be had. Nothing was sent.
        """
        proof = await self._authorization.prove(auth, request, deadline)
        assert proof is not None
        async with self._egress.send(self._with(auth, proof, request), deadline=deadline, max_bytes=max_bytes) as reply:
            other = None
            if reply.status == HTTPStatus.UNAUTHORIZED and auth:
                other = await self._authorization.prove(auth, request, deadline, proof.refused)
            if other is None:
                yield reply
                return
        async with self._egress.send(self._with(auth, other, request), deadline=deadline, max_bytes=max_bytes) as reply:
            yield reply

    def without_secrets(self, auth: Mapping[str, Any], text: str) -> str:
        """Return what a server sent without the credentials that it may have sent back."""
        for secret in self._secrets.get(repr(auth), ()):
            text = text.replace(secret, HIDDEN)
        return text

    def afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work in the background, such as ending a session."""
        task = asyncio.get_running_loop().create_task(work)
        self._afterwards.add(task)
        task.add_done_callback(self._afterwards.discard)

    async def aclose(self) -> None:
        """Close the connections that are kept open, after a short wait for work in the background."""
        if self._afterwards:
            _, running = await asyncio.wait(self._afterwards, timeout=LAST_SECONDS)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        await self._egress.aclose()

    def _with(self, auth: Mapping[str, Any], proof: Proof, request: ToolRequest) -> ToolRequest:
        self._remember(repr(auth), proof.secrets)
        url = request.url
        if proof.query:
            url = f"{url}{'&' if '?' in url else '?'}{proof.query}"
        return replace(request, url=url, headers={**request.headers, **proof.headers})

    def _remember(self, name: str, secrets: tuple[str, ...]) -> None:
        """Remember secrets to hide. Calls with the same authorization may have different tokens at the same time."""
        long = [secret for secret in secrets if len(secret) >= _SHORT]
        self._secrets[name] = tuple(dict.fromkeys((*long, *self._secrets.get(name, ()))))[:_REMEMBERED]
        self._secrets.move_to_end(name)
        if len(self._secrets) > _REMEMBERED:
            self._secrets.popitem(last=False)
