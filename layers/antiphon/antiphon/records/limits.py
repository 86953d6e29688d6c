"""Limits of use: layers of configuration, budgets, and the periods in which requests are counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

DAY: Final = 86_400
"""The length of a day, in seconds."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one user, key or agent may use; None for no limit. Periods are calendar minutes, days and months in UTC.

    Attributes:
        requests_per_minute: how many responses it may create.
        tokens_per_day, tokens_per_month: input and output tokens together.
        usd_per_month: US dollars, for the tokens whose price is known.
    """

    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    usd_per_month: float | None = None


NO_BUDGET: Final = Budget()


@dataclass(frozen=True, slots=True)
class Limits:
    """One layer of configuration. Later layers (deployment, tenant, role, user) narrow earlier ones; None does nothing.

    Attributes:
        providers: names of the providers that may be used.
        models: names of the providers' models that may be used.
        defaults: request parameters by name, used if neither request nor agent sets one.
        maximums: the greatest value allowed for a numeric parameter, by name.
        retention_days: how long a stored response is kept.
        max_body_bytes: the largest request body.
        requests_per_minute, tokens_per_day, tokens_per_month, usd_per_month: how much one user may use; see
            ``Budget``.
    """

    providers: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    maximums: dict[str, float] = field(default_factory=dict)
    retention_days: int | None = None
    max_body_bytes: int | None = None
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    usd_per_month: float | None = None

    @property
    def budget(self) -> Budget:
        """How much one user may use."""
        return Budget(self.requests_per_minute, self.tokens_per_day, self.tokens_per_month, self.usd_per_month)


NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Period:
    """A period of time that has its own counter.

    Attributes:
        what: what is counted.
        seconds: its length.
        number: how many periods of this length there were since the epoch.
    """

    what: Literal["requests"]
    seconds: int
    number: int

    @classmethod
    def at(cls, what: Literal["requests"], seconds: int, now: float) -> Period:
        """Return the period that a time in seconds since the epoch falls into."""
        return cls(what, seconds, int(now // seconds))

    @property
    def name(self) -> str:
        """The name of the counter; no other period has it."""
        return f"{self.what}#{self.seconds}#{self.number}"

    @property
    def ends(self) -> int:
        """When the next one begins, in seconds since the epoch."""
        return (self.number + 1) * self.seconds
