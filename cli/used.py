"""`antiphon usage`: who used how much, by user, key, agent, model or day."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Final

from antiphon.manage.refusals import NotFound
from antiphon.manage.usage import list_usage, show_limits, show_usage, this_month, total_usage
from cli.output import Output, Refused, moment
from cli.session import Session
from cli.tables import table

_COLUMNS: Final = ("REQUESTS", "FAILED", "INPUT", "CACHED", "OUTPUT", "REASONING", "TOOLS", "USD")


async def usage(session: Session, args: Namespace) -> Output:
    """Show what was used in some days, those of this month by default."""
    first, today = this_month(session.services)
    last = args.last or today
    days: dict[str, str] = {"first": args.first or min(first, f"{last[:7]}-01"), "last": last}
    if args.of is not None or args.by == "day":
        return await _by_day(session, args, days)
    rows = await session.listed(list_usage, by=args.by, **days)
    rows.sort(key=lambda row: (row["usd"] or 0, row["input_tokens"] + row["output_tokens"]), reverse=True)
    text = table((args.by.upper(), *_COLUMNS), [(row["id"], *_cells(row)) for row in rows])
    return Output(rows, text, _notes(rows, days))


async def _by_day(session: Session, args: Namespace, days: dict[str, str]) -> Output:
    limits: list[dict[str, Any]] = []
    if args.of is None:
        found = await total_usage(session.services, session.operator, **days)
    elif args.by == "day":
        raise Refused("--of needs --by user, key, agent or model")
    else:
        found = await show_usage(session.services, session.operator, kind=args.by, id=args.of, **days)
        limits = await _limits(session, args)
    rows = [(day["day"], *_cells(day)) for day in found["days"]]
    text = table(("DAY", *_COLUMNS), [*rows, ("all", *_cells(found))] if rows else [])
    return Output(
        {**found, **({"limits": limits} if limits else {})},
        text,
        (*_notes([found] if rows else [], days), *map(_limit, limits)),
    )


async def _limits(session: Session, args: Namespace) -> list[dict[str, Any]]:
    """Return the limits of a user, key or agent; none if it does not exist any more."""
    if args.by == "model":
        return []
    try:
        shown = await show_limits(session.services, session.operator, kind=args.by, id=args.of)
    except NotFound:
        return []
    limits: list[dict[str, Any]] = shown["limits"]
    return limits


def _limit(limit: dict[str, Any]) -> str:
    """Write a limit, with what is used of it now."""
    most = f"{limit['limit']:,.15g}"
    if limit["used"] is None:
        return f"{limit['name']} is {most}"
    return f"{limit['name']}: {limit['used']:,.15g} of {most} is used; it begins anew at {moment(limit['resets_at'])}"


def _cells(counted: dict[str, Any]) -> tuple[str, ...]:
    numbers = ("requests", "failed", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "tool_calls")
    usd = "" if counted["usd"] is None else f"{counted['usd']:,.4f}"
    return (*(f"{counted[name]:,}" for name in numbers), usd)


def _notes(counted: list[dict[str, Any]], days: dict[str, str]) -> tuple[str, ...]:
    if not counted:
        return (f"nothing was used from {days['first']} to {days['last']}",)
    unpriced = sum(each["unpriced_tokens"] for each in counted)
    known = f"{unpriced:,} tokens are of models whose price is not known, and are not in USD"
    return (known,) if unpriced else ()
