"""Requests that are sent again: the same one is answered once, however often it comes.

    reserve ........ released if the request is refused: nothing is left behind
      |
    claim .......... the lease of the reservation ends: an attempt that died before does not block the next
      |
    run ............ a retry: 409 idempotency_in_progress; another body under the key: 422 idempotency_key_reused
      |
    completed ...... a retry: the same answer again, for a day; after a deletion 404
    background ..... a retry: the response as it is, queued or running
    failed, lost ... a retry runs, in the place of the first attempt

Two kinds of attempts are recognised. One has an ``Idempotency-Key``. The other comes from a client that sends how
often it has retried by itself (``x-stainless-retry-count``, which the OpenAI SDKs send, and never a key): its first
attempts always run, and a retry follows the latest attempt with the same body, unless that ended too long ago.

The reservation is written while the agent and the conversation are read, so it costs no time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, Final

from antiphon.errors import ApiError, StorageUnavailable
from antiphon.ports import Services
from antiphon.records import DAY, Owner, Reservation, StoredResponse
from antiphon.run.lost import settled

LEASE_SECONDS: Final = 60
"""From the reservation to the claim; with every retry of a store it takes seconds."""

RETRY_SECONDS: Final = 120
"""How long after the end of an answer an automatic retry gets it again: longer than any pause of the SDKs (60)."""

AUTOMATIC_SECONDS: Final = 3600
"""How long a reservation for automatic retries is kept: longer than any run with what follows it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that can be recognised when it is sent again.

    Attributes:
        name: the same for all its retries, and for no other request of its owner.
        digest: SHA-256 of its body, hexadecimal.
        automatic: it has no key, and is recognised by its body alone.
        again: an earlier answer will do: its client sent it as a retry, or it has a key.
    """

    name: str
    digest: str
    automatic: bool = False
    again: bool = True


def keyed_attempt(key_id: str, idempotency_key: str, body: dict[str, Any]) -> Attempt:
    """Describe a request with an idempotency key, which belongs to one API key."""
    name = hashlib.sha256(idempotency_key.encode()).hexdigest()
    return Attempt(f"{key_id}.key.{name}", _digest(body))


def automatic_attempt(key_id: str, body: dict[str, Any], *, again: bool) -> Attempt:
    """Describe a request of a client that counts its retries."""
    digest = _digest(body)
    return Attempt(f"{key_id}.body.{digest}", digest, automatic=True, again=again)


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Hold:
    """The reservation of one attempt; it does nothing for a request that cannot be recognised.

    Args:
        services: for the store and the clock.
        owner: whose request it is.
        attempt: the request; None if it cannot be recognised.
        response_id: of the response that is to answer.
    """

    def __init__(self, services: Services, owner: Owner, attempt: Attempt | None, response_id: str) -> None:
        self._services = services
        self._attempt = attempt
        self._wanted = _reservation(owner, attempt, response_id, services.clock()) if attempt else None
        self._held: Reservation | None = None

    @property
    def name(self) -> str:
        """The name of the reservation; empty for none."""
        return self._held.name if self._held else ""

    @property
    def may_be_answered(self) -> bool:
        """Whether an earlier answer will do: not for the first attempt of a client that counts its retries."""
        return self._attempt is not None and self._attempt.again

    async def take(self) -> StoredResponse | None:
        """Reserve the request. If it was answered before, return that answer instead.

        Raises:
            ApiError: 409, 422 or 404; see the module.
        """
        if self._attempt is None or self._wanted is None:
            return None
        there = await self._reserve(self._wanted, None)
        if there is None:
            return None
        if not self._attempt.again:
            await self._reserve(self._wanted, there)
            return None
        answer = await self._answer(self._attempt, there)
        if answer is None and await self._reserve(self._wanted, there) is not None:
            raise _in_progress()
        return answer

    async def move(self, response_id: str) -> None:
        """Let another response answer.

        Raises:
            ApiError: 409; the reservation was lost.
        """
        if self._held is not None and await self._reserve(replace(self._held, response_id=response_id), self._held):
            raise _in_progress()

    def require(self) -> None:
        """Check that the reservation has not ended: another attempt could have taken the request up since.

        Raises:
            ApiError: 503.
        """
        if self._held is not None and self._services.clock() >= self._held.until:
            raise ApiError("storage_unavailable")

    def keep(self) -> None:
        """Leave the reservation to its lease: a response may be there that answers a retry."""
        self._held = None

    async def release(self) -> None:
        """Remove the reservation; if that fails, it ends with its lease."""
        if self._held is not None:
            with contextlib.suppress(StorageUnavailable):
                await self._services.responses.release(self._held)

    async def _reserve(self, wanted: Reservation, replaced: Reservation | None) -> Reservation | None:
        before, self._held = self._held, wanted  # it is also released if the store does not come to say that it has it
        there = await self._services.responses.reserve(wanted, self._services.clock(), replaced)
        if there is not None:
            self._held = before
        return there

    async def _answer(self, attempt: Attempt, there: Reservation) -> StoredResponse | None:
        """Return the answer of another attempt; None if it has none, so that this one may run."""
        if there.digest != attempt.digest:
            raise ApiError("idempotency_key_reused", param="Idempotency-Key")
        if there.deleted:
            raise ApiError("response_not_found")
        now = self._services.clock()
        found = await self._services.responses.get(there.owner, there.response_id, now)
        if found is None and now < there.until:
            raise _in_progress()
        found = await settled(self._services, found) if found else None
        if found is None or found.status == "failed" or (attempt.automatic and _is_old(found, now)):
            return None
        if not found.has_ended and found.job is None:
            raise _in_progress()
        return found


def _reservation(owner: Owner, attempt: Attempt, response_id: str, now: float) -> Reservation:
    return Reservation(
        owner=owner,
        name=attempt.name,
        digest=attempt.digest,
        response_id=response_id,
        until=now + LEASE_SECONDS,
        expires_at=int(now) + (AUTOMATIC_SECONDS if attempt.automatic else DAY),
    )


def _is_old(found: StoredResponse, now: float) -> bool:
    ended: float = found.response["completed_at"] or found.created_at
    return found.has_ended and now - ended > RETRY_SECONDS


def _in_progress() -> ApiError:
    return ApiError("idempotency_in_progress")
