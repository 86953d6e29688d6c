"""Sends events to webhooks, through the client that checks hosts and follows no redirect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from antiphon.fetch.egress import Egress, EgressError, ToolRequest
from antiphon.fetch.hosts import ToolHosts

_OK: Final = range(200, 300)


class WebhookPost:
    """The port ``Post``.

    Args:
        egress: sends; it decides which hosts may be called.
    """

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> str:
        """Send a body once. The answer's own body is not read."""
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with self._egress.send(ToolRequest(url, "POST", headers, body), deadline=deadline) as reply:
                return "" if reply.status in _OK else str(reply.status)
        except EgressError as error:
            return error.reason

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        await self._egress.aclose()


def webhook_post(hosts: tuple[str, ...]) -> WebhookPost:
    """Return what sends to webhooks: to any public host over ``https``, or only to those of a list."""
    return WebhookPost(Egress(ToolHosts(hosts)))
