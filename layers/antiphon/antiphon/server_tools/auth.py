"""The authorization of a tool's requests, as an agent's document has it: references to secrets, not the secrets."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from antiphon.settings import TOOL_VARIABLES, problem_of_url
from antiphon.spec.base import Wire
from antiphon.validation import form

Place = Annotated[str, form(r"^\S+$", "must not have spaces", min_length=1, max_length=2048)]


class SecretReference(Wire):
    """Where a secret is: in one of three places."""

    secret: Place | None = None
    parameter: Place | None = None
    env: (
        Annotated[
            str,
            form(
                rf"^{TOOL_VARIABLES}[A-Z0-9_]{{1,100}}$",
                f"must be `{TOOL_VARIABLES}`, and after it 1 to 100 capital letters, digits and `_`",
            ),
        ]
        | None
    ) = None
    field: Annotated[str, Field(min_length=1, max_length=256)] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> SecretReference:
        if sum(place is not None for place in (self.secret, self.parameter, self.env)) != 1:
            raise ValueError("set one of secret, parameter and env")
        if self.env is not None and self.field is not None:
            raise ValueError("field goes with secret or parameter")
        return self


Text = Annotated[
    str, form(r"^[\x20-\x7e]+$", "may have only printable characters of ASCII", min_length=1, max_length=1024)
]
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

    name: Annotated[
        str,
        form(
            r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$",
            "must be the name of a header: 1 to 128 letters, digits, `-`, `_` and no spaces",
        ),
    ]
    value: SecretReference

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name.lower() in RESERVED or name.lower().startswith("mcp-"):
            raise ValueError("this header is ours to set")
        return name


class QueryAuth(Wire):
    """A parameter of the query with a secret. Logs of servers and proxies often keep it; a header is better."""

    name: Annotated[str, form(r"^[A-Za-z0-9._~-]{1,128}$", "must be 1 to 128 letters, digits and `._~-`")]
    value: SecretReference


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

    service: Annotated[str, form(r"^[a-z0-9-]{1,64}$", "must be 1 to 64 lower-case letters, digits and `-`")]
    region: Annotated[str, form(r"^[a-z0-9-]{1,32}$", "must be 1 to 32 lower-case letters, digits and `-`")] | None = (
        None
    )


class Auth(Wire):
    """How a server's requests are authorized: in one of six ways. Without it they carry no credentials."""

    bearer: SecretReference | None = None
    header: HeaderAuth | None = None
    query: QueryAuth | None = None
    basic: BasicAuth | None = None
    oauth: OAuth | None = None
    sigv4: SigV4 | None = None

    @field_validator("sigv4", mode="before")
    @classmethod
    def _by_its_service(cls, value: Any) -> Any:
        return {"service": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> Auth:
        ways = (self.bearer, self.header, self.query, self.basic, self.oauth, self.sigv4)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("set one of bearer, header, query, basic, oauth and sigv4")
        return self
