"""What a user, a key and an agent may use: each has limits of its own, and the first that is met refuses.

    sources   a request is counted in its minute and the roll-ups of the month are read, while agent and conversation
              are: no trip more; for the limits of an agent one more, once the agent is read
    run       a run that has begun goes on to its end, unless it asks between turns whether it may
    ending    what it used is added to the roll-ups, see ``tally``

Counting tokens and compacting are counted as requests too. If no limit is set, nothing is asked here.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from antiphon.access.principal import Principal
from antiphon.errors import ApiError, StorageUnavailable
from antiphon.ports import DayOfUse, Services, Subject
from antiphon.ports.usage import Dimension
from antiphon.records import DAY, NO_BUDGET, Agent, Budget, Period
from antiphon.run.tally import day_of
from antiphon.usage.counters import NANODOLLARS, PER_DOLLAR, Spent, tokens_of

MINUTE: Final = 60


class Limited(NamedTuple):
    """Somebody with limits, or something."""

    subject: Subject
    budget: Budget


class Standing(NamedTuple):
    """A limit, what was used of it, and when it begins anew (seconds since the epoch)."""

    name: str
    most: float
    used: float
    resets: float


class Quota:
    """One request's part of what its user, key and agent may use.

    Args:
        services: for the meter, the roll-ups and the clock.
        principal: the caller, with the limits in force.
        agent: the agent, if it is known already.
        runs: whether a model will run. If not, only the rates matter.
    """

    def __init__(
        self, services: Services, principal: Principal, agent: Agent | None = None, *, runs: bool = True
    ) -> None:
        self._services = services
        self._tenant = principal.tenant
        self._runs = runs
        self._limited: list[Limited] = []
        self._add("user", principal.user, principal.limits.budget)
        self._add("key", principal.key_id, principal.key_budget)
        if agent is not None:
            self._add("agent", agent.id, agent.budget)

    async def take(self) -> None:
        """Count the request of the user and the key, at once with reading what they have used: one trip.

        Raises:
            ApiError: 429 ``insufficient_quota`` or ``rate_limit_exceeded``. Its message has the limit, whose it is and
                when it begins anew, which ``retry-after`` has in seconds.
            StorageUnavailable: a store did not answer; no request passes a limit that cannot be checked.
        """
        await self._take(self._limited)

    async def take_agent(self, agent: Agent) -> None:
        """Count the request of its agent likewise; no trip if the agent has no limits.

        Raises:
            ApiError: as for ``take``.
            StorageUnavailable: as for ``take``.
        """
        await self._take(self._add("agent", agent.id, agent.budget))

    async def require_room(self, tokens: int = 0, nanousd: int = 0) -> None:
        """Require that a run may go on: call it before each further call of a model.

        What other runs have used since is read again; it takes one trip, and none if there is no budget.

        Args:
            tokens: input and output tokens that this run has used so far, which no roll-up has yet.
            nanousd: what they cost, in billionths of a dollar, as far as their prices are known.

        Raises:
            ApiError: 429 ``insufficient_quota``: a budget of the user, the key or the agent is used up.
            StorageUnavailable: a store did not answer.
        """
        now = self._services.clock()
        await asyncio.gather(*(self._require(limited, now, tokens, nanousd) for limited in self._limited))

    async def refusal(self, agent: Agent, spent: Sequence[Spent]) -> str | None:
        """Return why a run may not call a model again: a budget is used up; None if it may.

        Args:
            agent: the agent, which limits what one response may use.
            spent: what it has used so far.

        Raises:
            ApiError: ``storage_unavailable``: a budget cannot be checked.
        """
        tokens = sum(one.usage.input_tokens + one.usage.output_tokens for one in spent)
        nanousd = sum(one.nanousd or 0 for one in spent)
        met = _met_by_a_response(agent, tokens, nanousd)
        if met is not None:
            return met
        try:
            await self.require_room(tokens, nanousd)
        except ApiError as error:
            return f"{error.message} An administrator can raise it."
        except StorageUnavailable:
            raise ApiError("storage_unavailable") from None
        return None

    def _add(self, kind: Dimension, name: str, budget: Budget) -> list[Limited]:
        """Add who is to be held to limits, if there are any. Return what was added."""
        added = [] if budget == NO_BUDGET else [Limited(Subject(self._tenant, kind, name), budget)]
        self._limited += added
        return added

    async def _take(self, limited: Sequence[Limited]) -> None:
        if not limited:
            return
        now = self._services.clock()
        budgets = [self._require(one, now) for one in limited if self._runs]
        rates = [self._count(one, now) for one in limited]
        refusals = await asyncio.gather(*budgets, *rates, return_exceptions=True)
        for refusal in refusals:
            if isinstance(refusal, BaseException):
                raise refusal

    async def _count(self, limited: Limited, now: float) -> None:
        most, minute = limited.budget.requests_per_minute, Period.at("requests", MINUTE, now)
        if most is not None and not await self._services.meter.take(limited.subject, minute, most):
            message = _refusal(limited.subject, "requests_per_minute", most, minute.ends)
            raise ApiError("rate_limit_exceeded", message, retry_after=math.ceil(minute.ends - now))

    async def _require(self, limited: Limited, now: float, tokens: int = 0, nanousd: int = 0) -> None:
        for limit in await standings(self._services, limited, now, tokens, nanousd):
            if limit.used >= limit.most:
                message = _refusal(limited.subject, limit.name, limit.most, limit.resets)
                seconds = {"retry-after": str(math.ceil(limit.resets - now))}
                raise ApiError("insufficient_quota", message, headers=seconds)


async def standings(
    services: Services, limited: Limited, now: float, tokens: int = 0, nanousd: int = 0
) -> list[Standing]:
    """Return how much of its limits of days and months a subject has used; one trip, and none if it has none.

    Args:
        services: for the roll-ups.
        limited: the subject and its limits.
        now: seconds since the epoch.
        tokens: what no roll-up has yet.
        nanousd: what that costs, in billionths of a dollar.
    """
    budget, today = limited.budget, day_of(now)
    months = (budget.tokens_per_month, budget.usd_per_month)
    if months == (None, None) and budget.tokens_per_day is None:
        return []
    first = today if months == (None, None) else f"{today[:7]}-01"
    days = await services.usage.of(limited.subject, first, today)
    return _uses(budget, days, now, tokens, nanousd)


def _uses(budget: Budget, days: Sequence[DayOfUse], now: float, tokens: int, nanousd: int) -> list[Standing]:
    """Return the budgets that are set, the one that begins anew last first."""
    today, month = day_of(now), sum(tokens_of(day.counters) for day in days)
    dollars = (sum(day.counters.get(NANODOLLARS, 0) for day in days) + nanousd) / PER_DOLLAR
    since = sum(tokens_of(day.counters) for day in days if day.day == today)
    next_month, next_day = _next_month(now), (now // DAY + 1) * DAY
    uses = [
        ("usd_per_month", budget.usd_per_month, dollars, next_month),
        ("tokens_per_month", budget.tokens_per_month, month + tokens, next_month),
        ("tokens_per_day", budget.tokens_per_day, since + tokens, next_day),
    ]
    return [Standing(name, most, used, resets) for name, most, used, resets in uses if most is not None]


def _met_by_a_response(agent: Agent, tokens: int, nanousd: int) -> str | None:
    """Return which of an agent's limits for one response is met, and who can raise it; None if none is."""
    uses = (
        ("usd_per_response", agent.usd_per_response, nanousd / PER_DOLLAR),
        ("tokens_per_response", agent.tokens_per_response, tokens),
    )
    for name, most, used in uses:
        if most is not None and used >= most:
            return (
                f"`{name}` of agent `{agent.id}` is {most:,.15g}, and this response has used {used:,.15g}. "
                "Whoever may edit the agent can raise it."
            )
    return None


def _refusal(subject: Subject, name: str, most: float, resets: float) -> str:
    until = f"{datetime.fromtimestamp(resets, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"`{name}` of {subject.kind} `{subject.id}` is {most:,.15g} and used up until {until}."


def _next_month(now: float) -> float:
    """Return when the next month of UTC begins."""
    this = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (this + timedelta(days=32)).replace(day=1).timestamp()
