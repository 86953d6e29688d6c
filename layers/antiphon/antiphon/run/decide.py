"""Go on with a response whose calls were decided: a background response continues it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from antiphon.errors import CODES, ApiError
from antiphon.ports import Services
from antiphon.records import Approval, StoredResponse
from antiphon.run.approvals import continuation
from antiphon.run.asked import asked_by
from antiphon.run.create import Queued, create
from antiphon.run.execution import Execution
from antiphon.run.idempotency import Attempt
from antiphon.run.principals import principal_of
from antiphon.run.run_request import RunRequest
from antiphon.spec.request import parse_create

log: Final = logging.getLogger("antiphon.run")

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
    if found.waits or not found.left:
        return found.used_by
    principal = await principal_of(services, asking.owner, found.left[0].job)
    request = parse_create(continuation(found.left[0]))
    attempt = Attempt(f"approvals.{asking.id}", asking.id)
    calls = [{"approval": approval.id} for approval in found.left]
    started = await create(services, RunRequest(principal, request, until, attempt, calls=calls))
    assert not isinstance(started, Execution), "it is a background response"
    return started.record.id if isinstance(started, Queued) else started.id


@dataclass(frozen=True, slots=True)
class Decisions:
    """How far the approvals are that a response asked for.

    Attributes:
        waits: somebody still has to decide.
        left: those that are decided and that no response has used.
        used_by: a response that has used one; None if none has.
    """

    waits: bool
    left: list[Approval]
    used_by: str | None


async def decisions(services: Services, asking: StoredResponse) -> Decisions:
    """Read what was decided of the calls of a response.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    read = [await services.approvals.get(asking.owner.tenant, asked) for asked in asked_by(asking)]
    approvals, now = [approval for approval in read if approval is not None], services.clock()
    waits = any(approval.state == "pending" and approval.expires_at > now for approval in approvals)
    left = [approval for approval in approvals if approval.state != "pending" and not approval.used_by]
    return Decisions(waits, left, next((approval.used_by for approval in approvals if approval.used_by), None))


def passes(error: ApiError) -> bool:
    """Return whether what cannot go on now may go on later: something else runs, a limit is reached, a store is out."""
    status = CODES[error.code].status
    return status in _PASSING or status >= _OURS


async def settle(services: Services, asking: StoredResponse, until: float) -> bool:
    """Continue a response, or record in its approvals why that cannot be done.

    Args:
        services: the adapters.
        asking: the response that asked for approvals.
        until: when the host ends the process's turn, in seconds since the epoch.

    Returns:
        whether nothing is left to do: not if somebody still has to decide, or what refused it now may pass.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    try:
        await go_on(services, asking, until)
    except ApiError as error:
        log.warning("approved calls not made", extra={"response_id": asking.id, "code": error.code})
        left = (await decisions(services, asking)).left
        if passes(error) and any(approval.expires_at > services.clock() for approval in left):
            return False
        for approval in left:
            await services.approvals.save(replace(approval, failure=error.code, revision=approval.revision + 1))
        return True
    return not (await decisions(services, asking)).waits
