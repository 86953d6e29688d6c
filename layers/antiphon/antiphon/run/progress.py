"""What a running response has come to, as its writer stores it: under its lease, whatever else happens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from antiphon.errors import StorageUnavailable
from antiphon.ports import Services
from antiphon.records import QUEUED, StoredResponse
from antiphon.run.journal import BEATS
from antiphon.stream.cuts import VERSION
from antiphon.stream.fold import Fold


class Progress:
    """The record of a running response.

    Args:
        services: for the store and the clock.
        record: the response, as its writer has it.
        fold: returns what it has come to.

    Attributes:
        record: the response without what it has come to since it began.
    """

    def __init__(self, services: Services, record: StoredResponse, fold: Callable[[], Fold]) -> None:
        self._services = services
        self._fold = fold
        self.record = record

    def now(self) -> StoredResponse:
        """Return the record with what the response has come to."""
        return self.come_to(self._fold().response())

    def come_to(self, response: dict[str, Any]) -> StoredResponse:
        """Return the record with a response."""
        cuts = self._fold().cuts()
        return replace(self.record, status=response["status"], response=response, cuts=cuts, stream_version=VERSION)

    async def save(self) -> bool:
        """Store what the response has come to. Return whether it is still this writer's.

        Raises:
            StorageUnavailable: the store did not answer.
        """
        return await self._services.responses.checkpoint(self.now())

    async def beat(self) -> None:
        """Renew the lease in the response itself, if a third of it has passed: its log cannot be written."""
        lease = self._services.settings.lease_seconds
        until = self._services.clock() + lease
        if until - self.record.lease_until > lease / BEATS:
            self.record = replace(self.record, lease_until=until)
            await self._try_to_save()

    async def save_calls(self, calls: list[dict[str, Any]], used: list[list[Any]], turns: int) -> bool:
        """Store calls of tools. The model turn has ended: what its provider keeps of it is only to be forgotten.

        Args:
            calls: the calls, see ``StoredResponse.calls``.
            used: what the models have used so far.
            turns: how many model turns have ended.

        Raises:
            StorageUnavailable: the store did not answer.
        """
        job = self.record.job
        if job is not None:
            job = {**_past(job), "used": used, "turns": turns}
        self.record = replace(self.record, calls=calls, job=job)
        return await self.save()

    def note_calls(self, calls: list[dict[str, Any]]) -> None:
        """Note calls of tools; the next write stores them."""
        self.record = replace(self.record, calls=calls)

    async def keep(self, kept: dict[str, Any]) -> None:
        """Store what a provider keeps of the model turn that is under way.

        Args:
            kept: ``provider``, ``model`` and ``id``, and where the turn ``begins`` in the output.
        """
        job = self.record.job or {}
        if job.get("kept") not in (None, kept):
            self.record = replace(self.record, job=_past(job))
        await self.note(kept=kept)

    async def note(self, **facts: Any) -> None:
        """Store what the next worker needs, if there may be one."""
        job = self.record.job or {}
        if any(job.get(name) != fact for name, fact in facts.items()):
            self.record = replace(self.record, job={**job, **facts})
            await self._try_to_save()

    async def queue_again(self, why: str, used: list[list[Any]]) -> bool:
        """Store the response as queued, for another worker. Return whether it was still this writer's.

        Args:
            why: what to count: ``handed_over`` or ``cuts``.
            used: what the models have used so far.

        Raises:
            StorageUnavailable: the store did not answer.
        """
        now, job = self.now(), self.record.job or {}
        job = {**job, why: job.get(why, 0) + 1, "used": used}
        response = {**now.response, "status": QUEUED}
        queued = replace(now, status=QUEUED, response=response, lease_until=0.0, job=job)
        return await self._services.responses.take_over(self.record, queued)

    async def _try_to_save(self) -> None:
        with contextlib.suppress(StorageUnavailable):
            await self.save()


def _past(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job in which what a provider keeps belongs to a model turn that has ended."""
    left = {name: job[name] for name in job if name != "kept"}
    return {**left, "past": [*job.get("past", ()), job["kept"]]} if "kept" in job else left
