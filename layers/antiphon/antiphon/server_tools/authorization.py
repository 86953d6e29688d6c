"""How a request of a tool proves who sends it: what an agent file may say, and the headers that come of it."""

from __future__ import annotations

import asyncio
import os
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from antiphon.fetch.egress import Egress, ToolRequest
from antiphon.server_tools.oauth import Tokens
from antiphon.server_tools.references import NoCredentials, SecretReference, Secrets, problems_of
from antiphon.settings import Settings, problem_of_url
from antiphon.spec.base import Wire

Text = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[\x20-\x7e]+$")]
RESERVED: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "idempotency-key",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that a credential must not replace."""


class HeaderAuth(Wire):
    """A header with a secret, such as ``x-api-key``."""

    name: Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")]
    value: SecretReference

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name.lower() in RESERVED or name.lower().startswith("mcp-"):
            raise ValueError("this header is ours to set")
        return name


class BasicAuth(Wire):
    """A user and a password (RFC 7617)."""

    user: Text
    password: SecretReference


class OAuth(Wire):
    """Client credentials (RFC 6749, section 4.4). The token's URL is set here, and never read from a server.

    Attributes:
        resource: what the token is for (RFC 8707); by default the URL of the server.
        authentication: how the client proves itself: by the ``basic`` scheme or in the ``body``.
    """

    token_url: Annotated[str, Field(max_length=2048)]
    client_id: Text
    client_secret: SecretReference
    scope: Text | None = None
    resource: Text | None = None
    audience: Text | None = None
    authentication: Literal["basic", "body"] = "basic"

    @field_validator("token_url")
    @classmethod
    def _a_url(cls, url: str) -> str:
        if problem := problem_of_url(url):
            raise ValueError(problem)
        return url


class SigV4(Wire):
    """A signature with the process's own AWS credentials."""

    service: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] | None = None


class Auth(Wire):
    """How a server's requests are authorized: in one of five ways. Without it they carry no credentials."""

    bearer: SecretReference | None = None
    header: HeaderAuth | None = None
    basic: BasicAuth | None = None
    oauth: OAuth | None = None
    sigv4: SigV4 | None = None

    @field_validator("sigv4", mode="before")
    @classmethod
    def _by_its_service(cls, value: Any) -> Any:
        return {"service": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> Auth:
        if sum(way is not None for way in (self.bearer, self.header, self.basic, self.oauth, self.sigv4)) != 1:
            raise ValueError("set one of bearer, header, basic, oauth and sigv4")
        return self


class Proof(NamedTuple):
    """What proves who sends a request.

    Attributes:
        headers: to send.
        secrets: what must not appear in anything that is shown or stored.
        refused: the value to renew if the server refuses it.
    """

    headers: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    refused: str = ""


def references(auth: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the secrets that a way of authorization refers to."""
    for way, said in auth.items():
        if way != "sigv4":
            yield said if way == "bearer" else said[_SECRET_OF[way]]


def problems(auth: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Yield why a deployment does not allow a way of authorization; it names the setting to change."""
    for reference in references(auth):
        yield from problems_of(reference, settings)


_SECRET_OF: Final = {"header": "value", "basic": "password", "oauth": "client_secret"}


class Authorization:
    """Gives requests their credentials.

    Args:
        settings: has the lists of the secrets that tools may use.
        egress: sends requests for tokens.
    """

    def __init__(self, settings: Settings, egress: Egress) -> None:
        self._secrets = Secrets(settings, os.environ)
        self._tokens = Tokens(self._secrets, egress)

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
            return None if refused is not None else await _signed(said, request)
        if way == "oauth":
            token = await self._tokens.token(said, request.url, deadline, refused)
            return None if token is None else Proof({"authorization": f"Bearer {token}"}, (token,), token)
        reference = said if way == "bearer" else said[_SECRET_OF[way]]
        value = await (self._secrets.value(reference) if refused is None else self._secrets.renewed(reference, refused))
        return None if value is None else _proof(way, said, value)


def _proof(way: str, said: Mapping[str, Any], value: str) -> Proof:
    if way == "bearer":
        return Proof({"authorization": f"Bearer {value}"}, (value,), value)
    if way == "header":
        return Proof({said["name"].lower(): value}, (value,), value)
    pair = b64encode(f"{said['user']}:{value}".encode()).decode()
    return Proof({"authorization": f"Basic {pair}"}, (value, pair), value)


async def _signed(said: Mapping[str, Any], request: ToolRequest) -> Proof:
    from antiphon.aws.caller import find_caller, is_without_credentials
    from antiphon.aws.endpoint import host_of
    from antiphon.aws.signature import Scope, sign

    try:
        caller = await asyncio.to_thread(find_caller, said["service"], request.url, os.environ, said.get("region"))
        credentials = await asyncio.to_thread(caller.credentials) if caller.blocks else caller.credentials()
    except Exception as error:
        if not is_without_credentials(error):
            raise
        raise NoCredentials("there are no AWS credentials or no region to sign with") from None
    scope = Scope(caller.place.region, said["service"])
    parts = urlsplit(request.url)
    covered = {"host": host_of(request.url)}
    if "content-type" in request.headers:
        covered["content-type"] = request.headers["content-type"]
    signed = sign(
        credentials,
        scope,
        parts.path or "/",
        covered,
        request.body,
        time.time(),
        method=request.method,
        query=parts.query,
    )
    token = (credentials.token,) if credentials.token else ()
    return Proof({name: value for name, value in signed.items() if name not in covered}, token)
