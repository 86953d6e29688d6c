"""The execution: one claimed response from its first event to its stored ending.

    open -> turn (bounded by the deadline) -> ending built -> COMMIT -> ending sent -> feed closed
              item done, another follows -> CHECKPOINT -> done sent
                                              COMMIT fails -> failure sent -> failure stored once the store answers

    the way of an event:  machine -> (guard) -> fold -> checkpoints -> shown -> journal -> feed

It runs as a task of its own, so a client that leaves does not end it; a cancellation does: at once from this process,
else when the store is next asked whether the response is still wanted. The terminal event is sent only after the
response is stored; a failure of the store, or a shutdown while it is awaited, is a terminal event too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from antiphon import measures, spans
from antiphon.answering.bound_model import BoundModel
from antiphon.answering.failover import Failover
from antiphon.answering.turn import Outcome, usage_resource
from antiphon.context.sealed import Sealer, sealer
from antiphon.errors import CODES, ApiError, ProviderError, StorageUnavailable, Superseded, trace
from antiphon.ports import ModelCall, Services
from antiphon.records import Approval, StoredResponse
from antiphon.run.approvals import withdraw_all
from antiphon.run.aside import aside
from antiphon.run.asked import withdraw_unasked
from antiphon.run.compaction import DueCompaction
from antiphon.run.journal import NOTHING, Journal, Logged
from antiphon.run.lost import WORKER_LOST, discard, end, end_cancelled
from antiphon.run.prepare import Prepared
from antiphon.run.progress import Progress
from antiphon.run.quota import Quota
from antiphon.run.registry import register
from antiphon.run.tally import priced, tally
from antiphon.run.tool_loop import NO_QUOTA, Resumed, ToolLoop
from antiphon.run.unstored import store_later
from antiphon.run.waiting import shown
from antiphon.settings import Settings
from antiphon.stream.checkpoints import Checkpoints
from antiphon.stream.events import APPROVALS, Event, Sink, ending_type
from antiphon.stream.feed import Feed
from antiphon.stream.fold import ENDINGS, Fold
from antiphon.stream.kept import shown_event, shown_response
from antiphon.stream.machine import ResponseStream
from antiphon.usage.counters import NANODOLLARS, PER_DOLLAR, UNPRICED, Spent, of_tokens

log: Final = logging.getLogger("antiphon.run")

T = TypeVar("T")

MAX_HAND_OVERS: Final = 100
MAX_CUTS: Final = 5
"""How often a background response is given to the next worker: because time was up, or its provider's stream broke."""

CUT: Final = frozenset({"provider_timeout", "provider_unreachable", "model_error"})
"""Failures after which a kept stream is read again."""

STORE_ATTEMPTS: Final = 4
"""Each attempt of a store is itself retried by its adapter; ``SETTLING`` bounds them all."""

STOPPING: Final = 1.0
"""Seconds within which the ending of a run must be stored that a shutdown ended."""

SETTLING: Final = 0.5
"""The part of the reserve that may pass until the ending is stored; what is left of it is for sending it."""


NOTING: Final = 0.5
"""Seconds within which the log must say that the response has ended; a reader finds out without it, a little later."""


class Execution:
    """One response on its way.

    Args:
        services: the adapters.
        record: the response as claimed; its resource is where the stream begins.
        stored: whether it was claimed, and is to be committed.
        obfuscate: pad delta events.
        seal: seals reasoning for the caller to keep; None if the caller did not ask for it.
        quota: what user, key and agent may use.
        logged: what earlier writers have logged: the run repeats it, and continues.

    Attributes:
        task: what runs; None before the start.
        feed: its events, for the request that runs it; a worker has none.
        journal: logs its events; None if they are not logged.
        is_settled: its ending is stored, whoever stored it.
        retry_after: the seconds after which a provider that failed can be asked again; None if it did not tell.
    """

    def __init__(
        self,
        services: Services,
        record: StoredResponse,
        *,
        stored: bool,
        obfuscate: bool,
        quota: Quota,
        seal: Sealer | None = None,
        logged: Logged = NOTHING,
    ) -> None:
        self._services = services
        self._progress = Progress(services, record, lambda: self._fold)
        self._stored = stored
        self._quota = quota
        self.feed = Feed()
        self.journal: Journal | None = None
        listener = self.feed.put if record.job is None else None
        if stored and record.logged:
            self.journal = Journal(services, record, listener, self._cancel, self._progress.beat, logged)
            listener = self.journal.put
        self._checkpoints = Checkpoints(self._progress.save, _shown(listener))
        self._fold = Fold(self._checkpoints.put)
        if not stored:
            self._checkpoints.release()
        self._stream = _machine(services.settings)(record.response, self._fold.put, obfuscate=obfuscate, seal=seal)
        self.task: asyncio.Task[None] | None = None
        self.retry_after: int | None = None
        self._answering = False
        self._committing: asyncio.Timeout | None = None
        self._cancelled = False
        self._stopped = False
        self._superseded = False
        self._has_winner = False
        self._counts_request = True
        self._counted_later = False
        self._is_kept = False
        self._loop: ToolLoop | None = None
        self._compaction: DueCompaction | None = None
        self._logged = logged
        self.is_settled = False

    @property
    def _record(self) -> StoredResponse:
        return self._progress.record

    @property
    def begun(self) -> dict[str, Any]:
        """The response as it began."""
        return self._record.response

    def start(
        self,
        ready: Prepared,
        call: ModelCall,
        compaction: DueCompaction | None = None,
        resumed: Resumed | None = None,
    ) -> None:
        """Begin, in a task that outlives the request.

        Args:
            ready: the request.
            call: what is asked.
            compaction: what shortens it first; None for nothing.
            resumed: what earlier writers have done; None for nothing.
        """
        self._compaction = compaction
        self._loop = loop = ToolLoop(
            self._services, self._record, ready, call, self._stream, self._checkpoints, self, resumed or Resumed()
        )
        self.task = asyncio.get_running_loop().create_task(self._spanned(ready, loop, call))
        register(self._record.id, self, self.task)

    async def response(self) -> dict[str, Any]:
        """Wait for the end and return the response resource: the fold of what was sent."""
        assert self.task is not None
        await asyncio.wait([self.task])
        if not self.task.cancelled():
            self.task.result()
        return shown_response(self._fold.response())

    @property
    def ended(self) -> StoredResponse:
        """The response as it ended, with what is kept and not shown. Only once the feed is closed."""
        response, calls = self._fold.response(), [] if self._loop is None else self._loop.hidden
        return replace(self._record, status=response["status"], response=response, calls=calls)

    @property
    def has_acted(self) -> bool:
        """Whether a tool may have run that must not run twice."""
        return self._loop is not None and self._loop.has_acted

    async def cancel(self, patience: float) -> None:
        """End the run as cancelled, unless it has come to its ending already, and wait until it is stored.

        Args:
            patience: the longest wait, in seconds.
        """
        assert self.task is not None
        self._cancel()
        await asyncio.wait([self.task], timeout=patience)

    def _cancel(self) -> None:
        first, self._cancelled = not self._cancelled, True
        if first and self._answering and self.task is not None:
            self.task.cancel()

    def stop(self) -> None:
        """End the run for a shutdown: as failed, or as it is about to be stored if the store takes it soon.

        A background response is queued again, if another worker can go on with it. While what a model called is being
        stored that is awaited, as nobody could ask the model for the same again.
        """
        self._stopped = True
        loop = asyncio.get_running_loop()
        if self._committing is not None:
            if not self._committing.expired():
                soon = loop.time() + STOPPING
                self._committing.reschedule(min(soon, self._committing.when() or soon))
        elif self._record.job is not None and self._loop is not None and self._loop.is_placing:
            loop.call_later(STOPPING, self._stop_answering)
        else:
            self._stop_answering()

    def _stop_answering(self) -> None:
        if self.task is not None and self._answering:
            self.task.cancel()

    async def sealing(self) -> Sealer | None:
        """Return what seals for the caller, whether it asked or not; None if there is no key."""
        try:
            return await sealer(self._services, self._record.owner, self._record.agent)
        except ApiError:
            return None

    async def save_calls(self, calls: list[dict[str, Any]]) -> bool:
        """Store calls of tools with the response, and end the run if that is not this writer's any more.

        Raises:
            StorageUnavailable: the store did not answer.
        """
        assert self._loop is not None
        self._is_kept = False
        is_ours = await self._progress.save_calls(calls, self._loop.used(), self._loop.turns)
        has_waited = self._stopped and self._loop.is_placing
        self._loop.placed()
        if not is_ours:
            self._cancel()
        elif has_waited:
            self._stop_answering()
        if has_waited or not is_ours:
            await asyncio.sleep(0)  # the cancellation comes here, before anything is called
        return is_ours

    def note_calls(self, calls: list[dict[str, Any]]) -> None:
        """Note what is known of calls of tools, to be stored when the response is queued again."""
        assert self._loop is not None
        self._progress.note_calls(calls)
        self._loop.placed()

    async def refusal(self) -> str | None:
        """Return why no model may be asked again: a budget is used up; None if one may.

        Raises:
            ApiError: ``storage_unavailable``: a budget cannot be checked.
        """
        assert self._loop is not None
        used = [priced(self._services, maker, usage) for maker, usage in self._loop.counted()]
        return await self._quota.refusal(self._loop.agent, used)

    def hands_over(self) -> bool:
        """Return whether another worker continues if the run is cancelled now."""
        return self._record.job is not None and not self._cancelled

    @property
    def keeps_intents(self) -> bool:
        """Whether another worker could go on with the response."""
        return self._record.job is not None

    @property
    def is_stored(self) -> bool:
        """Whether the response is stored."""
        return self._stored

    async def _spanned(self, ready: Prepared, loop: ToolLoop, call: ModelCall) -> None:
        """Run in a span of its own, if responses are traced."""
        with spans.agent_span(ready.agent.id, (self._record.job or {}).get("trace", "")) as span:
            try:
                await self._run(ready.answering, loop, call)
            finally:
                if span is not None:
                    span.facts |= self._facts(ready)

    def _facts(self, ready: Prepared) -> dict[str, Any]:
        response, current = self._fold.response(), ready.answering.current
        return {
            "response_id": self._record.id,
            "conversation_id": (response.get("conversation") or {}).get("id"),
            "user": self._record.owner.user,
            "agent_name": ready.agent.name,
            "agent_version": ready.agent.version,
            "provider": current.name,
            "model": current.model,
            **measures.ended(response),
        }

    async def _run(self, answering: Failover, loop: ToolLoop, call: ModelCall) -> None:
        watching = asyncio.create_task(self._watch()) if self._stored else None
        if self.journal is not None:
            self.journal.start()
        try:
            self._stream.open()
            outcome = await self._answer(loop, call.deadline)
            if self.journal is not None and self.journal.has_diverged:
                await self._end_diverged(self.journal)
                await tally(
                    self._services, self.ended, partial(self._spent, answering, alone=True), counts_request=False
                )
                return
            if self._can_be_given_back(outcome, loop):
                await self._give_back("cuts" if outcome.error and not self._stopped else "handed_over")
                return
            limit = self._limit(call.deadline)
            await self._finish(outcome, answering, limit)
            await asyncio.gather(
                self._tally_ended(answering, limit), self._note_ending(), self._discard(limit), self._withdraw()
            )
        finally:
            measures.current().take(self._fold.response())
            self.feed.close()
            if watching is not None:
                watching.cancel()

    def _can_be_given_back(self, outcome: Outcome, loop: ToolLoop) -> bool:
        """Return whether another worker is to continue, because this one has to end.

        It does so before the first delta of a model turn, or if the provider keeps it: nothing sent would change.
        """
        job = self._record.job
        if job is None or self._cancelled or job.get("handed_over", 0) >= MAX_HAND_OVERS:
            return False
        code = None if outcome.error is None else outcome.error["code"]
        if self._stopped and code == "shutting_down":
            return not loop.is_answering or self._is_kept
        if outcome.incomplete_reason == "deadline" and loop.begun and not loop.is_answering:
            return True
        cut = code in CUT and job.get("cuts", 0) < MAX_CUTS
        return self._is_kept and (outcome.incomplete_reason == "deadline" or cut)

    async def _give_back(self, why: str) -> None:
        """Queue the response again, and start a worker unless this process ends.

        Args:
            why: what to count: ``handed_over`` or ``cuts``.
        """
        if self.journal is not None:
            self.journal.abandon()
        assert self._loop is not None
        used = self._loop.used()
        is_read_again = "kept" in (self._record.job or {}) or self._loop.is_answering
        with contextlib.suppress(StorageUnavailable):
            if not await self._retried(lambda: self._progress.queue_again(why, used[:-1] if is_read_again else used)):
                await end_cancelled(self._services, self._record)
                await self._erase_deleted()
                return
        if not self._stopped:
            await self._services.start_worker(self._services, self._record.owner, self._record.id)

    async def _end_diverged(self, journal: Journal) -> None:
        """End a response whose kept stream is another than the one that was logged."""
        journal.abandon()
        log.warning("kept stream differs", extra={"response_id": self._record.id})
        await end(self._services, self._record, self._logged, "failed", WORKER_LOST)
        self.is_settled = True

    async def keep(self, model: BoundModel, kept_id: str) -> None:
        """Store the id under which a provider keeps the model turn, so that another worker can continue it."""
        self._is_kept = True
        assert self._loop is not None
        await self._progress.keep({**model.maker, "id": kept_id, "begins": self._loop.begins})

    async def _discard(self, limit: float) -> None:
        if self._has_winner:
            return  # whoever was first goes on with what is kept, or has discarded it
        deadline = max(limit, asyncio.get_running_loop().time() + NOTING)
        await discard(self._services, self._record.job or {}, deadline)

    @property
    def _stored_approvals(self) -> list[Approval]:
        return [] if self._loop is None else self._loop.approvals.stored

    async def _withdraw(self) -> None:
        """Remove the approvals that nobody is asked for, as the response has ended otherwise than this writer meant."""
        stored = self._stored_approvals
        has_failed = self.is_settled and self._fold.response()["status"] != "completed"
        if stored and (has_failed or self._superseded):
            await withdraw_all(self._services, stored)
        elif self.is_settled and self._record.epoch > 1:
            await withdraw_unasked(self._services, self.ended)

    async def _note_ending(self) -> None:
        if self.journal is None:
            return
        if self.is_settled:
            await self.journal.finish(NOTING)
            if self._cancelled or self._superseded or self.journal.was_late:
                await self._erase_deleted()
        else:
            self.journal.abandon()  # the store does not answer: readers find the ending once it does

    async def _erase_deleted(self) -> None:
        """Remove the log of a response that was deleted: something may have been logged since."""
        record = self._record
        with contextlib.suppress(StorageUnavailable):
            if await self._services.responses.get(record.owner, record.id, self._services.clock()) is None:
                await self._services.runs.erase(record.owner, record.id)

    def _limit(self, deadline: float) -> float:
        """Return by when the ending must be stored, in the event loop's time."""
        limit = deadline + SETTLING * self._services.settings.reserve_seconds
        return min(limit, asyncio.get_running_loop().time() + STOPPING) if self._stopped else limit

    async def _tally_ended(self, answering: Failover, limit: float) -> None:
        """Count the run, unless that is done when its ending is stored later."""
        if not self._counted_later:
            limit = max(limit, asyncio.get_running_loop().time() + NOTING)
            spent = partial(self._spent, answering, alone=self._superseded)
            await tally(self._services, self.ended, spent, limit=limit, counts_request=self._counts_request)

    async def _spent(self, answering: Failover, *, alone: bool = False) -> list[Spent]:
        """Return what the models used, in the runs of earlier workers too.

        Args:
            answering: the models.
            alone: another worker goes on, and counts what was stored and the stream that it can read again.
        """
        loop, job = self._loop, self._record.job or {}
        assert loop is not None
        output = self._fold.response()["output"][loop.begins :]
        first, again = (len(job.get("used", ())), "kept" in job) if alone else (0, False)
        used = await aside(loop.call, lambda: answering.spent(loop.call, output, first, again=again))
        return [priced(self._services, maker, usage) for maker, usage in used]

    async def _watch(self) -> None:
        """Ask the store now and then whether the response is still wanted: it may be cancelled by another process.

        A background response may have been cancelled since its worker took it over, so the store is asked at once.
        """
        pause = 0.0 if self._record.job is not None else self._services.settings.watch_seconds
        while True:
            await asyncio.sleep(pause)
            pause = self._services.settings.watch_seconds
            with contextlib.suppress(StorageUnavailable):
                if not await self._services.responses.is_wanted(self._record):
                    self._cancel()
                    return

    async def _answer(self, loop: ToolLoop, deadline: float) -> Outcome:
        outcome = Outcome("cancelled", "cancelled")
        if self._cancelled:
            return outcome
        if self._stopped:
            return _failure("shutting_down")
        self._answering = True
        answered = await self._outcome(loop, deadline)
        self._answering = False
        return outcome if self._cancelled else answered

    async def _outcome(self, loop: ToolLoop, deadline: float) -> Outcome:
        try:
            async with asyncio.timeout_at(deadline):
                if self._compaction is not None:
                    await self._compact(self._compaction, loop)
                return await loop.run()
        except TimeoutError:
            return Outcome("incomplete", "deadline") if loop.begun else _failure("deadline_exceeded")
        except (ProviderError, ApiError) as error:
            log.warning("provider failed", extra={"response_id": self._record.id, "code": error.code})
            self.retry_after = error.retry_after
            return _failure(error.code)
        except asyncio.CancelledError:
            _forget_cancellation()
            return _failure("shutting_down")
        except Exception as error:  # noqa: BLE001 - the edge of a run: whatever it was, the stream ends properly
            log.error("run failed", extra={"response_id": self._record.id, "error": trace(error)})  # noqa: TRY400
            return _failure("internal_error")

    async def _compact(self, compaction: DueCompaction, loop: ToolLoop) -> None:
        """Shorten what the model is to read, and send the item that later turns begin with.

        A worker that goes on for another one sends the item of that one.
        """
        found = await compaction.apply(loop.call)
        if found is not None:
            loop.call, item = found
            job = self._record.job
            if job is not None:
                item = job.get("compaction", item)
                await self._progress.note(compaction=item)
            self._stream.whole(item)

    async def _finish(self, outcome: Outcome, answering: Failover, limit: float) -> None:
        ending = self._ending(outcome, answering)
        self._checkpoints.stop()
        if self._stored:
            ending = await self._store(ending, answering, limit)
        self._checkpoints.release()
        self._stream.end(ending)

    async def _store(self, ending: Event, answering: Failover, limit: float) -> Event:
        """Store the ending; return the one to send, which is a failure if it could not be stored."""
        record = self._record_of(ending)
        try:
            async with asyncio.timeout_at(limit) as self._committing:
                await self._retried(lambda: self._services.responses.commit(record))
                self.is_settled = True
        except Superseded as lost:
            self._superseded = True
            self._has_winner = lost.winner is not None
            self.is_settled = lost.winner is None or lost.winner.has_ended
            self._counts_request = lost.winner is None
            return self._winning(lost.winner, answering)
        except StorageUnavailable:
            return self._unstored("storage_unavailable", answering)
        except TimeoutError:
            return self._unstored("shutting_down" if self._stopped else "storage_unavailable", answering)
        except Exception as error:  # noqa: BLE001 - as above: whatever it was, the stream ends properly
            log.error("ending not stored", extra={"response_id": self._record.id, "error": trace(error)})  # noqa: TRY400
            return self._unstored("internal_error", answering)
        finally:
            self._committing = None
        return ending

    def _unstored(self, code: str, answering: Failover) -> Event:
        """Return the failure to send, which is stored and counted as soon as the store answers again."""
        log.warning("commit failed", extra={"response_id": self._record.id})
        ending = self._ending(_failure(code), answering)
        self._counted_later = True
        store_later(self._services, self._record_of(ending), partial(self._spent, answering), self._stored_approvals)
        return ending

    def _record_of(self, ending: Event) -> StoredResponse:
        calls = [] if self._loop is None else self._loop.hidden
        return replace(self._progress.come_to(self._fold.after(ending)), job=None, calls=calls)

    def _ending(self, outcome: Outcome, answering: Failover) -> Event:
        return self._stream.ending(
            outcome.status,
            at=int(self._services.clock()),
            usage=usage_resource(answering.usage, self._shown_use(answering)),
            incomplete_reason=outcome.incomplete_reason,
            error=outcome.error,
            own=self._own(outcome),
        )

    def _own(self, outcome: Outcome) -> dict[str, Any]:
        """Return what an ending adds to the response's field ``antiphon``."""
        loop = self._loop
        if loop is None:
            return {}
        now = self._services.clock()
        waiting = loop.approvals.waiting if outcome.status == "completed" else []
        asked = [shown(approval, now) for approval in waiting]
        own = {APPROVALS: asked} if asked else {}
        return own if loop.refusal is None else {**own, NO_QUOTA: loop.refusal}

    def _shown_use(self, answering: Failover) -> dict[str, Any] | None:
        """Return who answered, and on request what that cost, as far as its prices are known."""
        shown = answering.shown()
        if not self._services.settings.show_cost:
            return shown
        spent = [priced(self._services, maker, usage) for maker, usage in answering.reported()]
        cost = of_tokens(spent)
        known = NANODOLLARS in cost and UNPRICED not in cost
        return {**(shown or {}), "usd": cost[NANODOLLARS] / PER_DOLLAR} if known else shown

    def _winning(self, winner: StoredResponse | None, answering: Failover) -> Event:
        """Return the ending that another writer stored first: it, and not ours, is the last event.

        Its output is what this stream has sent: a canceller that stored the ending of a lost worker had no items.
        """
        output = self._fold.response()["output"]
        if winner is not None and ending_type(winner.status) in ENDINGS:
            return {"type": ending_type(winner.status), "response": {**winner.response, "output": output}}
        code = "response_not_found" if winner is None else "worker_lost"  # taken over, and about to be ended as that
        return self._ending(_failure(code), answering)

    async def _retried(self, store: Callable[[], Awaitable[T]]) -> T:
        """Store something that may be sent again, and try again if the store does not answer.

        Raises:
            StorageUnavailable: it did not answer any attempt.
        """
        for attempt in range(1, STORE_ATTEMPTS):
            with contextlib.suppress(StorageUnavailable):
                return await store()
            await asyncio.sleep(0.05 * 2**attempt * self._services.entropy(1)[0] / 255)
        return await store()


def _forget_cancellation() -> None:
    """Go on after a cancellation that was meant for the awaited call."""
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()


def _shown(to: Sink | None) -> Sink:
    """Return a stage that passes events on as their caller may see them."""
    return (lambda event: to(shown_event(event))) if to is not None else (lambda _: None)


def _machine(settings: Settings) -> type[ResponseStream]:
    """Return the stream machine, guarded if the settings say so; the guard is imported only then."""
    if not settings.check_streams:
        return ResponseStream
    from antiphon.stream.guard import guarded

    return guarded(ResponseStream)


def _failure(code: str) -> Outcome:
    return Outcome("failed", error={"code": code, "message": CODES[code].message})
