"""Usage, and limits with what is used of them."""

from __future__ import annotations

from typing import Literal

from docs.openapi.admin_resources.pages import AdminList
from docs.openapi.shown import Shown


class Used(Shown):
    """What was used."""

    requests: int
    """Responses that ended, however they did."""
    incomplete: int
    failed: int
    cancelled: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    tool_calls: int
    usd: float | None
    """US dollars, as far as prices are known; null if none was."""
    unpriced_tokens: int
    """Tokens of models without a known price, which are not in `usd`."""
    errors: dict[str, int]
    """How many responses failed, by code."""


class AdminUsage(Used):
    """What one user, key, agent or model used."""

    object: Literal["admin.usage"]
    id: str


class AdminUsageList(AdminList):
    """What was used, by id."""

    data: list[AdminUsage]


class UsedOfDay(Used):
    """What was used on a day."""

    day: str


class AdminUsageDays(Used):
    """What was used, in all and by day."""

    object: Literal["admin.usage_days"]
    id: str
    """Whose use it is; the tenant's id for that of the tenant."""
    days: list[UsedOfDay]


class UsedLimit(Shown):
    """A limit, and how much of it is used."""

    name: Literal["requests_per_minute", "tokens_per_day", "tokens_per_month", "usd_per_month"]
    limit: float
    used: float | None
    """Null for `requests_per_minute`, and for the limits of a user if the key is for some agents."""
    resets_at: int | None
    """When it begins anew, in seconds since the epoch."""


class AdminLimits(Shown):
    """The limits of a user, key or agent."""

    object: Literal["admin.limits"]
    id: str
    limits: list[UsedLimit]
