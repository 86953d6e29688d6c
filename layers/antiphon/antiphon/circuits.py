"""Circuit breakers: what keeps failing is not asked again for a while, so that nobody waits for it in vain.

    closed --failures in a row--> open --its time is over--> one trial --answered--> closed
                                    ^-----------failed------------'

Each provider has a circuit, which opens when the provider cannot be reached. Each of its models has another one, which
opens at every other failure, since the quota or a missing permission of one model does not concern the others. Circuits
are kept in the memory of one process. No method awaits, so tasks of one event loop need no lock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from antiphon.errors import ProviderError

LONGEST: Final = 300.0
"""The longest time in seconds until a provider is tried again, even if it asked for more."""

SPREAD: Final = 0.25
"""The part of the time that is drawn by lot, so that processes do not all try at one moment."""


@dataclass(slots=True, eq=False)
class _Circuit:
    """One circuit. ``error`` opened it until ``until``; ``openings`` counts how often it was opened."""

    failures: int = 0
    error: ProviderError | None = None
    until: float = 0.0
    trial: bool = False
    openings: int = 0

    def require(self, now: float) -> None:
        """Let calls through while closed, and one more once the time is over."""
        if self.error is not None and (self.trial or now < self.until):
            seconds = max(1, math.ceil(self.until - now))
            raise ProviderError(self.error.code, retry_after=seconds)

    def open(self, error: ProviderError, until: float) -> None:
        self.error, self.until, self.trial = error, until, False
        self.openings += 1

    def close(self) -> None:
        self.error, self.failures, self.trial = None, 0, False


class Circuits:
    """The circuits of a process.

    Args:
        failures: how many in a row open a circuit; 0 for never.
        seconds: for how long, if the provider names no time.
        entropy: returns random bytes, such as ``secrets.token_bytes``.
    """

    def __init__(self, failures: int, seconds: float, entropy: Callable[[int], bytes]) -> None:
        self._failures = failures
        self._seconds = seconds
        self._entropy = entropy
        self._circuits: dict[tuple[str, str], _Circuit] = {}

    def enter(self, provider: str, model: str, now: float) -> Admission:
        """Begin a call, at a time in seconds by a clock that is never set.

        Raises:
            ProviderError: a circuit is open; with the code of what opened it, and the seconds until it is tried.
        """
        endpoint = self._circuits.setdefault((provider, ""), _Circuit())
        own = self._circuits.setdefault((provider, model), _Circuit())
        endpoint.require(now)
        own.require(now)
        for circuit in (endpoint, own):
            circuit.trial = circuit.error is not None
        return Admission(endpoint, own, self._failed)

    def _failed(self, circuit: _Circuit, error: ProviderError, now: float) -> None:
        circuit.failures += 1
        if self._failures and (circuit.trial or circuit.failures >= self._failures):
            usual = self._seconds * (1 + SPREAD * self._entropy(1)[0] / 255)
            wait = usual if error.retry_after is None else error.retry_after
            circuit.open(error, now + min(wait, LONGEST))


class Admission:
    """One call that was let through. Its first verdict counts, unless a circuit was opened since: then that is newer.

    Args:
        endpoint, model: the circuits that it went through.
        count: counts a failure at one of them.
    """

    def __init__(
        self, endpoint: _Circuit, model: _Circuit, count: Callable[[_Circuit, ProviderError, float], None]
    ) -> None:
        self._endpoint = endpoint
        self._model = model
        self._count = count
        self._openings = {circuit: circuit.openings for circuit in (endpoint, model)}

    def answered(self) -> None:
        """Note that the first token came, or a refusal that concerns only this request."""
        for circuit in self._settle():
            circuit.close()

    def failed(self, error: ProviderError, now: float) -> None:
        """Note that it failed before its first token, at a time in seconds by a clock that is never set."""
        broken = self._endpoint if error.code == "provider_unreachable" else self._model
        for circuit in self._settle():
            if circuit is broken:
                self._count(circuit, error, now)
            elif circuit is self._endpoint:
                circuit.close()
            else:
                circuit.trial = False

    def left(self) -> None:
        """Note that it was given up without a result. The next call may be the trial."""
        for circuit in self._settle():
            circuit.trial = False

    def _settle(self) -> list[_Circuit]:
        """Return the circuits that this call still counts for, once."""
        openings, self._openings = self._openings, {}
        return [circuit for circuit, count in openings.items() if circuit.openings == count]
