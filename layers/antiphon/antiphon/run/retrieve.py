"""Read a stored response as it is now: one that nobody runs any more is brought to its end, or started again."""

from __future__ import annotations

from antiphon import measures
from antiphon.access.principal import Principal
from antiphon.errors import ApiError, StorageUnavailable
from antiphon.ids import parse_response_id
from antiphon.ports import Services
from antiphon.records import StoredResponse
from antiphon.run.lost import as_lost, settled
from antiphon.run.models import are_visible


async def retrieve(services: Services, principal: Principal, response_id: str) -> StoredResponse:
    """Read one response of the caller, as it is now.

    Raises:
        ApiError: 404, the same if it is absent, expired, deleted, another user's or of an agent that is hidden.
    """
    stored = await find(services, principal, response_id)
    try:
        found = await settled(services, stored)
    except StorageUnavailable:
        found = as_lost(stored)
    if found is None:
        raise ApiError("response_not_found")
    return found


async def find(services: Services, principal: Principal, response_id: str) -> StoredResponse:
    """Read one response of the caller, as it was stored.

    Raises:
        ApiError: 404, the same if it is absent, expired, deleted, another user's or of an agent that is hidden.
    """
    if parse_response_id(response_id) is None:
        raise ApiError("response_not_found")
    found = await services.responses.get(principal.owner, response_id, services.clock())
    if found is None or not found.agent or not await are_visible(services, principal, [found.agent]):
        raise ApiError("response_not_found")
    measures.current().response_id = response_id
    return found
