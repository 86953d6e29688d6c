"""Go on with a response whose calls were decided: a background response continues it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from antiphon.errors import CODES, ApiError
from antiphon.ports import Services
from antiphon.records import DAY, Approval, StoredResponse
from antiphon.run.approvals import continuation
from antiphon.run.asked import decisions, set_queue_entry
from antiphon.run.create import Queued, create
from antiphon.run.execution import Execution
from antiphon.run.idempotency import Attempt
from antiphon.run.principals import principal_of
from antiphon.run.run_request import RunRequest
from antiphon.spec.request import parse_create

log: Final = logging.getLogger("antiphon.run")

TRIED_AFTER: Final = DAY
"""How long after its approvals have expired a response is tried again that cannot continue, in seconds."""

_PASSING: Final = frozenset({409, 429})
_OURS: Final = 500


async def go_on(services: Services, asking: StoredResponse, until: float) -> str | None:
    """Start the response that continues the one that asked, unless it waits for another decision.

    However often it is called, one response is started.

    Args:
        services: the adapters.
        asking: the response that asked for approvals.
        until: when the host ends the process's turn, in seconds since the epoch.

    Returns:
        the id of the response that goes on; None if none does.

    Raises:
        ApiError: it cannot go on, and why.
        StorageUnavailable: a store did not answer.
    """
    found = await decisions(services, asking)
    return await _start(services, asking, found.left, until) if found.are_made else found.used_by


async def _start(services: Services, asking: StoredResponse, decided: list[Approval], until: float) -> str:
    principal = await principal_of(services, asking.owner, decided[0].job)
    request = parse_create(continuation(decided[0]))
    attempt = Attempt(f"approvals.{asking.id}", asking.id)
    calls = [{"approval": approval.id} for approval in decided]
    started = await create(services, RunRequest(principal, request, until, attempt, calls=calls))
    assert not isinstance(started, Execution), "it is a background response"
    return started.record.id if isinstance(started, Queued) else started.id


def passes(error: ApiError) -> bool:
    """Return whether what cannot go on now may go on later: something else runs, a limit is reached, a store is out."""
    status = CODES[error.code].status
    return status in _PASSING or status >= _OURS


async def settle(services: Services, asking: StoredResponse, until: float) -> None:
    """Continue a response that has ended, or record in its approvals why that cannot be done; then set its queue entry.

    If what refused it now may pass, the entry stays, so that it is tried again.

    Args:
        services: the adapters.
        asking: the response that asked for approvals.
        until: when the host ends the process's turn, in seconds since the epoch.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    found = await decisions(services, asking)
    if not found.are_made:
        await set_queue_entry(services, asking)
        return
    try:
        await _start(services, asking, found.left, until)
    except ApiError as error:
        log.warning("approved calls not made", extra={"response_id": asking.id, "code": error.code})
        last = max(approval.expires_at for approval in found.left) + TRIED_AFTER
        if passes(error) and services.clock() < last:
            return
        for approval in found.left:
            await services.approvals.save(replace(approval, failure=error.code, revision=approval.revision + 1))
    await services.runs.close(asking.owner, asking.id)
