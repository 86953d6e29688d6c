"""What one user may use: requests in a minute of the clock, tokens in a day of UTC.

    sources   a request is counted and the day's tokens are read, while agent and conversation are: no trip more
    run       whatever began under the budget runs to its end
    commit    its tokens are added beside it

Counting tokens and compacting are counted as requests too. If no limit is set, nothing is asked and nothing counted.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Final

from antiphon.access.principal import Principal
from antiphon.errors import ApiError, trace
from antiphon.ports import Services
from antiphon.records import DAY, Period

log: Final = logging.getLogger("antiphon.run")

MINUTE: Final = 60


class Quota:
    """One request's part of what its user may use.

    Args:
        services: for the meter and the clock.
        principal: the caller, with the limits in force.
        runs: whether a model will run. If not, the budget of tokens does not matter.
    """

    def __init__(self, services: Services, principal: Principal, *, runs: bool = True) -> None:
        self._services = services
        self._owner = principal.owner
        self._requests = principal.limits.requests_per_minute
        self._tokens = principal.limits.tokens_per_day if runs else None

    async def take(self) -> None:
        """Count the request, at once with reading the day's tokens: one trip.

        Raises:
            ApiError: 429 ``insufficient_quota`` or ``rate_limit_exceeded``, with the seconds until the next period.
            StorageUnavailable: the meter did not answer; no request passes a limit that cannot be checked.
        """
        now = self._services.clock()
        minute, day = Period.at("requests", MINUTE, now), Period.at("tokens", DAY, now)
        counted, budget = await asyncio.gather(self._counted(minute), self._has_budget(day))
        if not budget:
            raise ApiError("insufficient_quota", headers={"retry-after": str(_seconds(day, now))})
        if not counted:
            raise ApiError("rate_limit_exceeded", retry_after=_seconds(minute, now))

    async def spend(self, used: Callable[[], Awaitable[int]], limit: float) -> None:
        """Add what a run used to the day on which it ends. It never raises: the response matters more.

        Args:
            used: counts the tokens; called only if there is a budget.
            limit: by when it must have ended, in the event loop's time (seconds).
        """
        if self._tokens is None:
            return
        try:
            tokens = await used()
            if tokens:
                day = Period.at("tokens", DAY, self._services.clock())
                async with asyncio.timeout_at(limit):
                    await self._services.meter.add(self._owner, day, tokens)
        except Exception as error:  # noqa: BLE001 - beside the ending of a run, which must come to its end
            log.warning("tokens not counted", extra={"error": trace(error)})

    async def _counted(self, minute: Period) -> bool:
        return self._requests is None or await self._services.meter.take(self._owner, minute, self._requests)

    async def _has_budget(self, day: Period) -> bool:
        return self._tokens is None or await self._services.meter.count(self._owner, day) < self._tokens


def _seconds(period: Period, now: float) -> int:
    """Return the whole seconds after which the period has ended; at least 1."""
    return math.ceil(period.ends - now)
