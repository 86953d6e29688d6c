"""Requests of tools to services of AWS, signed with the process's own credentials.

They go through the guarded client, which for them allows the service's endpoint and no other host. So an operator's
list of hosts need not name AWS, and no agent chooses where a signature goes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from antiphon.errors import SettingsError
from antiphon.fetch.egress import MAX_REPLY_BYTES, Egress, ToolReply, ToolRequest
from antiphon.fetch.hosts import ToolHosts
from antiphon.ports import ToolFailure
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.references import NoCredentials
from antiphon.settings import Settings

_PORTS: Final = {"https": 443, "http": 80}
_ARN_REGION: Final = 3


class _Endpoint(NamedTuple):
    url: str
    region: str
    client: ToolClient


class AwsService:
    """A service of AWS, in any region.

    Args:
        settings: of the deployment.
        name: the name of its endpoints.
        signed_as: its name in signatures.
    """

    def __init__(self, settings: Settings, name: str, signed_as: str) -> None:
        self._settings = settings
        self._name = name
        self._signed_as = signed_as
        self._endpoints: dict[str | None, _Endpoint] = {}

    @asynccontextmanager
    async def post(
        self,
        path: str,
        body: bytes,
        *,
        region: str | None,
        deadline: float,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_REPLY_BYTES,
    ) -> AsyncGenerator[ToolReply, None]:
        """Send a signed POST once.

        Args:
            path: encoded.
            body: JSON.
            region: None for the process's own.
            deadline: until when to wait, in the event loop's time.
            headers: more headers, by their names in lower case.
            max_bytes: the most that is read of the answer.

        Raises:
            EgressError: no answer came, or none that can be used.
            NoCredentials: there are none, or no region. Nothing was sent.
        """
        url, own, client = await self._endpoint(region)
        request = ToolRequest(url + path, "POST", {"content-type": "application/json", **(headers or {})}, body)
        auth = {"sigv4": {"service": self._signed_as, "region": own}}
        async with client.send(auth, request, deadline=deadline, max_bytes=max_bytes) as reply:
            yield reply

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        for endpoint in self._endpoints.values():
            await endpoint.client.aclose()

    async def _endpoint(self, region: str | None) -> _Endpoint:
        if region in self._endpoints:
            return self._endpoints[region]
        found = await asyncio.to_thread(self._find, region)
        return self._endpoints.setdefault(region, found)  # calls that are made at once use one client

    def _find(self, region: str | None) -> _Endpoint:
        from antiphon.aws.caller import find_endpoint, is_without_credentials

        try:
            place = find_endpoint(self._name, None, os.environ, region)
        except SettingsError as error:
            raise NoCredentials(str(error)) from None
        except Exception as error:
            if not is_without_credentials(error):
                raise
            raise NoCredentials("there is no region of AWS to call") from None
        parts = urlsplit(place.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        hosts = ToolHosts((f"{host}:{parts.port or _PORTS[parts.scheme]}",))
        client = ToolClient(self._settings, Egress(hosts))
        return _Endpoint(place.url.rstrip("/"), place.region, client)


def region_of(arn: str) -> str | None:
    """Return the region of an ARN; None for a plain name."""
    parts = arn.split(":")
    return parts[_ARN_REGION] or None if len(parts) > _ARN_REGION and parts[0] == "arn" else None


def allowed(name: str, listed: tuple[str, ...]) -> bool:
    """Check whether a list of ARNs has one; ``*`` stands for any characters."""
    return any(fnmatchcase(name, pattern) for pattern in listed)


def refused(service: str, reply: ToolReply) -> ToolFailure:
    """Return the failure of a call that a service refused: its own name for that, without its message."""
    kind = reply.headers.get("x-amzn-errortype", "").partition(":")[0]
    named = f" ({kind})" if kind.isalnum() else ""
    if reply.status == HTTPStatus.FORBIDDEN:
        message = f"{service} does not let us call it{named}. The operator must grant that."
    else:
        message = f"{service} answered with status {reply.status}{named}."
    return ToolFailure("http", message, reply.status)


def missing(what: str, listed: tuple[str, ...], name: str, setting: str) -> Iterator[str]:
    """Yield why a deployment does not let tools use something; it names the setting to change."""
    if not allowed(name, listed):
        yield f"the {what} {name} is not in {setting}"


def signature_problem(url: str, auth: Mapping[str, Any], settings: Settings) -> str | None:
    """Return why a deployment lets no agent send its signature to a server; None if it does.

    A signature has all rights of the process: with it an agent could read the tables, or the key of a provider. So it
    is sent only to gateways of AgentCore and to hosts that the operator lists.
    """
    if "sigv4" not in auth:
        return None
    name, _, rest = (urlsplit(url).hostname or "").partition(".gateway.bedrock-agentcore.")
    if rest:
        if any(fnmatchcase(name, listed.rpartition("/")[2]) for listed in settings.tool_gateways):
            return None
        return f"the gateway {name} is not in ANTIPHON_TOOL_GATEWAYS (on AWS: ToolGatewayArns)"
    if settings.tool_hosts:  # then only listed hosts can be called at all
        return None
    return f"{url} gets no signature before its host is in ANTIPHON_TOOL_HOSTS (on AWS: ToolHosts)"
