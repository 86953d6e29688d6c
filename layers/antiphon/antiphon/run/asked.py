"""The approvals that a response asks for, and what was decided: they hold as long as it is there, and go with it.

A response asks once it has ended as completed. What a writer stored that was lost before, or whose response failed or
was cancelled, was never asked of anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from antiphon.errors import StorageUnavailable
from antiphon.ports import Page, Services
from antiphon.records import Approval, OpenRun, Owner, StoredResponse
from antiphon.stream.events import APPROVALS

SKEW: Final = 3600
"""Seconds by which a writer's clock may be behind that of the process that created the response."""

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions on what a response asked for.

    Attributes:
        waits_until: when the last of those expires that somebody can still decide, in seconds since the epoch; None if
            there are none.
        left: those that no response has used and nobody can decide any more; empty if nobody has decided any of them.
        used_by: a response that has used one; None if none has.
    """

    waits_until: float | None
    left: list[Approval]
    used_by: str | None

    @property
    def are_made(self) -> bool:
        """Whether a response can go on: something was decided, and nobody can decide on the rest any more."""
        return self.waits_until is None and bool(self.left)

    @property
    def is_due(self) -> bool:
        """Whether a worker is needed, now or once the rest has expired."""
        return any(not approval.failure for approval in self.left)


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


async def read_approvals(services: Services, tenant: str, approval_ids: Iterable[str]) -> list[Approval]:
    """Read approvals at once. Those that are not there are left out.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    read = await asyncio.gather(*(services.approvals.get(tenant, approval_id) for approval_id in approval_ids))
    return [approval for approval in read if approval is not None]


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
    await _withdraw_where(services, owner.tenant, lambda found: found.owner == owner)


async def withdraw_unasked(services: Services, ended: StoredResponse) -> None:
    """Remove the approvals that writers of a response have stored and that it does not ask for.

    If the store does not answer, they are removed after they have expired; until then no list shows them.
    """
    asked, since = asked_by(ended), max(0, int(ended.created_at - SKEW))

    def is_left(found: Approval) -> bool:
        return (found.owner, found.response_id) == (ended.owner, ended.id) and found.id not in asked

    with contextlib.suppress(StorageUnavailable):
        await _withdraw_where(services, ended.owner.tenant, is_left, since)


async def _withdraw_where(services: Services, tenant: str, matches: Callable[[Approval], bool], since: int = 0) -> None:
    after, more = None, True
    while more:
        page = await services.approvals.pending(tenant, _PAGE, after, since=since)
        after, more = (page.records[-1] if page.records else after), page.more
        await withdraw(services, tenant, [found.id for found in page.records if matches(found)])


async def list_pending(
    services: Services, tenant: str, limit: int, after: Approval | None, is_shown: Callable[[Approval], bool]
) -> Page[Approval]:
    """List approvals that can be decided, oldest first: neither expired nor of a response that does not ask for them.

    Args:
        services: the adapters.
        tenant: whose.
        limit: the most that are listed.
        after: the one that they follow; None for the oldest.
        is_shown: returns whether the reader may see one.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    found, more = list[Approval](), True
    while more and len(found) < limit:
        page = await services.approvals.pending(tenant, limit, after)
        now = services.clock()
        found += await _only_asked(services, [each for each in page.records if _waits(each, now) and is_shown(each)])
        after, more = (page.records[-1] if page.records else after), page.more
    return Page(found[:limit], more or len(found) > limit)


async def _only_asked(services: Services, approvals: Sequence[Approval]) -> list[Approval]:
    """Return those approvals that their responses ask for; each response is read once."""
    now, places = services.clock(), dict.fromkeys((approval.owner, approval.response_id) for approval in approvals)
    read = await asyncio.gather(*(services.responses.get(*place, now) for place in places))
    asked = {approval_id for asking in read if asking is not None for approval_id in asked_by(asking)}
    return [approval for approval in approvals if approval.id in asked]


async def decisions(services: Services, asking: StoredResponse) -> Decisions:
    """Read what was decided of the calls of a response.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    approvals, now = await read_approvals(services, asking.owner.tenant, asked_by(asking)), services.clock()
    pending = [approval.expires_at for approval in approvals if _waits(approval, now)]
    ready = [approval for approval in approvals if is_ready(approval, now)]
    has_decided = any(approval.state != "pending" for approval in ready)
    used_by = next((approval.used_by for approval in approvals if approval.used_by), None)
    return Decisions(max(pending, default=None), ready if has_decided else [], used_by)


def is_ready(approval: Approval, now: float) -> bool:
    """Return whether nobody can decide on an approval any more, and no response has used it."""
    return not approval.used_by and not _waits(approval, now)


async def set_queue_entry(services: Services, ended: StoredResponse) -> None:
    """Set the queue entry of a response that has ended to when a worker is needed; remove it if none is.

    The decisions are read again after the entry is written, so that one that is stored meanwhile counts.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    found, written = await decisions(services, ended), None
    while written is None or (found.is_due, found.waits_until) != written:
        written = (found.is_due, found.waits_until)
        if found.is_due:
            at = services.clock() if found.waits_until is None else found.waits_until
            await services.runs.open(OpenRun(ended.owner, ended.id, at))
        else:
            await services.runs.close(ended.owner, ended.id)
        if asked_by(ended):
            found = await decisions(services, ended)


def _waits(approval: Approval, now: float) -> bool:
    return approval.state == "pending" and approval.expires_at > now
