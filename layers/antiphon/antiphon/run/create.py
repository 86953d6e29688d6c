"""Create a response: prepare it, claim its place, start its run.

prepare      whatever is wrong until here is a status code, and no response is stored
claim        one conditional write: from here on errors are events
run          a task of its own; a background response is queued, and a worker runs it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from antiphon import measures
from antiphon.access.principal import Principal
from antiphon.context.sealed import sealer
from antiphon.errors import ApiError, SlotTaken
from antiphon.ids import branch_response_id, first_response_id
from antiphon.ports import Services
from antiphon.records import OpenRun, StoredResponse
from antiphon.run.approvals import answered
from antiphon.run.compaction import due
from antiphon.run.conversation import Joined, joined_by, keep, locked, require_open
from antiphon.run.execution import Execution
from antiphon.run.idempotency import Attempt, Hold
from antiphon.run.prepare import draw_id, prepare, shortened
from antiphon.run.quota import Quota
from antiphon.run.sources import read_sources
from antiphon.run.tool_loop import Resumed
from antiphon.spec.request import CreateResponse

SEALED_REASONING: Final = "reasoning.encrypted_content"
QUEUE_PAUSE: Final = 10
"""Seconds after which a client may try again that has too many background responses."""

CLAIMS: Final = 4
"""How often a place is tried: each failure means that another turn took it first."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the protocol of a request needs in addition to the request.

    Attributes:
        stop: texts at which the answer ends.
        returns_calls: the client gets the calls that Antiphon made, and can send them back.
    """

    stop: tuple[str, ...] = ()
    returns_calls: bool = True


OF_RESPONSES: Final = Form()


@dataclass(frozen=True, slots=True)
class Queued:
    """A background response that a worker runs."""

    record: StoredResponse


async def create(
    services: Services,
    principal: Principal,
    request: CreateResponse,
    until: float,
    attempt: Attempt | None = None,
    form: Form = OF_RESPONSES,
    calls: Sequence[dict[str, Any]] = (),
) -> Execution | Queued | StoredResponse:
    """Start a response; or return the one that answered the same request before.

    Args:
        services: the adapters.
        principal: the caller, already allowed to use the API.
        request: what is asked.
        until: when the host ends the process's turn, in seconds since the epoch.
        attempt: the request, if it can be recognised when it is sent again; without effect if nothing is stored.
        form: the protocol.
        calls: of tools that were approved, which the response begins with; see ``run.approvals``.

    Raises:
        ApiError: it cannot be done; nothing was stored and no model was called.
        StorageUnavailable: a store did not answer; likewise.
    """
    joined = await joined_by(services, principal, request, adds=request.store)
    response_id = draw_id(services, request.previous_response_id, stored=request.store, joined=joined)
    hold = Hold(services, principal.owner, attempt if request.store else None, response_id)
    try:
        return await _create(services, principal, request, until, response_id, hold, joined, form, calls)
    except BaseException:
        await hold.release()
        raise


async def _create(
    services: Services,
    principal: Principal,
    request: CreateResponse,
    until: float,
    response_id: str,
    hold: Hold,
    joined: Joined | None,
    form: Form,
    calls: Sequence[dict[str, Any]],
) -> Execution | Queued | StoredResponse:
    quota = Quota(services, principal)
    sources = await read_sources(services, principal, request, hold, quota, joined)
    if sources.answered is not None:
        return sources.answered
    ready = await prepare(services, principal, request, sources, until, response_id)
    compaction = await due(services, principal, request, ready)
    call, record = replace(ready.call if compaction else await shortened(ready), stop=form.stop), ready.record
    seal = await sealer(services, principal.owner, ready.agent.id) if SEALED_REASONING in request.include else None
    record = replace(record, calls=[*calls, *await answered(services, principal, request)])
    if request.store:
        record = await _claim(services, replace(record, reservation=hold.name), hold, joined)
    noted = measures.current()
    noted.response_id, noted.agent, noted.provider = record.id, ready.agent.id, ready.agent.provider
    noted.model = call.model
    if request.background:
        await services.start_worker(services, record.owner, record.id)
        return Queued(record)
    options = request.stream_options
    obfuscate = options is None or options.include_obfuscation
    execution = Execution(services, record, stored=request.store, obfuscate=obfuscate, seal=seal, quota=quota)
    ready = replace(ready, returns_calls=form.returns_calls)
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
        else:
            if joined is not None:
                await _stay(services, record)
            return record
    raise ApiError("storage_unavailable")


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
    items = [{**item, "id": item["id"].replace(record.id[5:], new[5:])} for item in record.input]
    return replace(record, id=new, response={**record.response, "id": new}, input=items)
