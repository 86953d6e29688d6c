"""Tokens of OAuth 2.0 client credentials (RFC 6749, section 4.4), each kept until it expires."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus, urlencode

from antiphon.fetch.egress import Egress, EgressError, ToolRequest
from antiphon.ports import Clock
from antiphon.server_tools.references import NoCredentials, Secrets

MARGIN_SECONDS: Final = 30.0
"""A token is not used so shortly before it expires."""
USUAL_SECONDS: Final = 300.0
"""How long a token is kept whose server does not say how long it is valid."""
MAX_ANSWER_BYTES: Final = 64 * 1024
MAX_TOKENS: Final = 256
"""How many tokens are kept; that which was not used for the longest time goes first."""


class _Token(NamedTuple):
    value: str
    until: float


@dataclass
class _Place:
    """A token, and the lock under which it is asked for; None for none yet."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: _Token | None = None


class Tokens:
    """Tokens by what they are for.

    Args:
        secrets: has the clients' secrets.
        egress: sends the requests.
        clock: the time, in seconds.
    """

    def __init__(self, secrets: Secrets, egress: Egress, clock: Clock = time.monotonic) -> None:
        self._secrets = secrets
        self._egress = egress
        self._clock = clock
        self._places: OrderedDict[str, _Place] = OrderedDict()

    async def token(self, said: Mapping[str, Any], url: str, deadline: float, refused: str | None) -> str | None:
        """Return a token for a server; None if it refused the newest one.

        Args:
            said: the client, as it is pinned.
            url: the server's, without anything of a call: the token server reads it.
            deadline: until when to wait, in the event loop's time.
            refused: the token that the server refused just now; None for a first try.

        Raises:
            NoCredentials: there is none.
        """
        resource = said.get("resource") or url.partition("?")[0]
        place = self._place(json.dumps([said, resource], sort_keys=True))
        async with place.lock:
            kept = place.token
            if kept is None or kept.value == refused or kept.until <= self._clock():
                kept = place.token = await self._ask(said, resource, deadline)
        return None if kept.value == refused else kept.value

    def _place(self, name: str) -> _Place:
        """Return the place of a token. If there are too many places, the one unused for longest is dropped."""
        place = self._places.setdefault(name, _Place())
        self._places.move_to_end(name)
        if len(self._places) > MAX_TOKENS:
            self._places.popitem(last=False)
        return place

    async def _ask(self, said: Mapping[str, Any], resource: str, deadline: float) -> _Token:
        request = _request(said, resource, await self._secrets.value(said["client_secret"]))
        begun = self._clock()
        try:
            async with self._egress.send(request, deadline=deadline, max_bytes=MAX_ANSWER_BYTES) as reply:
                if reply.status != HTTPStatus.OK:
                    raise NoCredentials(f"the token server answered with status {reply.status}")
                return _read(await reply.read(), begun)
        except EgressError as error:
            raise NoCredentials(f"the token server gave no token: {error.reason}") from None


def _request(said: Mapping[str, Any], resource: str, secret: str) -> ToolRequest:
    form = {"grant_type": "client_credentials", "resource": resource}
    form |= {name: said[name] for name in ("scope", "audience") if name in said}
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if said["authentication"] == "body":
        form |= {"client_id": said["client_id"], "client_secret": secret}
    else:  # both are encoded as in a form before they are joined (RFC 6749, section 2.3.1)
        pair = f"{quote_plus(said['client_id'])}:{quote_plus(secret)}"
        headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return ToolRequest(said["token_url"], "POST", headers, urlencode(form).encode())


def _read(body: bytes, begun: float) -> _Token:
    try:
        answer = json.loads(body)
        value, kind = answer["access_token"], str(answer.get("token_type", "Bearer"))
        seconds = float(answer.get("expires_in") or USUAL_SECONDS)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise NoCredentials("the token server's answer has no token") from None
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or kind.lower() != "bearer":
        raise NoCredentials("the token server's answer has no bearer token")
    return _Token(value, begun + seconds - MARGIN_SECONDS)
