"""The authorization of a tool's requests: the headers that are made from the entry in an agent's document."""

from __future__ import annotations

import asyncio
import os
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

from antiphon.fetch.egress import Egress, ToolRequest
from antiphon.server_tools.oauth import Tokens
from antiphon.server_tools.references import NoCredentials, Secrets, problems_of
from antiphon.settings import Settings

if TYPE_CHECKING:
    from antiphon.aws.caller import Caller
    from antiphon.aws.signature import Credentials


class Proof(NamedTuple):
    """What proves who sends a request.

    Attributes:
        headers: to send.
        secrets: what must not appear in anything that is shown or stored.
        refused: the value to renew if the server refuses it.
        query: to add to the URL, encoded; empty for nothing.
    """

    headers: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    refused: str = ""
    query: str = ""


def references(auth: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the secrets that a way of authorization refers to."""
    for way, said in auth.items():
        if way != "sigv4":
            yield said if way == "bearer" else said[_SECRET_OF[way]]


def problems(auth: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Yield why a deployment does not allow a way of authorization; it names the setting to change."""
    for reference in references(auth):
        yield from problems_of(reference, settings)


_SECRET_OF: Final = {"header": "value", "query": "value", "basic": "password", "oauth": "client_secret"}


class Authorization:
    """Adds credentials to requests.

    Args:
        settings: has the lists of the secrets that tools may use.
        egress: sends requests for tokens.
    """

    def __init__(self, settings: Settings, egress: Egress) -> None:
        self._secrets = Secrets(settings, os.environ)
        self._tokens = Tokens(self._secrets, egress)
        self._callers: dict[tuple[str, str | None], Caller] = {}

    async def prove(
        self, auth: Mapping[str, Any], request: ToolRequest, deadline: float, refused: str | None = None
    ) -> Proof | None:
        """Return the credentials of a request; None if those that were refused are the only ones.

        Args:
            auth: the way, as it is pinned.
            request: the request, whose method, URL and body a signature covers.
            deadline: until when to wait, in the event loop's time.
            refused: what the server refused just now; None for a first try.

        Raises:
            NoCredentials: there are none.
        """
        if not auth:
            return Proof({}) if refused is None else None
        try:
            async with asyncio.timeout_at(deadline):
                return await self._prove(auth, request, deadline, refused)
        except TimeoutError:
            raise NoCredentials("the credentials did not come in time") from None

    async def _prove(
        self, auth: Mapping[str, Any], request: ToolRequest, deadline: float, refused: str | None
    ) -> Proof | None:
        (way, said), *_ = auth.items()
        if way == "sigv4":
            return None if refused is not None else await self._signed(said, request)
        if way == "oauth":
            token = await self._tokens.token(said, request.server or request.url, deadline, refused)
            return None if token is None else Proof({"authorization": f"Bearer {token}"}, (token,), token)
        reference = said if way == "bearer" else said[_SECRET_OF[way]]
        value = await (self._secrets.value(reference) if refused is None else self._secrets.renewed(reference, refused))
        return None if value is None else _proof(way, said, value)

    async def _signed(self, said: Mapping[str, Any], request: ToolRequest) -> Proof:
        from antiphon.aws.caller import is_without_credentials

        try:
            caller = await self._caller(said["service"], said.get("region"), request.url)
            credentials = await asyncio.to_thread(caller.credentials) if caller.blocks else caller.credentials()
        except Exception as error:
            if not is_without_credentials(error):
                raise
            raise NoCredentials("there are no AWS credentials or no region to sign with") from None
        return _signature(request, credentials, caller.place.region, said["service"])

    async def _caller(self, service: str, region: str | None, url: str) -> Caller:
        """Return the credentials for a service: found once, since some are fetched; botocore renews them itself."""
        from antiphon.aws.caller import find_caller

        found = self._callers.get((service, region))
        if found is None:
            found = await asyncio.to_thread(find_caller, service, url, os.environ, region)
            self._callers[service, region] = found
        return found


def _proof(way: str, said: Mapping[str, Any], value: str) -> Proof:
    if way == "bearer":
        return Proof({"authorization": f"Bearer {value}"}, (value,), value)
    if way == "header":
        return Proof({said["name"].lower(): value}, (value,), value)
    if way == "query":
        encoded = quote(value, "")
        return Proof({}, (value, encoded), value, f"{said['name']}={encoded}")
    pair = b64encode(f"{said['user']}:{value}".encode()).decode()
    return Proof({"authorization": f"Basic {pair}"}, (value, pair), value)


def _is_signed(name: str) -> bool:
    """Return whether a signature must cover a header (IAM User Guide, "Elements of an AWS API request signature")."""
    return name == "content-type" or name.startswith("x-amz-")


def _signature(request: ToolRequest, credentials: Credentials, region: str, service: str) -> Proof:
    from antiphon.aws.endpoint import host_of
    from antiphon.aws.signature import Scope, sign

    parts = urlsplit(request.url)
    covered = {"host": host_of(request.url)}
    covered |= {name: value for name, value in request.headers.items() if _is_signed(name)}
    signed = sign(
        credentials,
        Scope(region, service),
        parts.path or "/",
        covered,
        request.body,
        time.time(),
        method=request.method,
        query=parts.query,
    )
    token = (credentials.token,) if credentials.token else ()
    return Proof({name: value for name, value in signed.items() if name not in covered}, token)
