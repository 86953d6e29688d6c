"""Endings that the store did not take in time: each is stored as failed as soon as the store answers again.

Until then the response counts as running, its idempotency key as taken and its conversation as busy. The client has
its ending already.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from antiphon.errors import StorageUnavailable, Superseded, trace
from antiphon.ports import Services
from antiphon.records import CANCELLED, Approval, StoredResponse
from antiphon.run.asked import asked_by, withdraw
from antiphon.run.tally import tally
from antiphon.usage.counters import Spent

log: Final = logging.getLogger("antiphon.run")

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 2.0
"""Seconds between two attempts: less than a client waits that was refused with 409."""


@dataclass(slots=True)
class _Ending:
    """An ending that waits for the store, and what its models used.

    Attributes:
        approvals: those that the run has stored.
        is_done: it is stored, or cannot be; what was used is being counted, or was.
    """

    services: Services
    record: StoredResponse
    spent: Callable[[], Awaitable[Sequence[Spent]]]
    approvals: Sequence[Approval] = ()
    is_done: bool = False

    async def is_stored(self) -> bool:
        """Try once; return whether no further attempt is of use. What was used is counted then."""
        counts_request, ended = True, self.record
        try:
            await self.services.responses.commit(self.record)
        except Superseded as lost:
            counts_request, ended = _is_own(lost.winner, self.record), lost.winner or self.record
        except StorageUnavailable:
            return False
        except Exception as error:  # noqa: BLE001 - a defect, which another attempt would meet again
            log.error("failure not stored", extra={"response_id": self.record.id, "error": trace(error)})  # noqa: TRY400
        self.is_done = True
        await tally(self.services, self.record, self.spent, counts_request=counts_request)
        await self._withdraw(asked_by(ended))
        return True

    async def _withdraw(self, asked: Sequence[str]) -> None:
        """Remove the approvals that nobody is asked for, if the store answers: else they go when they expire."""
        with contextlib.suppress(StorageUnavailable):
            left = [approval.id for approval in self.approvals if approval.id not in asked]
            await withdraw(self.services, self.record.owner.tenant, left)


_waiting: dict[asyncio.Task[None], _Ending] = {}
"""It keeps the tasks alive: an event loop holds them weakly."""


def store_later(
    services: Services,
    record: StoredResponse,
    spent: Callable[[], Awaitable[Sequence[Spent]]],
    approvals: Sequence[Approval] = (),
) -> None:
    """Store an ending in the background, until its lease ends: then every reader counts the response as lost anyway.

    The lease of a logged response was renewed with its last batch, about now.

    Args:
        services: the adapters.
        record: the response with its ending.
        spent: returns what its models used.
        approvals: those that the run has stored; of a response that ended otherwise nobody is asked for them.
    """
    until = record.lease_until
    if record.logged:
        until = max(until, services.clock() + services.settings.lease_seconds)
    ending = _Ending(services, record, spent, approvals)
    task = asyncio.get_running_loop().create_task(_store(ending, until))
    _waiting[task] = ending
    task.add_done_callback(_waiting.pop)


async def store_now(seconds: float) -> None:
    """Try once more to store what waits, for an orderly shutdown.

    Args:
        seconds: the longest that this may take.
    """
    loop = asyncio.get_running_loop()
    mine = {task: ending for task, ending in _waiting.items() if task.get_loop() is loop}
    for task, ending in mine.items():
        if not ending.is_done:
            task.cancel()
    last = [task if ending.is_done else asyncio.ensure_future(ending.is_stored()) for task, ending in mine.items()]
    if last:
        _, late = await asyncio.wait(last, timeout=seconds)
        for attempt in late:
            attempt.cancel()


async def _store(ending: _Ending, until: float) -> None:
    pause = FIRST_PAUSE
    while ending.services.clock() < until and not await ending.is_stored():
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _is_own(winner: StoredResponse | None, record: StoredResponse) -> bool:
    """Return whether an ending is one that this run has sent before, whose acknowledgement was lost."""
    return winner is None or (winner.epoch == record.epoch and winner.status != CANCELLED)
