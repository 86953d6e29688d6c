"""The approvals that a response asks for: they hold as long as it is there, and go with it.

A response asks once it has ended as completed. What a writer stored that was lost before, or whose response failed or
was cancelled, was never asked of anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from antiphon.ports import Services
from antiphon.records import Approval, Owner, StoredResponse
from antiphon.stream.events import APPROVALS

_PAGE: Final = 100


def asked_by(asking: StoredResponse) -> list[str]:
    """Return the ids of the approvals that a response asks for."""
    shown: Iterable[dict[str, Any]] = asking.response.get("antiphon", {}).get(APPROVALS, ())
    return [approval["id"] for approval in shown] if asking.status == "completed" else []


async def find_asked(services: Services, tenant: str, approval_id: str) -> Approval | None:
    """Read an approval; None if there is none, or the response that asked for it is gone.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    approval = await services.approvals.get(tenant, approval_id)
    return approval if approval is not None and await is_asked(services, approval) else None


async def is_asked(services: Services, approval: Approval) -> bool:
    """Return whether the response is there that asks for an approval.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    asking = await services.responses.get(approval.owner, approval.response_id, services.clock())
    return asking is not None and approval.id in asked_by(asking)


async def withdraw(services: Services, tenant: str, approval_ids: Iterable[str]) -> None:
    """Remove approvals, with the calls that they hold. Nobody can decide on them any more.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    await asyncio.gather(*(services.approvals.delete(tenant, approval_id) for approval_id in approval_ids))


async def withdraw_of(services: Services, owner: Owner) -> None:
    """Remove the approvals of a user that nobody has decided.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    after, more = None, True
    while more:
        page = await services.approvals.pending(owner.tenant, _PAGE, after)
        after, more = (page.records[-1] if page.records else after), page.more
        await withdraw(services, owner.tenant, [found.id for found in page.records if found.owner == owner])
