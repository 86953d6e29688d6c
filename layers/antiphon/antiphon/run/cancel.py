"""Cancel a response, from any process; delete one.

ended already      it stays as it is; of a background response that was not cancelled, this is an error
queued             it is ended here, and no worker begins it
runs here          its execution ends it and stores what it has
runs elsewhere     it is marked in the store; its writer sees the mark and does the same
worker lost        the ending is stored here, with the items that were stored
"""

from __future__ import annotations

import asyncio
from typing import Final

from antiphon.access.principal import Principal
from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import CANCELLED, QUEUED, StoredResponse
from antiphon.run.asked import asked_by, withdraw, withdraw_unasked
from antiphon.run.lost import end_lost, is_lost
from antiphon.run.registry import running
from antiphon.run.retrieve import find

PATIENCE: Final = 6.0
"""Seconds that a canceller waits for the ending; a writer elsewhere looks for the mark every ``watch_seconds``."""

LOOK_SECONDS: Final = 0.25

WRITERS: Final = 3
"""How many writers are asked, one after the other."""


async def cancel(services: Services, principal: Principal, response_id: str) -> StoredResponse:
    """End a running response and return it as it then is.

    A cancellation can be sent again, and one that meets the ending is no error: the response has its status. One that
    is still ending after ``PATIENCE`` is returned in progress.

    Raises:
        ApiError: 404, the same if it is absent, expired, deleted, another user's or hidden; 400 ``response_ended`` for
            a background response that had ended before, as OpenAI's clients expect.
    """
    stored = await find(services, principal, response_id)
    if stored.has_ended and stored.response["background"] and stored.status != CANCELLED:
        article = "an" if stored.status == "incomplete" else "a"
        raise ApiError("response_ended", f"Cannot cancel {article} {stored.status} response.", param="response_id")
    return await _ended(services, stored)


async def delete(services: Services, principal: Principal, response_id: str) -> None:
    """Remove a response with all its content and the approvals that it asked for; one that runs is cancelled first.

    Raises:
        ApiError: 404, the same if it is absent, expired, deleted, another user's or hidden.
    """
    stored = await _ended(services, await find(services, principal, response_id))
    await withdraw(services, stored.owner.tenant, asked_by(stored))
    if not await services.responses.delete(stored.owner, stored.id):
        raise ApiError("response_not_found")
    if not stored.has_ended:  # its writer was slow, and may have ended it since
        await withdraw_unasked(services, stored)


async def _ended(services: Services, stored: StoredResponse) -> StoredResponse:
    """End a response, unless it has ended, and return it as it then is."""
    if stored.has_ended:
        return stored
    now = await stop(services, stored)
    if now is None:
        raise ApiError("response_not_found")
    return now


async def stop(services: Services, stored: StoredResponse) -> StoredResponse | None:
    """End a response that has not ended, and wait for that, but not longer than ``PATIENCE`` for each writer.

    Return it as it is then; None if it was deleted meanwhile. If another writer takes it over meanwhile, that one
    is asked, too.
    """
    now: StoredResponse | None = stored
    for _ in range(WRITERS):
        if now is None or now.has_ended:
            break
        if now.status == QUEUED or await is_lost(services, now):
            now = await end_lost(services, now, CANCELLED)
            continue
        lease, status = now.lease, now.status
        await _end_running(services, now)
        now = await services.responses.get(stored.owner, stored.id, services.clock())
        if now is not None and (now.lease, now.status) == (lease, status):
            break
    return now


async def _end_running(services: Services, stored: StoredResponse) -> None:
    execution = running(stored.id)
    if execution is None:
        if not await services.responses.cancel(stored.owner, stored.id):
            return
        execution = running(stored.id)  # a worker of this process may have begun meanwhile
    if execution is not None:
        await execution.cancel(PATIENCE)
    else:
        await _wait(services, stored)


async def _wait(services: Services, stored: StoredResponse) -> None:
    """Wait until a response that runs elsewhere has ended."""
    for _ in range(int(PATIENCE / LOOK_SECONDS)):
        await asyncio.sleep(LOOK_SECONDS)
        found = await services.responses.get(stored.owner, stored.id, services.clock())
        if found is None or found.has_ended:
            return
