"""Choose the model for a response. If the agent's model fails before its first token, try its fallbacks in order.

    ask -> circuit closed? -> first token: the rest of the model turn stays with this model
              | fails: at most two retries, then the next model that can carry the request
              | nobody is left: the first model's error

It adds no step to the path of a delta: a model's stream goes straight to the turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from antiphon import measures
from antiphon.access import decide
from antiphon.answering.bound_model import BoundModel, bind_model
from antiphon.answering.usage import Ledger, ModelUse
from antiphon.circuits import Admission
from antiphon.errors import ApiError, ProviderError
from antiphon.ids import Entropy
from antiphon.ports import ModelCall, Services, UsageDelta
from antiphon.records import Agent, Item, Limits
from antiphon.tools.calls import as_functions
from antiphon.tools.table import ToolTable

log: Final = logging.getLogger("antiphon.run")

T = TypeVar("T")

ATTEMPTS: Final = 3
"""One call and at most two retries, and only before the first token, so that nothing is sent twice."""

LONGEST_PAUSE: Final = 8.0
"""Seconds. A provider that asks for more is not waited for."""

ELSEWHERE: Final = frozenset(
    {
        "model_error",
        "provider_auth",
        "provider_model_not_found",
        "provider_not_configured",
        "provider_rate_limited",
        "provider_timeout",
        "provider_unreachable",
    }
)
"""What another model could do better. A request that was refused for what it holds is the caller's to mend."""


class Failover:
    """The models of one response, in the order in which they are asked.

    Args:
        services: the providers, circuits, clock and entropy.
        limits: in force for the caller: a fallback that they do not allow is never asked.
        agent: whose models.

    Attributes:
        current: the model that is asked, or answers.

    Raises:
        ApiError: none of them is set up here; with the first one's code.
    """

    def __init__(self, services: Services, limits: Limits, agent: Agent) -> None:
        self._services = services
        self._named = bool(agent.fallbacks)
        self._waiting = [(agent.provider, agent.model)]
        self._waiting += [(f.provider, f.model) for f in agent.fallbacks if decide.allows(limits, f.provider, f.model)]
        self._failure: ProviderError | None = None
        self._ledger = Ledger()
        self._entry: Admission | None = None
        self._patience: asyncio.Timeout | None = None
        self._begun = False
        self._answered = False
        found = self._next()
        if found is None:
            assert self._failure is not None
            raise ApiError(self._failure.code)
        self.current = found

    def require(self, call: ModelCall) -> None:
        """Refuse a call that the agent's own model cannot carry; fallbacks stand in if it is not set up at all.

        Raises:
            ApiError: 400, with the message and parameter for the caller; or why the agent's own model cannot be asked.
        """
        try:
            self.current.check(call)
        except ApiError:
            if self._failure is None:
                raise
            try:
                self._advance(call)
            except ProviderError as error:
                raise ApiError(error.code) from None

    async def ask(self, call: ModelCall, consume: Callable[[BoundModel], Awaitable[T]]) -> T:
        """Run one turn with whoever answers.

        Args:
            call: what is asked.
            consume: reads a model's stream to its end, and calls ``began`` at its first token.

        Raises:
            ProviderError: the model failed that had begun to answer, or nobody did: then the first one's failure.
        """
        attempt = 1
        self._begun = False
        while True:
            try:
                return await self._once(call, consume)
            except ProviderError as error:
                if self._begun:
                    raise
                pause = self._pause(error, attempt, call.deadline)
                if pause is None:
                    self._give_up(error, call)
            attempt = 1 if pause is None else attempt + 1
            if pause is not None:
                measures.current().provider_retries += 1
                await asyncio.sleep(pause)

    def began(self) -> None:
        """Note that the first token of a turn came. No other model can answer this turn."""
        self._begun = self._answered = True
        if self._entry is not None:
            self._entry.answered()
        if self._patience is not None:
            self._patience.reschedule(None)
        noted = measures.current()
        noted.provider, noted.model = self.current.name, self.current.model

    def used(self, usage: UsageDelta) -> None:
        """Note what a turn has used so far."""
        self._ledger.last.usage = usage

    def add(self, model: BoundModel, usage: UsageDelta) -> None:
        """Count what another model used for the same response, before its first turn."""
        self._ledger.begin(model.maker, is_turn=False).usage = usage

    def stored(self) -> list[list[Any]]:
        """Return what was used so far, for another worker that may go on."""
        return self._ledger.stored()

    def restore(self, stored: Sequence[list[Any]]) -> None:
        """Count what earlier workers used for the same response."""
        self._ledger.restore(stored)
        self._answered = bool(stored)

    @property
    def usage(self) -> UsageDelta | None:
        """What all calls of the response used together, as far as it was reported; None if none was."""
        return self._ledger.usage

    def reported(self) -> list[tuple[dict[str, str], UsageDelta]]:
        """Return what each call used of which that was reported."""
        return self._ledger.reported()

    def spent(
        self, call: ModelCall, output: Sequence[Item], first: int = 0, *, again: bool = False
    ) -> list[tuple[dict[str, str], UsageDelta]]:
        """Return what each call of a model used, in order; by estimate if its provider did not report it.

        Args:
            call: what was asked last.
            output: what was said to that, as items.
            first: the number of the call to begin with.
            again: the stream of the last call is read again by another worker, which counts it.
        """
        if not again:
            self.estimate(call, output)
        return self._ledger.counted(first, without_last=again)

    @property
    def is_unknown(self) -> bool:
        """Whether the last call began to answer, and nobody reported or estimated what it used."""
        return self._begun and self._ledger.last.counted is None

    def estimate(self, call: ModelCall, output: Sequence[Item]) -> None:
        """Estimate what the last call used, if that is unknown: its provider does not report it, or was cut off.

        Args:
            call: what was asked last.
            output: what was said to that, as items.
        """
        if self.is_unknown:
            said = replace(call, instructions="", tools=(), items=as_functions(output, ToolTable(())))
            count = self.current.count_tokens
            self._ledger.last.estimate = UsageDelta(count(call), count(said))

    def counted(self) -> list[tuple[dict[str, str], UsageDelta]]:
        """Return what counts against limits so far."""
        return self._ledger.counted()

    def shown(self) -> dict[str, Any] | None:
        """Return who answered, what each model used and what each turn used; None if there was only one of each."""
        turns = self._ledger.turns()
        told = {"turns": turns} if len(turns) > 1 else {}
        if not self._named:
            return told or None
        maker = self.current.maker if self._answered else dict.fromkeys(self.current.maker)
        return {**maker, "models": self._ledger.models(), **told}

    async def _once(self, call: ModelCall, consume: Callable[[BoundModel], Awaitable[T]]) -> T:
        """Call the current model once, within its time, and record the outcome in its circuit."""
        services, model = self._services, self.current
        asked = self._ledger.begin(model.maker)
        try:
            self._entry = services.circuits.enter(model.name, model.model, services.steady())
            async with asyncio.timeout_at(self._until(call.deadline)) as self._patience:
                return await consume(model)
        except TimeoutError:
            raise self._failed(asked, ProviderError("provider_timeout")) from None
        except ProviderError as error:
            self._failed(asked, error)
            raise
        except asyncio.CancelledError:
            if not self._begun and asyncio.get_running_loop().time() >= call.deadline:
                self._failed(asked, ProviderError("provider_timeout"))
            raise
        finally:
            if self._entry is not None:
                self._entry.left()
            self._entry = self._patience = None

    def _failed(self, asked: ModelUse, error: ProviderError) -> ProviderError:
        asked.error = error.code
        log.warning("model failed", extra={**self.current.maker, "code": error.code, **error.facts})
        if self._entry is not None:
            if error.code in ELSEWHERE:
                self._entry.failed(error, self._services.steady())
            else:
                self._entry.answered()
        return error

    def _until(self, deadline: float) -> float | None:
        """Return until when to wait for the first token: for half of the time left, if another model could answer."""
        if self._begun or not self._waiting:
            return None
        now = asyncio.get_running_loop().time()
        return now + max(deadline - now, 0.0) / 2

    def _pause(self, error: ProviderError, attempt: int, deadline: float) -> float | None:
        """Return the seconds before the same model is asked again, or None if it is not.

        A model that was slow is not waited for twice if another could answer.
        """
        pause = _seconds(error, attempt, self._services.entropy)
        late = asyncio.get_running_loop().time() + pause >= deadline
        elsewhere = error.code == "provider_timeout" and self._waiting and not self._begun
        if not error.retryable or attempt == ATTEMPTS or pause > LONGEST_PAUSE or late or elsewhere:
            return None
        return pause

    def _give_up(self, error: ProviderError, call: ModelCall) -> None:
        """Turn to the next model, if there may be one.

        Raises:
            ProviderError: there is none.
        """
        if self._begun or (self._failure is None and error.code not in ELSEWHERE):
            raise error
        self._failure = self._failure or error
        self._advance(call)

    def _advance(self, call: ModelCall) -> None:
        """Turn to the next model that can carry a call; the others are skipped.

        Raises:
            ProviderError: there is none; why the first one failed.
        """
        assert self._failure is not None
        while (found := self._next()) is not None:
            try:
                found.check(call)
            except ApiError as error:
                log.warning("fallback skipped", extra={**found.maker, "code": error.code})
            else:
                self.current = found
                return
        raise self._failure

    def _next(self) -> BoundModel | None:
        """Take the next model that is set up here."""
        while self._waiting:
            name, model = self._waiting.pop(0)
            try:
                return bind_model(self._services, name, model)
            except ProviderError as error:
                self._failure = self._failure or error
                log.warning("model not set up", extra={"provider": name, "model": model, "code": error.code})
        return None


def _seconds(error: ProviderError, attempt: int, entropy: Entropy) -> float:
    """Return the seconds before the next attempt: what the provider asks for, else 0.5 and 1 with full jitter."""
    if error.retry_after is not None:
        return float(error.retry_after)
    return 0.5 * attempt * entropy(1)[0] / 255
