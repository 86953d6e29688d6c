"""The effective configuration of one request: deployment, tenant, role and user, each narrowing the earlier ones. Pure.

After LibreChat's configuration middleware, which resolves once per request; here the result is an argument, never a
global.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any, TypeVar

from antiphon.records import Limits
from antiphon.settings import Settings

N = TypeVar("N", int, float)


def deployment_limits(settings: Settings) -> Limits:
    """Return the layer that the deployment's settings are."""
    return Limits(
        retention_days=settings.retention_days,
        max_body_bytes=settings.max_body_bytes,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_day=settings.tokens_per_day,
        tokens_per_month=settings.tokens_per_month,
        usd_per_month=settings.usd_per_month,
    )


def resolve(deployment: Limits, *layers: Limits) -> Limits:
    """Return the configuration in force. No layer can allow what an earlier one forbids.

    Sets intersect, in the order of the earlier layer; maximums, retention, body size, rate and budget take the smaller
    value; a later default replaces an earlier one. A numeric default over its maximum, from whatever layer, is that
    maximum.
    """
    narrowed = reduce(_narrow, layers, deployment)
    clipped = {name: _clip(value, narrowed.maximums.get(name)) for name, value in narrowed.defaults.items()}
    return Limits(
        providers=narrowed.providers,
        models=narrowed.models,
        defaults=clipped,
        maximums=narrowed.maximums,
        retention_days=narrowed.retention_days,
        max_body_bytes=narrowed.max_body_bytes,
        requests_per_minute=narrowed.requests_per_minute,
        tokens_per_day=narrowed.tokens_per_day,
        tokens_per_month=narrowed.tokens_per_month,
        usd_per_month=narrowed.usd_per_month,
    )


def is_within(limits: Limits, others: Limits) -> bool:
    """Return whether one layer allows nothing that another forbids; what is a default is no limit."""
    return _without_order(_narrow(others, limits)) == _without_order(limits)


def _without_order(limits: Limits) -> Limits:
    providers, models = (None if names is None else tuple(sorted(names)) for names in (limits.providers, limits.models))
    return replace(limits, providers=providers, models=models, defaults={})


def _narrow(earlier: Limits, later: Limits) -> Limits:
    return Limits(
        providers=_intersect(earlier.providers, later.providers),
        models=_intersect(earlier.models, later.models),
        defaults=earlier.defaults | later.defaults,
        maximums={
            name: min(limits.maximums[name] for limits in (earlier, later) if name in limits.maximums)
            for name in earlier.maximums | later.maximums
        },
        retention_days=_smaller(earlier.retention_days, later.retention_days),
        max_body_bytes=_smaller(earlier.max_body_bytes, later.max_body_bytes),
        requests_per_minute=_smaller(earlier.requests_per_minute, later.requests_per_minute),
        tokens_per_day=_smaller(earlier.tokens_per_day, later.tokens_per_day),
        tokens_per_month=_smaller(earlier.tokens_per_month, later.tokens_per_month),
        usd_per_month=_smaller(earlier.usd_per_month, later.usd_per_month),
    )


def _intersect(earlier: tuple[str, ...] | None, later: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if earlier is None or later is None:
        return later if earlier is None else earlier
    return tuple(name for name in earlier if name in later)


def _smaller(earlier: N | None, later: N | None) -> N | None:
    said = [value for value in (earlier, later) if value is not None]
    return min(said, default=None)


def _clip(value: Any, maximum: float | None) -> Any:
    """Keep the value's own type: an integer parameter stays an integer under a maximum such as 99.5."""
    if maximum is None or isinstance(value, bool) or not isinstance(value, int | float) or value <= maximum:
        return value
    return type(value)(maximum)
