"""What a user may use, and how much of it they have used."""

from __future__ import annotations

from antiphon.access.configuration import deployment_limits
from antiphon.access.principal import Principal
from antiphon.manage.budgets import write_budget
from antiphon.manage.changes import Document
from antiphon.manage.operator import Operator
from antiphon.manage.usage import this_month
from antiphon.ports import Services, Subject
from antiphon.records import Account, Key
from antiphon.usage.counters import REQUESTS, document, tokens_of, total


def principal_of(services: Services, account: Account) -> Principal:
    """Return a user as a key without any limits of its own shows them."""
    user = account.user
    unlimited = Key(digest="", id="", tenant=user.tenant, user=user.id, prefix="")
    return Principal.from_account(account, unlimited, deployment_limits(services.settings))


async def allowance(services: Services, operator: Operator, account: Account) -> Document:
    """Return the limits in force for a user and what they used, which is None without the right to read usage."""
    limits = write_budget(principal_of(services, account).limits.budget)
    if not operator.may("usage"):
        return {"limits": limits, "used": None}
    first, today = this_month(services)
    days = await services.usage.of(Subject(operator.tenant, "user", account.user.id), first, today)
    month = total(days)
    used = {
        "requests_this_month": month.get(REQUESTS, 0),
        "tokens_today": tokens_of(total([day for day in days if day.day == today])),
        "tokens_this_month": tokens_of(month),
        "usd_this_month": document(month)["usd"],
    }
    return {"limits": limits, "used": used}
