"""The worker: runs queued responses, each to its stored ending, wherever its creator is.

queued               it becomes the response's writer, unless another has: an invocation may come twice, late or never
lost before a delta  it begins again, or after the last call of a tool: nobody has seen anything of that model turn
lost after a delta   it ends the response as failed, with what was done; or goes on, if the model's provider keeps it
                     and the worker before was of the same version
lost again and again it ends the response as failed
ended                it starts the response that continues it, if it can, or removes its entry from the queue

Whoever finds a queued response that nobody runs starts a worker: a request that reads it, or the sweeper.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final

from antiphon import measures
from antiphon.context.sealed import sealer
from antiphon.errors import CODES, ApiError, StorageUnavailable, trace
from antiphon.ports import Services
from antiphon.records import QUEUED, OpenRun, Owner, StoredResponse
from antiphon.run.asked import asked_by, decisions, set_queue_entry
from antiphon.run.compaction import due
from antiphon.run.conversation import rejoin
from antiphon.run.create import SEALED_REASONING
from antiphon.run.decide import settle
from antiphon.run.execution import Execution
from antiphon.run.idempotency import Hold
from antiphon.run.journal import NOTHING, Logged
from antiphon.run.lost import WORKER_LOST, end, end_cancelled, fence, is_foreign, is_lost, take_over
from antiphon.run.prepare import prepare, shortened
from antiphon.run.principals import principal_of
from antiphon.run.quota import Quota
from antiphon.run.registry import is_closing, running
from antiphon.run.run_request import RunRequest
from antiphon.run.sources import read_sources
from antiphon.run.tool_loop import Resumed
from antiphon.spec.request import parse_create
from antiphon.stream.cuts import VERSION, Cutter
from antiphon.stream.events import opening
from antiphon.stream.replay import as_begun
from antiphon.stream.server_calls import begin_events
from antiphon.stream.whole import item_events
from antiphon.tools.server_calls import SERVER_CALLS, only_hidden

log: Final = logging.getLogger("antiphon.run")
work_log: Final = logging.getLogger("antiphon.run.worker")
"""A line for each response that a worker of this process has run."""

MAX_BEGINNINGS: Final = 5
"""How often a response is begun whose workers are lost: it may be the response that ends them."""

CLAIM_SECONDS: Final = 60.0
"""How long an entry of the queue without a response or a decision is kept: that may be under way."""

EARLY_SECONDS: Final = 3600.0
"""An entry of the queue whose time is further ahead is left until then. What is nearer may be due to a clock."""

SEALED_EVENTS: Final = 2
"""How many events reasoning has that consists of what a provider is given back with a call."""

_BEFORE_A_TURN: Final = SERVER_CALLS | {"compaction", "mcp_list_tools"}
"""The types of item after which a model turn begins."""

_tasks: set[asyncio.Task[None]] = set()
"""It keeps the workers of this process alive: an event loop holds them weakly."""


async def start_here(services: Services, owner: Owner, response_id: str) -> None:
    """Start a worker in this process, and do not wait for it; a process that ends leaves the response to others."""
    if is_closing():
        return
    task = asyncio.get_running_loop().create_task(_work(services, owner, response_id))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def all_workers() -> set[asyncio.Task[None]]:
    """Return the workers of this event loop."""
    loop = asyncio.get_running_loop()
    return {task for task in _tasks if task.get_loop() is loop}


async def _work(services: Services, owner: Owner, response_id: str) -> None:
    record = measures.begin("run", None)
    record.response_id = response_id
    try:
        await perform(services, owner, response_id, services.clock() + services.settings.run_seconds)
    except StorageUnavailable:
        log.warning("worker stopped: no store", extra={"response_id": response_id})
    except Exception as error:  # noqa: BLE001 - the edge of a task: the sweeper tries again
        log.error("worker failed", extra={"response_id": response_id, "error": trace(error)})  # noqa: TRY400
    record.end()
    if record.outcome is not None:
        work_log.info("worked", extra=record.facts())


async def perform(services: Services, owner: Owner, response_id: str, until: float) -> None:
    """Run a response to its end, unless somebody else does or did.

    Args:
        services: the adapters.
        owner: whose response it is.
        response_id: its id.
        until: when the host ends the worker's turn, in seconds since the epoch.

    Raises:
        StorageUnavailable: a store did not answer; the next worker goes on.
    """
    seen = await services.responses.get(owner, response_id, services.clock())
    if seen is None or seen.has_ended:
        if seen is None:
            await services.runs.close(owner, response_id)
        else:
            await settle(services, seen, until)
        return
    if running(response_id) is not None or not (seen.status == QUEUED or await is_lost(services, seen)):
        return
    taken = await take_over(services, seen)
    if taken is None:
        await end_cancelled(services, seen)
        return
    logged = await fence(services, taken) if seen.epoch else NOTHING
    if _is_given_up(taken, logged):
        await end(services, taken, logged, "failed", WORKER_LOST)
        return
    await _run(services, taken, logged, until)


def _is_given_up(taken: StoredResponse, logged: Logged) -> bool:
    """Return whether a response cannot continue: it has output, or too many workers were lost.

    What a worker of another version has said is not said again: it could be said differently.
    """
    job = taken.job or {}
    beginnings = taken.epoch - job.get("handed_over", 0) - job.get("cuts", 0)
    if beginnings > MAX_BEGINNINGS:
        return True
    if is_foreign(taken) and (len(logged.lines) > len(opening(taken.response)) or taken.response["output"]):
        return True
    return job.get("kept") is None and not _is_between(taken, logged)


def _is_between(taken: StoredResponse, logged: Logged) -> bool:
    """Return whether there is no output of the model since the last call of a tool, or none at all."""
    output = taken.response["output"]
    done = {item["id"] for item in output}
    under_way = [call for call in taken.calls if "item" in call and call["item"]["id"] not in done]
    acted_last = any(call["at"] == len(output) for call in only_hidden(taken.calls))
    if output and not under_way and not acted_last and output[-1]["type"] not in _BEFORE_A_TURN:
        return False
    cutter = Cutter(taken.cuts)
    events = opening(taken.response)
    for index, item in enumerate(output):
        events += item_events(item, index, cutter)
    sealed = 0
    for call in under_way[:1]:
        events += begin_events(call["item"], len(output), cutter)
        sealed = SEALED_EVENTS if call["sealed"] is not None else 0
    return len(logged.lines) <= len(events) + sealed


def _resumed(taken: StoredResponse, *, compacted: bool) -> Resumed:
    """Return what earlier writers have done.

    Args:
        taken: the response.
        compacted: the run sends the item of a compaction by itself.
    """
    job, output = taken.job or {}, taken.response["output"]
    kept = job.get("kept")
    items = output if kept is None else output[: kept.get("begins", 0)]
    if compacted and items and items[0]["type"] == "compaction":
        items = items[1:]
    model_turn = None if kept is None else {name: kept[name] for name in ("provider", "model", "id")}
    return Resumed(items, taken.cuts, taken.calls, model_turn, job.get("turns", 0))


async def sweep(services: Services) -> None:
    """Start a worker for every queued response that nobody runs, and remove the entries of those that have ended.

    Raises:
        StorageUnavailable: a store did not answer.
    """
    for run in await services.runs.list_open():
        try:
            await _look_after(services, run)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one response that cannot be read must not stop the others
            log.error("run not swept", extra={"response_id": run.response_id, "error": trace(error)})  # noqa: TRY400


async def _look_after(services: Services, run: OpenRun) -> None:
    age = services.clock() - run.at
    if age < -EARLY_SECONDS:
        return
    found = await services.responses.get(run.owner, run.response_id, services.clock())
    if found is None:
        if age >= CLAIM_SECONDS:
            await services.runs.close(run.owner, run.response_id)
    elif not found.has_ended:
        if await is_lost(services, found):
            await services.start_worker(services, run.owner, run.response_id)
    elif (made := await decisions(services, found)).are_made and made.is_due:
        await services.start_worker(services, run.owner, run.response_id)
    elif age >= CLAIM_SECONDS or not asked_by(found):
        await set_queue_entry(services, found)


async def sweep_forever(services: Services) -> None:
    """Sweep now and once in each lease, until it is cancelled. For a process that runs its responses itself."""
    while True:
        try:
            await sweep(services)
        except Exception as error:  # noqa: BLE001 - the next time may succeed
            log.warning("sweep failed", extra={"error": trace(error)})
        await asyncio.sleep(services.settings.lease_seconds)


async def _run(services: Services, taken: StoredResponse, logged: Logged, until: float) -> None:
    assert taken.job is not None
    request = parse_create(taken.job["request"])
    try:
        principal = await principal_of(services, taken.owner, taken.job)
        run = RunRequest(principal, request, until)
        hold = Hold(services, taken.owner, None, taken.id)
        joined = await rejoin(services, principal, taken)
        sources = await read_sources(services, run, hold, joined=joined)
        quota = Quota(services, principal, sources.agent)
        if taken.epoch == 1:
            await quota.require_room()  # what was queued beside it may have used the budget since
        ready = await prepare(services, run, sources, taken.id, taken)
        compaction = await due(services, ready)
        call = ready.call if compaction else await shortened(ready)
        sealed = SEALED_REASONING in request.include
        seal = await sealer(services, taken.owner, taken.agent) if sealed else None
    except ApiError as error:
        message = error.message or CODES[error.code].message
        await end(services, taken, logged, "failed", {"code": error.code, "message": message})
        return
    noted = measures.current()
    noted.agent, noted.provider, noted.model = ready.agent.id, ready.agent.provider, call.model
    noted.key_id, noted.user = principal.key_id, principal.user
    answers = {**taken.response.get("antiphon", {}), "agent_version": ready.agent.version}
    begun = replace(taken, response={**as_begun(taken.response), "antiphon": answers}, stream_version=VERSION)
    execution = Execution(services, begun, stored=True, obfuscate=False, quota=quota, seal=seal, logged=logged)
    ready.answering.restore(taken.job.get("used", ()))
    resumed = _resumed(taken, compacted=compaction is not None)
    execution.start(ready, replace(call, kept=True), compaction, resumed)
    await execution.response()
    if execution.is_settled:
        await set_queue_entry(services, execution.ended)
