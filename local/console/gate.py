"""Who may use the console: a page of this machine that has the token.

A web page elsewhere can send requests to 127.0.0.1 from the operator's own browser, also under a name of its own that
it lets point there (DNS rebinding). So the name in ``host`` must be this machine's, ``origin`` must be the console's
own, and each request has a token that only the address on the operator's terminal has.
"""

from __future__ import annotations

import ipaddress
import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from antiphon.errors import ApiError

TOKEN: Final = "x-antiphon-console"  # noqa: S105 (the name of a header)
"""The header that has the token."""

_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_OWN_SITE: Final = frozenset({"same-origin", "none"})


def new_token() -> str:
    """Return a random token."""
    return secrets.token_urlsafe(32)


def require_here(scope: Scope, headers: Headers) -> None:
    """Check that a request comes from this machine, by a name of this machine, and from no page of another origin.

    Raises:
        ApiError: 403.
    """
    client = scope.get("client")
    if client is not None and not _is_loopback(client[0]):
        raise ApiError("origin_not_allowed", "The console answers to this machine alone.", complete=True)
    host = headers.get("host", "")
    if _name(host) not in _NAMES:
        raise ApiError(
            "origin_not_allowed",
            "The console answers at 127.0.0.1 or localhost alone. Open the address that the terminal shows.",
            complete=True,
        )
    origin = headers.get("origin")
    own_site = headers.get("sec-fetch-site", "none") in _OWN_SITE
    if (origin is not None and origin != f"http://{host}") or not own_site:
        raise ApiError("origin_not_allowed", "Another page sent this request.", complete=True)


def require_token(headers: Headers, token: str) -> None:
    """Check the token of a request.

    Raises:
        ApiError: 401.
    """
    given = headers.get(TOKEN, "")
    if not secrets.compare_digest(given.encode(), token.encode()):
        raise ApiError(
            "invalid_api_key",
            "This is not the console's token. Open the address that the terminal shows.",
            complete=True,
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
