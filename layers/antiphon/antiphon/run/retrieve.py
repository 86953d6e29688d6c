"""Read a stored response as it is now: one whose worker was lost counts as failed once its lease has ended."""

from __future__ import annotations

from dataclasses import replace

from antiphon import measures
from antiphon.access.principal import Principal
from antiphon.errors import CODES, ApiError
from antiphon.ids import parse_response_id
from antiphon.ports import Services
from antiphon.records import IN_PROGRESS, StoredResponse
from antiphon.run.models import are_visible


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


def current(stored: StoredResponse, now: float) -> StoredResponse:
    """Give a stored response as it is at a time, in seconds since the epoch."""
    if stored.status != IN_PROGRESS or now <= stored.lease_until:
        return stored
    error = {"code": "worker_lost", "message": CODES["worker_lost"].message}
    return replace(stored, status="failed", response={**stored.response, "status": "failed", "error": error})
