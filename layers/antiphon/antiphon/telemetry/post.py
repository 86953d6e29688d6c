"""Sends spans to a receiver of OTLP, through the client that checks hosts; signed if the receiver is X-Ray's."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from antiphon import __version__
from antiphon.errors import AntiphonError
from antiphon.fetch.egress import Egress, EgressError, ToolRequest
from antiphon.fetch.hosts import ToolHosts
from antiphon.telemetry.conventions import SCHEMA_URL
from antiphon.telemetry.exporter import ExportResult
from antiphon.telemetry.wire import export, rejected

SCOPE: Final = ("antiphon", __version__)
MOST_READ: Final = 64 * 1024

_AWS: Final = re.compile(r"xray\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")

GetHeaders = Callable[[], Awaitable[Mapping[str, str]]]
Sign = Callable[[str, bytes], Awaitable[Mapping[str, str]]]


class OtlpPost:
    """The port ``exporter.SpanPost``.

    Args:
        url: where spans are posted: the operator's, so it may be on this machine or in a private network.
        headers: returns what is sent with them.
        resource: what the spans are of.
    """

    def __init__(self, url: str, headers: GetHeaders, resource: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._url = url
        self._headers = headers
        self._resource = resource
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._egress = Egress(ToolHosts((f"{host}:{port}",)))
        self._sign = signer(url)

    async def __call__(self, spans: Sequence[bytes], seconds: float) -> ExportResult:
        """Send spans; once more if the connection turns out to be closed, as it is after a function was frozen."""
        deadline = asyncio.get_running_loop().time() + seconds
        body = export(self._resource, SCOPE, SCHEMA_URL, spans)
        try:
            async with asyncio.timeout(seconds):
                headers = await self._signed(body)
            try:
                return await self._sent(headers, body, deadline)
            except EgressError as error:
                if error.reason != "cut" or error.status:
                    raise
            return await self._sent(headers, body, deadline)
        except EgressError as error:
            return ExportResult(error.status, reason=error.reason)
        except TimeoutError:
            return ExportResult(reason="timeout")
        except AntiphonError as error:
            return ExportResult(reason=getattr(error, "code", type(error).__name__))
        except Exception as error:  # noqa: BLE001 - a trace is never worth a request, whatever it is
            return ExportResult(reason=type(error).__name__)

    async def _signed(self, body: bytes) -> dict[str, str]:
        headers = {"content-type": "application/x-protobuf", **await self._headers()}
        if self._sign is not None and "authorization" not in headers:
            headers |= await self._sign(headers["content-type"], body)
        return headers

    async def _sent(self, headers: Mapping[str, str], body: bytes, deadline: float) -> ExportResult:
        request = ToolRequest(self._url, "POST", headers, body)
        async with self._egress.send(request, deadline=deadline, max_bytes=MOST_READ) as reply:
            content = await reply.read()
            return ExportResult(reply.status, _seconds(reply.headers.get("retry-after", "")), rejected(content))

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        await self._egress.aclose()


def is_of_aws(url: str) -> bool:
    """Check whether a URL is that of X-Ray's own receiver, which takes signed requests."""
    return _AWS.fullmatch(urlsplit(url).hostname or "") is not None


def signer(url: str) -> Sign | None:
    """Return what signs requests to X-Ray; None for any other receiver."""
    parts = urlsplit(url)
    found = _AWS.fullmatch(parts.hostname or "")
    if found is None:
        return None
    from antiphon.aws.caller import find_caller
    from antiphon.aws.signature import Scope, sign

    scope = Scope(found[1], "xray")
    caller = cache(lambda: find_caller("xray", url, os.environ, scope.region))

    def signed(media_type: str, body: bytes) -> Mapping[str, str]:
        headers = {"host": parts.netloc, "content-type": media_type}
        return sign(caller().credentials(), scope, parts.path or "/", headers, body, time.time())

    async def signs(media_type: str, body: bytes) -> Mapping[str, str]:
        return await asyncio.to_thread(signed, media_type, body)

    return signs


def _seconds(text: str) -> float | None:
    """Read the header ``retry-after``: seconds or a date; None if it is neither."""
    if text.isdecimal():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
