"""Who used how much: by user, key, agent and model, and by day; from the roll-ups alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import Final

from antiphon.access.configuration import deployment_limits, resolve
from antiphon.errors import ApiError
from antiphon.manage.changes import Document
from antiphon.manage.found import find, find_account, find_key
from antiphon.manage.operator import Operator
from antiphon.manage.pages import MAX_PAGE
from antiphon.manage.reach import exists_for
from antiphon.manage.refusals import NotFound
from antiphon.ports import DayOfUse, Dimension, Page, Services, Subject
from antiphon.records import Agent, Budget
from antiphon.run.quota import Limited, standings
from antiphon.run.tally import day_of
from antiphon.usage.counters import document, total

MAX_DAYS: Final = 366


async def list_usage(
    services: Services,
    operator: Operator,
    *,
    by: Dimension,
    first: str,
    last: str,
    limit: int,
    after: str = "",
) -> Page[Document]:
    """List what the users, keys, agents or models of the tenant used, in the order of their ids.

    Args:
        services: the adapters.
        operator: who asks, with the right to read usage.
        by: of what the ids are.
        first: the first day of UTC, such as ``2026-11-01``.
        last: the last day, included.
        limit: the most ids.
        after: the id that they follow; empty to begin.

    Raises:
        ApiError: the operator may not, or the days are wrong.
    """
    operator.require("usage")
    _check_days(first, last)
    begin: str | None = after or None
    while True:
        page = await services.usage.page(operator.tenant, by, first, last, after=begin, limit=limit)
        if page.rows or page.after is None:
            found = [_of_subject(*of) for of in groupby(page.rows, lambda row: row.id)]
            return Page(found, page.after is not None)
        begin = page.after  # a page of ids that used nothing in these days


async def show_usage(
    services: Services, operator: Operator, *, kind: Dimension, id: str, first: str, last: str
) -> Document:
    """Return what one user, key, agent or model used, in all and by day. A user may read their own and their keys'.

    A key for some agents reads its own use: that of its user is also of other agents.

    Raises:
        ApiError: the operator may not, or the days are wrong.
    """
    await _require(services, operator, kind, id)
    if kind == "user" and _is_for_some_agents(operator):
        message = "This key is limited to some agents: read what was used with the key."
        raise ApiError("permission_denied", message, complete=True)
    _check_days(first, last)
    days = await services.usage.of(Subject(operator.tenant, kind, id), first, last)
    return {**_of_subject(id, days), "days": [_of_day(day.day, [day]) for day in days]}


async def total_usage(services: Services, operator: Operator, *, first: str, last: str) -> Document:
    """Return what the tenant used, in all and by day: the sum over its models.

    Raises:
        ApiError: the operator may not, or the days are wrong.
    """
    operator.require("usage")
    _check_days(first, last)
    rows, after = list[DayOfUse](), None
    while True:
        page = await services.usage.page(operator.tenant, "model", first, last, after=after, limit=MAX_PAGE)
        rows += page.rows
        after = page.after
        if after is None:
            break
    by_day = groupby(sorted(rows, key=lambda row: row.day), lambda row: row.day)
    return {"id": operator.tenant, **document(total(rows)), "days": [_of_day(*of) for of in by_day]}


async def show_limits(services: Services, operator: Operator, *, kind: Dimension, id: str) -> Document:
    """Return the limits of a user, key or agent, and how much of them is used. A user may read their own.

    To a key for some agents it is not shown how much its user has used, as in ``show_usage``.

    How many requests this minute had is not known: that counter can only be taken from.

    Raises:
        NotFound: there is no such user, key or agent for this operator.
        ApiError: the operator may not, or models have no limits.
    """
    await _require(services, operator, kind, id)
    now = services.clock()
    budget = await _budget(services, operator, kind, id)
    found = await standings(services, Limited(Subject(operator.tenant, kind, id), budget), now)
    is_hidden = kind == "user" and _is_for_some_agents(operator)
    limits: list[Document] = [
        {
            "name": each.name,
            "limit": each.most,
            "used": None if is_hidden else each.used,
            "resets_at": int(each.resets),
        }
        for each in found
    ]
    rate = budget.requests_per_minute
    if rate is not None:
        limits.append({"name": "requests_per_minute", "limit": rate, "used": None, "resets_at": None})
    return {"id": id, "limits": limits}


async def _budget(services: Services, operator: Operator, kind: Dimension, id: str) -> Budget:
    if kind == "user":
        account = await find_account(services, operator.tenant, id)
        deployment = deployment_limits(services.settings)
        return resolve(deployment, *account.limits).budget
    if kind == "key":
        return (await find_key(services, operator.tenant, id)).budget
    if kind == "agent":
        return (await find(services, Agent, operator.tenant, id)).budget
    raise ApiError("invalid_value", "`by`: Models have no limits.", param="by")


def this_month(services: Services) -> tuple[str, str]:
    """Return the first day of this month of UTC, and today."""
    today = day_of(services.clock())
    return f"{today[:7]}-01", today


def _of_subject(subject: str, days: Iterable[DayOfUse]) -> Document:
    return {"id": subject, **document(total(days))}


def _of_day(day: str, rows: Iterable[DayOfUse]) -> Document:
    return {"day": day, **document(total(rows))}


def _is_for_some_agents(operator: Operator) -> bool:
    """Return whether somebody has an ordinary key that is limited to some agents."""
    return operator.principal is not None and operator.principal.key_agents is not None


async def _require(services: Services, operator: Operator, kind: Dimension, id: str) -> None:
    """Check that somebody may read the use of one subject: it is theirs, or they hold the right."""
    if operator.principal is not None and kind == "key":
        if not exists_for(operator, await find_key(services, operator.tenant, id)):
            raise NotFound("key", id)
        return
    if not (kind == "user" and operator.is_user(id)):
        operator.require("usage")


def _check_days(first: str, last: str) -> None:
    days = (_date(last, "to") - _date(first, "from")).days + 1
    if not 1 <= days <= MAX_DAYS:
        raise ApiError("invalid_value", f"`from` and `to`: From 1 to {MAX_DAYS} days can be read.", param="from")


def _date(text: str, param: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ApiError("invalid_value", f"`{param}`: Write a day as 2026-11-29.", param=param)
    return day
