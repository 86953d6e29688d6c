"""Authentication as a FastAPI dependency, the same in all functions: header -> key -> user, role, limits -> allowed?

A warm process trusts what it read for at most ``cache_seconds``, and that a key is unknown for at most three of them: a
forged key that is sent again and again costs one read in that time, and a new key is seen within it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from antiphon import measures
from antiphon.access import decide, keys
from antiphon.access.configuration import deployment_limits
from antiphon.access.principal import Principal
from antiphon.errors import ApiError, StorageUnavailable
from antiphon.ports import Services
from antiphon.records import Account, Key

if TYPE_CHECKING:
    from antiphon.manage.operator import Operator

audit: Final = logging.getLogger("antiphon.audit")

FindOperator = Callable[[Request], Awaitable["Operator"]]
"""Returns who sends a request to manage. ApiError 401 or 403; StorageUnavailable: a store did not answer."""

HOUR: Final = 3600
MAX_HEADER: Final = 512
MAX_CACHED: Final = 2048
UNKNOWN_SECONDS: Final = 3.0
"""How long a process takes a key for unknown without reading again: no new key is refused for longer."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of a key, and when: in seconds since the epoch, and by a clock that is never set."""

    key: Key
    account: Account
    principal: Principal
    at: float
    steady: float

    def is_fresh(self, seconds: float, at: float, steady: float) -> bool:
        """Return whether it is younger than that by both clocks.

        One may be set back; the other may stand still while a function is frozen.
        """
        return self.at <= at < self.at + seconds and steady < self.steady + seconds


class Authenticator:
    """Finds out who calls.

    Args:
        services: for the stores and the clock.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, _Known] = {}
        self._unknown: dict[str, float] = {}
        self._touched: dict[str, float] = {}

    async def authenticate(self, request: HTTPConnection) -> tuple[Key, Principal]:
        """Decide who calls.

        Raises:
            ApiError: 401, if the key is missing, malformed, unknown, revoked or expired.
            StorageUnavailable: a store did not answer: never a 401.
        """
        return await self.of_digest(keys.digest(bearer_key(request)))

    async def of_digest(self, digest: str) -> tuple[Key, Principal]:
        """Decide who calls by the digest of a key.

        Raises:
            ApiError: 401, if the key is unknown, revoked or expired; 403 for a management key.
            StorageUnavailable: a store did not answer: never a 401.
        """
        known = await self._known_by(digest)
        if known.key.management:
            raise ApiError("management_key")
        return known.key, known.principal

    async def _known_by(self, digest: str, *, anew: bool = False) -> _Known:
        now = self._services.clock()
        known = self._known.get(digest)
        seconds = 0.0 if anew else self._services.settings.cache_seconds
        if known is None or not known.is_fresh(seconds, now, self._services.steady()):
            known = await self._read(digest, now)
        state = decide.key_state(known.key, now)
        if not state.allowed:
            raise ApiError(state.code or "invalid_api_key")
        return known

    async def _read(self, digest: str, now: float) -> _Known:
        self._known.pop(digest, None)
        steady = self._services.steady()
        self._require_not_unknown(digest, steady)
        key = await self._services.keys.get(digest)
        account = await self._services.directory.account(key.tenant, key.user) if key else None
        if key is None or account is None:
            self._note_unknown(digest, steady)
            raise ApiError("invalid_api_key")
        principal = Principal.from_account(account, key, deployment_limits(self._services.settings))
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        known = _Known(key, account, principal, now, steady)
        self._known[digest] = known
        return known

    def _require_not_unknown(self, digest: str, steady: float) -> None:
        read = self._unknown.get(digest)
        seconds = min(self._services.settings.cache_seconds, UNKNOWN_SECONDS)
        if read is not None and steady < read + seconds:
            raise ApiError("invalid_api_key")

    def _note_unknown(self, digest: str, steady: float) -> None:
        if len(self._unknown) >= MAX_CACHED:
            self._unknown.clear()
        self._unknown[digest] = steady

    async def operator(self, request: Request) -> Operator:
        """Decide who manages: the operator behind a management key, or the user behind an ordinary one.

        It is read anew each time: a key that is revoked, or a right that is taken away, manages nothing from then on.

        Raises:
            ApiError: 401, or 403 if the user may not use the API.
            StorageUnavailable: a store did not answer.
        """
        from antiphon.manage.operator import Operator

        known = await self._known_by(keys.digest(bearer_key(request)), anew=True)
        if not known.key.management:
            require_use(known.principal, write=False)
        noted = measures.current()
        noted.key_id, noted.user = known.key.id, known.key.user
        touching = self.touch(known.key)
        if touching is not None:
            request.scope["antiphon.beside"].append(touching)
        address = request.client.host if request.client else ""
        deployment = deployment_limits(self._services.settings)
        return Operator.of_key(known.key, known.account, deployment, address)

    def touch(self, key: Key) -> asyncio.Task[None] | None:
        """Record that a key was used, at most once an hour, without delaying the request."""
        now = self._services.clock()
        if 0 <= now - self._touched.get(key.digest, 0.0) < HOUR:
            return None
        if len(self._touched) >= MAX_CACHED:
            self._touched.clear()
        self._touched[key.digest] = now
        return asyncio.get_running_loop().create_task(self._touch(key, int(now)))

    async def _touch(self, key: Key, at: int) -> None:
        try:
            await self._services.keys.touch(key.tenant, key.digest, at)
        except StorageUnavailable:
            audit.warning("last use not noted", extra={"key_id": key.id})


def bearer_key(request: HTTPConnection) -> str:
    """Take the key out of the ``authorization`` header (RFC 6750, 2.1).

    Raises:
        ApiError: 401; no store was asked.
    """
    headers = request.headers.getlist("authorization")
    if not headers:
        raise ApiError("missing_api_key")
    if len(headers) > 1 or len(headers[0]) > MAX_HEADER:
        raise ApiError("invalid_api_key")
    scheme, _, key = headers[0].partition(" ")
    key = key.strip(" ")
    if scheme.lower() != "bearer" or not keys.is_key(key):
        raise ApiError("invalid_api_key")
    return key


def _caller(*, write: bool) -> Callable[[Request], Awaitable[Principal]]:
    async def caller(request: Request) -> Principal:
        return await identify(request, write=write)

    return caller


async def identify(request: HTTPConnection, *, write: bool) -> Principal:
    """Return the caller of a request or a connection, if they may use the API.

    Raises:
        ApiError: 401 or 403.
        StorageUnavailable: a store did not answer.
    """
    authenticator: Authenticator = request.app.state.authenticator
    key, principal = await authenticator.authenticate(request)
    require_use(principal, write=write)
    touching = authenticator.touch(key)
    if touching is not None:
        request.scope["antiphon.beside"].append(touching)
    return principal


def require_use(principal: Principal, *, write: bool) -> None:
    """Note who calls, and require that they may use the API.

    Raises:
        ApiError: 403.
    """
    noted = measures.current()
    noted.key_id, noted.user = principal.key_id, principal.user
    decision = decide.may_use(principal, write=write)
    if not decision.allowed:
        audit.info("refused", extra={"key_id": principal.key_id, "reason": decision.reason})
        raise ApiError(decision.code or "permission_denied")


Reader = Annotated[Principal, Depends(_caller(write=False))]
"""The caller of a route that only reads."""

Writer = Annotated[Principal, Depends(_caller(write=True))]
"""The caller of a route that creates, cancels or deletes."""
