"""Endings that the store did not take in time: each is stored as failed as soon as the store answers again.

Until then the response counts as running, its idempotency key as taken and its conversation as busy. The client has
its ending already.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from antiphon.errors import StorageUnavailable, Superseded, trace
from antiphon.ports import Services
from antiphon.records import StoredResponse

log: Final = logging.getLogger("antiphon.run")

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 2.0
"""Seconds between two attempts: less than a client waits that was refused with 409."""

_waiting: dict[asyncio.Task[None], tuple[Services, StoredResponse]] = {}
"""It keeps the tasks alive: an event loop holds them weakly."""


def store_later(services: Services, record: StoredResponse) -> None:
    """Store an ending in the background, until its lease ends: then every reader counts the response as lost anyway.

    The lease of a logged response was renewed with its last batch, about now.
    """
    until = record.lease_until
    if record.logged:
        until = max(until, services.clock() + services.settings.lease_seconds)
    task = asyncio.get_running_loop().create_task(_store(services, record, until))
    _waiting[task] = (services, record)
    task.add_done_callback(_waiting.pop)


async def store_now(seconds: float) -> None:
    """Try once more to store what waits, for an orderly shutdown.

    Args:
        seconds: the longest that this may take.
    """
    loop = asyncio.get_running_loop()
    mine = {task: ending for task, ending in _waiting.items() if task.get_loop() is loop}
    for task in mine:
        task.cancel()
    last = [asyncio.ensure_future(_is_stored(*ending)) for ending in mine.values()]
    if last:
        _, late = await asyncio.wait(last, timeout=seconds)
        for attempt in late:
            attempt.cancel()


async def _store(services: Services, record: StoredResponse, until: float) -> None:
    pause = FIRST_PAUSE
    while services.clock() < until and not await _is_stored(services, record):
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def _is_stored(services: Services, record: StoredResponse) -> bool:
    """Try once; return whether no further attempt is of use."""
    try:
        await services.responses.commit(record)
    except Superseded:
        return True
    except StorageUnavailable:
        return False
    except Exception as error:  # noqa: BLE001 - a defect, which another attempt would meet again
        log.error("failure not stored", extra={"response_id": record.id, "error": trace(error)})  # noqa: TRY400
    return True
