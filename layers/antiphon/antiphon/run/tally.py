"""What a response adds to the roll-ups, once its ending is stored: one write each for its user, key, agent and models.

its ending was stored here     the request is counted, with how it ended and what its models used
another writer stored it       that writer counts the request, and what was stored with it; the rest is counted here
another worker goes on         what was used is stored with the response, and nothing is counted

It never raises: the response matters more. What cannot be added is lost, and the log has the line `usage not counted`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from antiphon.answering.usage import counted_of
from antiphon.errors import trace
from antiphon.ports import Services, Subject, UsageDelta
from antiphon.ports.usage import Counters
from antiphon.records import DAY, StoredResponse
from antiphon.usage.counters import Spent, of_ending, of_tokens

log: Final = logging.getLogger("antiphon.run")

SECONDS: Final = 5.0
"""The longest that counting may take if nothing else bounds it."""


def priced(services: Services, maker: dict[str, str], usage: UsageDelta) -> Spent:
    """Return what a call of a ``provider``'s ``model`` used, with what it cost if its price is known."""
    provider, model = maker["provider"], maker["model"]
    return Spent(f"{provider}/{model}", usage, services.cost(provider, model, usage))


def stored_use(services: Services, job: dict[str, Any] | None) -> list[Spent]:
    """Return what workers that are gone had used, as far as they stored it with the response."""
    return [priced(services, maker, usage) for maker, usage in counted_of((job or {}).get("used", ()))]


async def tally(
    services: Services,
    record: StoredResponse,
    spent: Callable[[], Awaitable[Sequence[Spent]]] | Sequence[Spent] = (),
    *,
    limit: float | None = None,
    counts_request: bool = True,
) -> None:
    """Add what a response used to the day on which it ended.

    Args:
        services: the adapters.
        record: the response as it ended.
        spent: what its models used, or what returns that.
        limit: by when it must have ended, in the event loop's time (seconds).
        counts_request: whether this run stored its ending.
    """
    try:
        async with asyncio.timeout_at(limit or asyncio.get_running_loop().time() + SECONDS):
            used = amounts(record, await spent() if callable(spent) else spent, counts_request=counts_request)
            if used:
                now = services.clock()
                expires_at = int(now // DAY + 1 + services.settings.usage_days) * DAY
                await services.usage.add(record.id, day_of(now), expires_at, used)
    except Exception as error:  # noqa: BLE001 - beside the ending of a run, which must come to its end
        log.warning("usage not counted", extra={"response_id": record.id, "error": trace(error)})


def amounts(record: StoredResponse, spent: Sequence[Spent], *, counts_request: bool) -> list[tuple[Subject, Counters]]:
    """Return what to add for each subject of a response; none if there is nothing.

    Of several models the last one answered: the request is counted for it.
    """
    ending = of_ending(record.response) if counts_request else {}
    whole = {**of_tokens(spent), **ending}
    if not whole:
        return []
    tenant, models = record.owner.tenant, dict[str, list[Spent]]()
    for one in spent:
        models.setdefault(one.model, []).append(one)
    answered = spent[-1].model if spent else record.model
    found: list[tuple[Subject, Counters]] = [
        (Subject(tenant, "user", record.owner.user), whole),
        (Subject(tenant, "key", record.key_id), whole),
        (Subject(tenant, "agent", record.agent), whole),
        *((Subject(tenant, "model", model), of_tokens(calls)) for model, calls in models.items() if model != answered),
        (Subject(tenant, "model", answered), {**of_tokens(models.get(answered, ())), **ending}),
    ]
    return [(subject, counters) for subject, counters in found if subject.id and counters]


def day_of(now: float) -> str:
    """Return the day of UTC, as ``2026-11-29``."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
