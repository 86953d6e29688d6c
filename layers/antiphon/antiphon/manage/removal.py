"""Users, roles and groups go: nothing that a deleted one held may come back with its name."""

from __future__ import annotations

from dataclasses import replace

from antiphon.access.roles import built_in
from antiphon.manage.changes import Document
from antiphon.manage.found import find
from antiphon.manage.operator import Operator
from antiphon.manage.people import require_no_wider, require_over_user
from antiphon.manage.refusals import refuse
from antiphon.manage.walks import all_users, keys_of
from antiphon.ports import Services
from antiphon.records import Group, Limits, Owner, Role, User
from antiphon.run.asked import withdraw_of


async def delete_user(services: Services, operator: Operator, user: str) -> Document:
    """Revoke a user's keys, then delete the user with its grants, its limits, and the approvals its calls wait for.

    The author of an agent cannot be deleted. If the user has limits, the right to write limits is needed, too.

    Raises:
        ApiError: there is none, or it cannot go.
    """
    operator.require("people", write=True)
    stored = await find(services, User, operator.tenant, user)
    await require_over_user(services, operator, stored)
    require_no_wider(operator, Limits(), stored.limits)
    held = await services.directory.agents(operator.tenant, [f"user:{user}"])
    written = [agent.id for agent, _ in held if agent.author == user]
    if written:
        raise refuse(f"User {user} is the author of {_agents(written)}: delete them first.")
    now = int(services.clock())
    revoked = [key.id async for key in keys_of(services, Owner(operator.tenant, user)) if key.revoked_at is None]
    for key in revoked:
        await services.keys.revoke(operator.tenant, key, now, operator.actor)
    await services.directory.delete(stored, operator.actor)
    await withdraw_of(services, Owner(operator.tenant, user))
    return {"id": user, "result": "deleted", "revoked_keys": revoked}


async def delete_role(services: Services, operator: Operator, role: str) -> Document:
    """Delete a role with its grants. One that users have stays; a built-in one goes back to what it was.

    Its limits go, too, which needs a right of its own.

    Raises:
        ApiError: there is none, or it cannot go.
    """
    operator.require("people", write=True)
    stored = await find(services, Role, operator.tenant, role)
    operator.require_over(stored)
    builtin = built_in(operator.tenant).get(role)
    if builtin == stored:
        raise refuse(f"Role {role} is built in and always exists.")
    require_no_wider(operator, Limits(), stored.limits)
    if builtin is None:
        users = [user.id async for user in all_users(services, operator.tenant) if user.role == role]
        if users:
            raise refuse(
                f"Role {role} is held by {count(len(users), 'user')} ({some(users)}): assign them another first."
            )
        await services.directory.delete(stored, operator.actor)
        return {"id": role, "result": "deleted"}
    operator.require_over(builtin)
    await services.directory.put(builtin, operator.actor)
    return {"id": role, "result": "reset"}


async def delete_group(services: Services, operator: Operator, group: str) -> Document:
    """Take all users out of a group, then delete it with its grants.

    Raises:
        ApiError: there is none.
    """
    operator.require("people", write=True)
    stored = await find(services, Group, operator.tenant, group)
    users = [user async for user in all_users(services, operator.tenant) if group in user.groups]
    for user in users:
        left = replace(user, groups=tuple(name for name in user.groups if name != group))
        await services.directory.put(left, operator.actor)
    await services.directory.delete(stored, operator.actor)
    return {"id": group, "result": "deleted", "left": [user.id for user in users]}


def _agents(ids: list[str]) -> str:
    return f"agent {ids[0]}" if len(ids) == 1 else f"{len(ids)} agents ({some(ids)})"


def some(ids: list[str]) -> str:
    """Return the first few of some ids, for a message."""
    return ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")  # noqa: PLR2004 (enough to recognise)


def count(number: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{number} {what}" + ("" if number == 1 else "s")
