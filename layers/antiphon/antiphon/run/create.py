"""Create a response: prepare it, claim its place, start its run.

prepare      whatever is wrong until here is a status code, and no response is stored
claim        one conditional write: from here on errors are events
run          a task of its own; a background response is queued, and a worker runs it
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from antiphon import measures
from antiphon.context.sealed import sealer
from antiphon.errors import ApiError, SlotTaken, StorageUnavailable
from antiphon.ids import branch_response_id, first_response_id, moved_item_id
from antiphon.ports import Services
from antiphon.records import OpenRun, StoredResponse
from antiphon.run.approvals import answered
from antiphon.run.compaction import due
from antiphon.run.conversation import Joined, joined_by, keep, locked, require_open
from antiphon.run.execution import Execution
from antiphon.run.idempotency import Hold
from antiphon.run.prepare import draw_id, prepare, shortened
from antiphon.run.quota import Quota
from antiphon.run.run_request import RunRequest
from antiphon.run.sources import read_sources
from antiphon.run.tool_loop import Resumed

SEALED_REASONING: Final = "reasoning.encrypted_content"
QUEUE_PAUSE: Final = 10
"""Seconds after which a client may try again that has too many background responses."""

CLAIMS: Final = 4
"""How often a place is tried: each failure means that another turn took it first."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A background response that a worker runs."""

    record: StoredResponse


async def create(services: Services, run: RunRequest) -> Execution | Queued | StoredResponse:
    """Start a response; or return the one that answered the same request before.

    Raises:
        ApiError: it cannot be done; nothing was stored and no model was called.
        StorageUnavailable: a store did not answer; likewise.
    """
    stored = run.body.store
    joined = await joined_by(services, run, adds=stored)
    response_id = draw_id(services, run.body.previous_response_id, stored=stored, joined=joined)
    hold = Hold(services, run.principal.owner, run.attempt if stored else None, response_id)
    try:
        return await _create(services, run, response_id, hold, joined)
    except BaseException:
        await hold.release()
        raise


async def _create(
    services: Services, run: RunRequest, response_id: str, hold: Hold, joined: Joined | None
) -> Execution | Queued | StoredResponse:
    quota = Quota(services, run.principal)
    sources = await read_sources(services, run, hold, quota, joined)
    if sources.answered is not None:
        return sources.answered
    ready = await prepare(services, run, sources, response_id)
    compaction = await due(services, ready)
    call, record = replace(ready.call if compaction else await shortened(ready), stop=run.stop), ready.record
    seal = await sealer(services, record.owner, ready.agent.id) if SEALED_REASONING in run.body.include else None
    record = replace(record, calls=[*run.calls, *await answered(services, run)])
    if run.body.store:
        record = await _claim(services, replace(record, reservation=hold.name), hold, joined)
    noted = measures.current()
    noted.response_id, noted.agent, noted.provider = record.id, ready.agent.id, ready.agent.provider
    noted.model = call.model
    if run.body.background:
        await services.start_worker(services, record.owner, record.id)
        return Queued(record)
    options = run.body.stream_options
    obfuscate = options is None or options.include_obfuscation
    execution = Execution(services, record, stored=run.body.store, obfuscate=obfuscate, seal=seal, quota=quota)
    execution.start(ready, call, compaction, Resumed(calls=record.calls))
    return execution


async def _note(services: Services, record: StoredResponse) -> None:
    """Note a background response for a worker. Of several at the same time those pass that were first.

    Raises:
        ApiError: 429 ``too_many_queued``.
    """
    run = OpenRun(record.owner, record.id, services.clock())
    await services.runs.open(run)
    others = await services.runs.list_open(record.owner)
    before = sum((other.at, other.response_id) < (run.at, run.response_id) for other in others)
    if before >= services.settings.max_queued_runs:
        await services.runs.close(record.owner, record.id)
        raise ApiError("too_many_queued", param="background", retry_after=QUEUE_PAUSE)


async def _claim(services: Services, record: StoredResponse, hold: Hold, joined: Joined | None) -> StoredResponse:
    """Take a place; if another turn continued the same response first, begin a branch."""
    if joined is not None:
        await keep(services, joined.record, record.agent, record.expires_at or 0)
    for _ in range(CLAIMS):
        hold.require()
        if record.job is not None:
            await _note(services, record)
        try:
            await services.responses.claim(record)
        except SlotTaken:
            if record.job is not None:
                await services.runs.close(record.owner, record.id)
            if joined is not None:
                raise locked() from None
            record = _elsewhere(services, record)
            await hold.move(record.id)
        except (StorageUnavailable, asyncio.CancelledError):
            await _withhold(services, record, hold)
            raise
        else:
            if joined is not None:
                await _stay(services, record)
            return record
    raise ApiError("storage_unavailable")


async def _withhold(services: Services, record: StoredResponse, hold: Hold) -> None:
    """Keep workers from a response of which it is not known whether it is stored: its caller reads that it is not.

    If that cannot be done, a retry of the request gets this response, if it is there, and not another one.
    """
    if record.job is None:
        return
    try:
        await services.runs.close(record.owner, record.id)
    except StorageUnavailable:
        hold.keep()


async def _stay(services: Services, record: StoredResponse) -> None:
    """Check that the conversation in which a place was taken is still there.

    Raises:
        ApiError: 404.
    """
    try:
        await require_open(services, record)
    except ApiError:
        if record.job is not None:
            await services.runs.close(record.owner, record.id)
        raise


def _elsewhere(services: Services, record: StoredResponse) -> StoredResponse:
    """Return the same turn with another id, and the ids of its own items derived from it."""
    previous = record.previous_response_id
    new = branch_response_id(previous, services.entropy) if previous else first_response_id(services.entropy)
    items = [{**item, "id": moved_item_id(item["id"], record.id, new)} for item in record.input]
    return replace(record, id=new, response={**record.response, "id": new}, input=items)
