"""The counters of the roll-ups by name, and what one response adds to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from antiphon.ports import UsageDelta
from antiphon.ports.usage import Counters, DayOfUse

REQUESTS: Final = "requests"
INPUT: Final = "input_tokens"
CACHED: Final = "cached_tokens"
OUTPUT: Final = "output_tokens"
REASONING: Final = "reasoning_tokens"
TOOL_CALLS: Final = "tool_calls"
NANODOLLARS: Final = "nanousd"
"""Billionths of a US dollar; absent if no price was known."""
UNPRICED: Final = "unpriced_tokens"
"""Input and output tokens of models without a known price."""
ENDINGS: Final = ("incomplete", "failed", "cancelled")
"""How many of the requests ended otherwise than completed."""
COUNTERS: Final = (REQUESTS, INPUT, CACHED, OUTPUT, REASONING, TOOL_CALLS, NANODOLLARS, UNPRICED, *ENDINGS)
ERROR: Final = "error:"
"""Before a code: how many requests failed with it."""

PER_DOLLAR: Final = 1_000_000_000


class Spent(NamedTuple):
    """What one model used for a response.

    Attributes:
        model: as ``provider/model``.
        nanousd: what that cost; None if the price is not known.
    """

    model: str
    usage: UsageDelta
    nanousd: int | None


def of_tokens(spent: Sequence[Spent]) -> dict[str, int]:
    """Return what some model calls add; counters of 0 are left out, except money."""
    total: Counter[str] = Counter()
    for one in spent:
        usage, tokens = one.usage, one.usage.input_tokens + one.usage.output_tokens
        total[INPUT] += usage.input_tokens
        total[CACHED] += usage.cached_tokens
        total[OUTPUT] += usage.output_tokens
        total[REASONING] += usage.reasoning_tokens
        if one.nanousd is None:
            total[UNPRICED] += tokens
    counters = {name: amount for name, amount in total.items() if amount}
    priced = [one.nanousd for one in spent if one.nanousd is not None]
    return {**counters, NANODOLLARS: sum(priced)} if priced else counters


def of_ending(response: dict[str, Any]) -> dict[str, int]:
    """Return the counters of a response that has ended, without its tokens."""
    status, error = response["status"], response.get("error")
    calls = sum(item["type"].endswith("_call") for item in response["output"])
    return {
        REQUESTS: 1,
        **({TOOL_CALLS: calls} if calls else {}),
        **({status: 1} if status in ENDINGS else {}),
        **({ERROR + error["code"]: 1} if error else {}),
    }


def total(days: Iterable[DayOfUse]) -> dict[str, int]:
    """Add up the counters of some days."""
    found: Counter[str] = Counter()
    for day in days:
        found.update(day.counters)
    return dict(found)


def document(counters: Counters) -> dict[str, Any]:
    """Return counters as they are shown: ``usd`` is None if no price was known."""
    nanodollars = counters.get(NANODOLLARS)
    shown = (name for name in COUNTERS if name != NANODOLLARS)
    errors = {name.removeprefix(ERROR): amount for name, amount in counters.items() if name.startswith(ERROR)}
    return {
        **{name: counters.get(name, 0) for name in shown},
        "usd": None if nanodollars is None else nanodollars / PER_DOLLAR,
        "errors": dict(sorted(errors.items())),
    }


def tokens_of(counters: Counters) -> int:
    """Return the tokens that count against a budget."""
    return counters.get(INPUT, 0) + counters.get(OUTPUT, 0)
