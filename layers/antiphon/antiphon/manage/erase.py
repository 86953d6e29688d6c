"""Erase a user with all that is stored about it but the audit log.

    agents     given to another user or deleted for good; without a choice, a user who has some is not erased
    entrance   keys are revoked and the user is deleted: from now on requests are refused
    responses  running ones are cancelled, then all are removed, page by page
    others     conversations, approvals, reservations; the user's name in decisions on approvals of others
    account    when no process can hold a key any more: what was made meanwhile of agents and keys, then roll-ups,
               counters, deliveries and last the keys

Each step can be repeated, and no step asks whether the user still exists. So a run that is interrupted, or whose time
is up, is finished by the same call.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final, NamedTuple

from antiphon.errors import ApiError
from antiphon.ids import place_of
from antiphon.manage.changes import Document, note
from antiphon.manage.forms import EraseForm
from antiphon.manage.found import find_account
from antiphon.manage.held import Holder, is_known
from antiphon.manage.operator import Operator
from antiphon.manage.people import require_no_wider, require_over_user
from antiphon.manage.refusals import NotFound, check_id, refuse
from antiphon.manage.removal import count, some
from antiphon.manage.walks import all_agents, all_deleted_agents, all_pending, audit_entries, keys_of
from antiphon.ports import AuditFilter, Services
from antiphon.records import DAY, Agent, Approval, Key, Limits, Owner, StoredResponse, User
from antiphon.run.approvals import decide, decided
from antiphon.run.cancel import stop
from antiphon.run.tally import SECONDS as COUNTING
from antiphon.run.tally import day_of

SECONDS: Final = 15.0
"""How long one call works. API Gateway waits 29 seconds, and a response that is stopped takes up to 18."""

ERASED: Final = "erased"
"""Stands for an erased user in records of others."""

_PAGE: Final = 100
_LONGEST_DAYS: Final = 400
"""Roll-ups may have been stored when ``ANTIPHON_USAGE_DAYS`` was this, its default."""


async def erase_user(
    services: Services, operator: Operator, user: str, form: EraseForm, *, cache_seconds: float | None = None
) -> Document:
    """Erase a user. It works for ``SECONDS``; if something is left then, the same call continues.

    Args:
        services: the adapters.
        operator: who asks.
        user: who is erased.
        form: what becomes of its agents.
        cache_seconds: how long a process may take a key that it has read; by default that of the settings.

    Raises:
        ApiError: 403: a right is missing; more are needed for a user with agents, deleted ones included, or limits;
            409: the user has agents and the form names nothing to do with them, or tools of others' agents need the
            user's approval; 404: nothing is stored about such a user, not even in the audit log.
    """
    operator.require("people", write=True)
    operator.require("responses", write=True)
    check_id("user", user)
    if operator.actor.key_id and operator.actor.user == user:
        raise refuse("Nobody erases the user of the key that they use.")
    until, owner = services.steady() + SECONDS, Owner(operator.tenant, user)
    stored = await services.directory.find(User, operator.tenant, user)
    if stored is None and not await is_known(Holder(services, operator, user)):
        raise NotFound("user", user)
    if stored is not None:
        await require_over_user(services, operator, stored)
        require_no_wider(operator, Limits(), stored.limits)
    keys = [key async for key in keys_of(services, owner)]
    agents = await _require_settled(services, operator, user, form)
    await note(services, operator, "user.erased", f"user:{user}", None, {"agents": form.agents_to or form.agents})
    await _settle_agents(services, operator, agents, form)
    closed_at = await _close(services, operator, stored, keys)
    removed = await _erase_responses(services, owner, until)
    done = {"responses": removed.number, "keys": len(keys), "agents": len(agents)}
    if not removed.are_all:
        return _answer(user, done, wait=1)
    kept = services.settings.cache_seconds if cache_seconds is None else cache_seconds
    left = max(closed_at + kept - services.clock() if kept else 0, COUNTING if removed.some_ran else 0)
    if left > 0:
        return _answer(user, done, wait=math.ceil(left))
    while await services.personal().erase_others(owner):
        if services.steady() > until:
            return _answer(user, done, wait=1)
    await _forget_decisions(services, operator, user)
    await _settle_agents(services, operator, await _require_settled(services, operator, user, form), form)
    keys = [key async for key in keys_of(services, owner)]
    now = services.clock()
    days = max(services.settings.usage_days, _LONGEST_DAYS)
    await services.personal().erase_account(owner, keys, day_of(now - days * DAY), day_of(now))
    return _answer(user, done)


def _answer(user: str, done: Document, *, wait: int = 0) -> Document:
    return {"id": user, "result": "in_progress" if wait else "erased", **done, "wait_seconds": wait}


async def _require_settled(services: Services, operator: Operator, user: str, form: EraseForm) -> list[Agent]:
    """Return the user's agents, deleted ones included, if the form has what to do with them.

    Raises:
        ApiError: it has not, or the user decides on calls of tools of others' agents.
    """
    tenant = operator.tenant
    gone = [each.agent async for each in all_deleted_agents(services, tenant) if each.agent.author == user]
    agents = [agent async for agent in all_agents(services, tenant)]
    theirs = [agent for agent in agents if agent.author == user]
    deciding = [agent.id for agent in agents if agent.author != user and _decides(user, agent)]
    if deciding:
        raise refuse(f"User {user} decides on calls of tools of {_named(deciding)}: name somebody else there first.")
    if form.agents is not None and form.agents_to is not None:
        raise ApiError("invalid_value", "`agents_to`: The agents are to be deleted.", param="agents_to")
    is_said = form.agents is not None or form.agents_to is not None
    if is_said or gone:
        operator.require("agents", write=True)
    if theirs and not is_said:
        raise refuse(
            f"User {user} is the author of {_named([agent.id for agent in theirs])}: give them to another user, or "
            "delete them, too.",
            "agents",
        )
    if form.agents_to is not None:
        await find_account(services, tenant, form.agents_to, "agents_to")
        if form.agents_to == user:
            raise ApiError("invalid_value", "`agents_to`: This is the user to erase.", param="agents_to")
    return [*theirs, *gone]


def _decides(user: str, agent: Agent) -> bool:
    return any(tool.approval == f"user:{user}" for server in agent.servers for tool in server.tools)


def _named(agents: list[str]) -> str:
    return f"{count(len(agents), 'agent')} ({some(agents)})"


async def _settle_agents(services: Services, operator: Operator, agents: list[Agent], form: EraseForm) -> None:
    """Move the agents to another author or delete them; those that were deleted before are removed for good."""
    for agent in agents:
        given = form.agents_to is not None and await services.directory.give_agent(
            operator.tenant, agent.id, form.agents_to, operator.actor
        )
        if not given:
            await services.directory.purge_agent(operator.tenant, agent.id, operator.actor)


async def _close(services: Services, operator: Operator, stored: User | None, keys: list[Key]) -> float:
    """Revoke the keys and delete the user, so that its requests are refused. Return the time since which they are."""
    now = int(services.clock())
    for key in keys:
        if key.revoked_at is None:
            await services.keys.revoke(operator.tenant, key.id, now, operator.actor)
    if stored is not None:
        await services.directory.delete(stored, operator.actor)
    return max((key.revoked_at or now for key in keys), default=0)


class _Removed(NamedTuple):
    """What a call did with the responses of a user.

    Attributes:
        number: how many it removed.
        are_all: whether none is left.
        some_ran: whether it ended some. What they used is added to the roll-ups a moment after their ending.
    """

    number: int
    are_all: bool
    some_ran: bool


async def _erase_responses(services: Services, owner: Owner, until: float) -> _Removed:
    """Remove responses until none is left or the time is up; those that run are ended at once."""
    number, some_ran = 0, False
    while services.steady() < until:
        page = await services.responses.some(owner, _PAGE, 0)
        if not page.records and not page.more:
            return _Removed(number, True, some_ran)
        running = [turn for turn in page.records if not turn.has_ended]
        ended = await asyncio.gather(*(_has_ended(services, turn) for turn in running))
        some_ran = some_ran or bool(running)
        busy = {place_of(turn.id).segment for turn, has_ended in zip(running, ended, strict=True) if not has_ended}
        free = [turn.id for turn in page.records if place_of(turn.id).segment not in busy]
        if busy and not free:
            break
        await services.personal().erase_turns(owner, free)
        number += len(free)
    return _Removed(number, False, some_ran)


async def _has_ended(services: Services, turn: StoredResponse) -> bool:
    """End a response that runs. Return whether it has ended, or is not there any more."""
    running = await services.responses.get(turn.owner, turn.id, services.clock())
    ended = running if running is None or running.has_ended else await stop(services, running)
    return ended is None or ended.has_ended


async def _forget_decisions(services: Services, operator: Operator, user: str) -> None:
    """Take the user out of approvals of others: those that it decided on, and those that wait for it."""
    name, nobody = f"user:{user}", f"user:{ERASED}"
    async for approval in all_pending(services, operator.tenant):
        if approval.by == name:
            await _deny(services, operator, replace(approval, by=nobody))
    async for approval in _decided(services, operator.tenant, user):
        if approval.decided_by == user:
            by = nobody if approval.by == name else approval.by
            unnamed = replace(approval, by=by, decided_by=ERASED, revision=approval.revision + 1)
            await services.approvals.save(unnamed)


async def _deny(services: Services, operator: Operator, approval: Approval) -> None:
    """Deny a call that nobody can decide on any more."""
    reason, now = "Whoever was to decide on this call is gone.", services.clock()
    if approval.expires_at > now:
        await decide(services, approval, approve=False, by=operator.actor, reason=reason)
    else:
        denied = decided(approval, approve=False, by=operator.actor.user, reason=reason, now=now)
        await services.approvals.save(denied)


async def _decided(services: Services, tenant: str, user: str) -> AsyncIterator[Approval]:
    """Yield the approvals on which a user decided, as the audit log has them."""
    async for entry in audit_entries(services, tenant, AuditFilter(actor=user, kind="approval")):
        approval = await services.approvals.get(tenant, entry.target.removeprefix("approval:"))
        if approval is not None:
            yield approval
