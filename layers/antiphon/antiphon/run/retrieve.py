"""Read a stored response as it is now: one whose worker was lost counts as failed once its lease has ended."""

from __future__ import annotations

from dataclasses import replace

from antiphon import measures
from antiphon.access.principal import Principal
from antiphon.errors import CODES, ApiError, Superseded
from antiphon.ids import parse_response_id
from antiphon.ports import Services
from antiphon.records import IN_PROGRESS, StoredResponse
from antiphon.run.models import are_visible
from antiphon.run.registry import running


async def retrieve(services: Services, principal: Principal, response_id: str) -> StoredResponse:
    """Read one response of the caller, as it is now.

    Raises:
        ApiError: 404, the same if it is absent, expired, deleted, another user's or of an agent that is hidden.
    """
    return current(await find(services, principal, response_id), services.clock())


async def find(services: Services, principal: Principal, response_id: str) -> StoredResponse:
    """Read one response of the caller, as it was stored.

    Raises:
        ApiError: 404, the same if it is absent, expired, deleted, another user's or of an agent that is hidden.
    """
    if parse_response_id(response_id) is None:
        raise ApiError("response_not_found")
    found = await services.responses.get(principal.owner, response_id, services.clock())
    if found is None or not await are_visible(services, principal, [found.agent]):
        raise ApiError("response_not_found")
    measures.current().response_id = response_id
    return found


def is_lost(stored: StoredResponse, now: float) -> bool:
    """Return whether nobody will end a response: its lease has ended, at a time in seconds since the epoch.

    What runs in this process is not lost, whatever the clock was set to meanwhile.
    """
    return stored.status == IN_PROGRESS and now > stored.lease_until and running(stored.id) is None


def current(stored: StoredResponse, now: float) -> StoredResponse:
    """Return a stored response as it is at a time, in seconds since the epoch."""
    if not is_lost(stored, now):
        return stored
    error = {"code": "worker_lost", "message": CODES["worker_lost"].message}
    return replace(stored, status="failed", response={**stored.response, "status": "failed", "error": error})


async def settled(services: Services, stored: StoredResponse) -> StoredResponse | None:
    """Return a stored response as it is now; if its worker is lost, store that first.

    Whoever acts on a loss must settle it: a worker whose clock is behind could complete the response afterwards.
    None if it was deleted meanwhile.
    """
    seen = current(stored, services.clock())
    if seen is not stored:
        try:
            await services.responses.commit(seen)
        except Superseded as first:
            return first.winner
    return seen
