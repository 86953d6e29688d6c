"""The interface of the roll-ups: what each subject used on each day of UTC, as counters that are only ever added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Dimension = Literal["user", "key", "agent", "model"]
"""By what is counted. A tenant's total is the sum over its models."""

Counters = Mapping[str, int]
"""Counted amounts by name, such as ``requests``; see ``usage.counters``."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A user, key, agent or model of a tenant: what is counted for, or limited.

    Attributes:
        id: its id; of a model ``provider/model``.
    """

    tenant: str
    kind: Dimension
    id: str


class DayOfUse(NamedTuple):
    """What a subject used on a day.

    Attributes:
        id: of the subject.
        day: as ``2026-11-29``.
    """

    id: str
    day: str
    counters: Counters


class PageOfUse(NamedTuple):
    """Some subjects, each with all its days of a stretch of time.

    Attributes:
        rows: by subject, then by day.
        after: the subject after which the next page begins; None if there is no other.
    """

    rows: list[DayOfUse]
    after: str | None


class UsageStore(Protocol):
    """Counters for each subject and day."""

    async def add(self, response_id: str, day: str, expires_at: int, used: Sequence[tuple[Subject, Counters]]) -> None:
        """Add what a response used; one atomic write for each subject, all at once.

        Args:
            response_id: spreads the writes of a subject that many responses share.
            day: to which it is added.
            expires_at: when the day may be removed, in seconds since the epoch.
            used: the amounts for each subject.
        """

    async def of(self, subject: Subject, first: str, last: str) -> list[DayOfUse]:
        """Read the days of one subject from a first to a last one, in order, consistently; one trip."""

    async def page(
        self, tenant: str, kind: Dimension, first: str, last: str, *, after: str | None, limit: int
    ) -> PageOfUse:
        """Read the days of the next subjects of a kind, in the order of their ids; one trip, whatever is stored.

        Args:
            tenant: whose they are.
            kind: by what is counted.
            first: the first day.
            last: the last day, included.
            after: the subject that they follow; None to begin.
            limit: the most subjects.
        """
