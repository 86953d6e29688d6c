"""The decisions on what a response asked for, and its entry in the queue while a worker is needed for them."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.ports import Services
from antiphon.records import Approval, OpenRun, StoredResponse
from antiphon.run.asked import asked_by


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


async def decisions(services: Services, asking: StoredResponse) -> Decisions:
    """Read what was decided of the calls of a response.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    read = [await services.approvals.get(asking.owner.tenant, asked) for asked in asked_by(asking)]
    approvals, now = [approval for approval in read if approval is not None], services.clock()
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
