"""A running response whose writer is gone: found by whoever looks at it next, and brought to its end.

is it lost?    its lease has ended, and its log shows nothing newer
a worker's     it is started again; see ``worker``
a request's    somebody else takes it over: its writer can store and log nothing more; it ends as failed

What was done is kept: the items that were stored, and the open item as far as it was logged, as incomplete.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any, Final

import orjson

from antiphon.errors import CODES, AntiphonError, Superseded
from antiphon.ids import random_base62
from antiphon.ports import Services
from antiphon.records import CANCELLED, IN_PROGRESS, QUEUED, Item, LogBatch, StoredResponse
from antiphon.run.aside import aside_if_many
from antiphon.run.asked import set_queue_entry, withdraw_unasked
from antiphon.run.journal import KEEP_SECONDS, NOTHING, Lines, Logged
from antiphon.run.registry import running
from antiphon.run.server_calls import outcomes, pending_of
from antiphon.run.tally import stored_use, tally
from antiphon.stream.closing import closing
from antiphon.stream.cuts import VERSION
from antiphon.stream.events import Event
from antiphon.stream.fold import Fold
from antiphon.stream.log import Decoder
from antiphon.tools.server_calls import only_hidden
from antiphon.tools.table import ToolTable

DISCARD_SECONDS: Final = 5.0
"""The longest that it may take to make a provider forget a response."""

LEASE_MARGIN: Final = 5.0
"""Seconds after its time at which the writer of an unlogged response counts as lost."""

WORKER_LOST: Final = {"code": "worker_lost", "message": CODES["worker_lost"].message}


async def is_lost(services: Services, stored: StoredResponse) -> bool:
    """Return whether nobody runs a response that has not ended.

    What runs in this process is not lost, whatever the clock was set to meanwhile.
    """
    if stored.has_ended or running(stored.id) is not None:
        return False
    now, lease = services.clock(), _lease(services, stored)
    gone = services.alone_since
    if now <= stored.lease_until and (gone is None or stored.lease_until - lease >= gone):
        return False
    if not stored.logged or stored.status == QUEUED:
        return True
    latest = await services.runs.latest(stored.owner, stored.id)
    return latest is None or now > latest.at + lease or (gone is not None and latest.at < gone)


def is_foreign(stored: StoredResponse) -> bool:
    """Return whether a running response is streamed by another version of Antiphon, as in the middle of a deployment.

    This one may not make the same events of its log. (0 is what a version noted that had no number yet.)
    """
    return not stored.has_ended and stored.stream_version not in {0, VERSION}


async def settled(services: Services, stored: StoredResponse) -> StoredResponse | None:
    """Return a stored response as it is now; None if it was deleted meanwhile.

    If nobody runs it, that is put right first: a worker is started, or its ending is stored. So a writer whose clock is
    behind cannot complete it afterwards.
    """
    if not await is_lost(services, stored):
        return stored
    if stored.job is None:
        return await end_lost(services, stored)
    await services.start_worker(services, stored.owner, stored.id)
    return stored


def as_lost(stored: StoredResponse) -> StoredResponse:
    """Return a lost response as it is shown while its ending cannot be stored."""
    if stored.job is not None:
        return stored
    return replace(stored, status="failed", response={**stored.response, "status": "failed", "error": WORKER_LOST})


async def end_lost(services: Services, seen: StoredResponse, status: str = "failed") -> StoredResponse | None:
    """End a response that nobody runs, and store that. Return it as it then is; None if it was deleted meanwhile.

    Args:
        services: the adapters.
        seen: the response, as it was read.
        status: ``failed``, or ``cancelled`` if a caller wants it to end.
    """
    taken = await take_over(services, seen, lives=False)
    if taken is None:
        return await end_cancelled(services, seen)
    return await end(services, taken, await fence(services, taken, lives=False), status, WORKER_LOST)


async def end_cancelled(services: Services, seen: StoredResponse) -> StoredResponse | None:
    """End a response that could not be taken over, if that is because it was cancelled while nobody ran it.

    Return it as it then is; None if it was deleted meanwhile.
    """
    found = await services.responses.get(seen.owner, seen.id, services.clock())
    if found is None or found.has_ended or found.lease != seen.lease:
        return found
    return await end(services, found, await fence(services, found, lives=False), CANCELLED, WORKER_LOST)


async def take_over(services: Services, seen: StoredResponse, *, lives: bool = True) -> StoredResponse | None:
    """Become the writer of a response that nobody runs; None if somebody else did, or it was cancelled.

    Args:
        services: the adapters.
        seen: the response, as it was read.
        lives: the new writer runs it. One that only ends it does not keep others from trying the same.
    """
    now = services.clock()
    taken = replace(
        seen,
        status=IN_PROGRESS,
        lease=random_base62(services.entropy, 16),
        lease_until=now + _lease(services, seen) if lives else now,
        epoch=seen.epoch + 1,
        response={**seen.response, "status": IN_PROGRESS},
    )
    return taken if await services.responses.take_over(seen, taken) else None


def _lease(services: Services, seen: StoredResponse) -> float:
    """Return the seconds for which a writer counts as alive; without a log nothing shows it, so for its whole time."""
    return services.settings.lease_seconds if seen.logged else services.settings.run_seconds + LEASE_MARGIN


async def fence(services: Services, taken: StoredResponse, *, lives: bool = True) -> Logged:
    """Close the log to the writers before this one, and return what they have logged.

    Args:
        services: the adapters.
        taken: the response, with this writer's lease.
        lives: as for ``take_over``.
    """
    if not taken.logged:
        return NOTHING
    reader, lines = Lines(), list[bytes]()
    while True:
        lines += reader.read(await services.runs.read(taken.owner, taken.id, reader.next))
        now = services.clock()
        mark = LogBatch(reader.next, taken.epoch, now if lives else 0.0, b"")
        if await services.runs.append(taken.owner, taken.id, mark, int(now) + KEEP_SECONDS):
            return Logged(lines, mark.number + 1)


async def end(
    services: Services, taken: StoredResponse, logged: Logged, status: str, error: dict[str, str]
) -> StoredResponse | None:
    """Store the ending of a response by the one who took it over.

    Args:
        services: the adapters.
        taken: the response, with this writer's lease.
        logged: what the writers before have logged.
        status: ``failed`` or ``cancelled``.
        error: ``code`` and ``message``, for ``failed``.

    Returns:
        the response as it is stored then; None if it was deleted meanwhile.
    """
    ended = await aside_if_many(len(logged.lines), lambda: ending_of(taken, logged, status, error))
    stored: StoredResponse | None = ended
    try:
        await services.responses.commit(ended)
    except Superseded as lost:
        stored = lost.winner
        if stored is not None and not stored.has_ended:
            return stored  # another worker runs it
    else:
        await tally(services, ended, stored_use(services, taken.job))
        await withdraw_unasked(services, ended)
    if stored is None:
        await services.runs.erase(taken.owner, taken.id)  # the deletion did not see what ``fence`` has added
    if taken.job is not None:
        await set_queue_entry(services, taken if stored is None else stored)
        await discard(services, taken.job)
    return stored


async def discard(services: Services, job: dict[str, Any], deadline: float | None = None) -> None:
    """Stop and forget what providers keep of a response's model turns, as far as they are set up here.

    Args:
        services: the adapters.
        job: as in ``StoredResponse.job``.
        deadline: in the event loop's time (seconds); None for ``DISCARD_SECONDS`` from now.
    """
    if deadline is None:
        deadline = asyncio.get_running_loop().time() + DISCARD_SECONDS
    turns = [*job.get("past", ()), *([job["kept"]] if "kept" in job else ())]
    await asyncio.gather(*(_discard(services, kept, deadline) for kept in turns))


async def _discard(services: Services, kept: dict[str, str], deadline: float) -> None:
    with contextlib.suppress(AntiphonError):
        provider = services.providers(kept["provider"])
        if provider is not None:
            await provider.discard(kept["id"], deadline)


def ending_of(taken: StoredResponse, logged: Logged, status: str, error: dict[str, str]) -> StoredResponse:
    """Return a response with the ending that ``end`` stores, of what was stored and logged of it.

    Of a response of another version only what was stored is kept, and its events are not numbered any more.
    """
    output, cuts, number = [*taken.response["output"]], "", None
    if not is_foreign(taken):
        output, cuts, number = _with_logged(taken, logged)
    output += outcomes(taken.calls, output, taken.id)
    response: dict[str, Any] = {
        **taken.response,
        "status": status,
        "incomplete_details": {"reason": CANCELLED} if status == CANCELLED else None,
        "error": error if status == "failed" else None,
        "output": output,
    }
    return replace(
        taken,
        status=status,
        response=response,
        job=None,
        calls=only_hidden(taken.calls),
        cuts=cuts,
        stream_version=0 if is_foreign(taken) else VERSION,
        lost_after=number,
    )


def _with_logged(taken: StoredResponse, logged: Logged) -> tuple[list[Item], str, int]:
    """Return the output as it was stored and logged, with its cuts, and how many events were logged."""
    decoder, fold = Decoder(taken.response), Fold()
    for line in logged.lines:
        fold.put(decoder.event(orjson.loads(line)))
    output = list(taken.response["output"])
    cuts = taken.cuts
    said = fold.response()["output"] if logged.lines else []
    if len(said) >= len(output):
        output += said[len(output) :]
        is_calling = any(call.is_shown for call in pending_of(taken.calls, ToolTable(()), output))
        open_item: list[Event] = [] if is_calling else closing(decoder.open_item)
        for event in open_item:
            fold.put(event)
        output += [event["item"] for event in open_item if "item" in event]
        cuts = fold.cuts()
    return output, cuts, decoder.number
