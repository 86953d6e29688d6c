"""Users, roles and groups. ``put`` on what exists changes what is named and keeps the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from antiphon.access.configuration import is_within
from antiphon.access.grants import level_of, principals_of
from antiphon.access.rights import in_order
from antiphon.access.roles import DEFAULT, PERMISSIONS, built_in
from antiphon.manage.allowance import allowance
from antiphon.manage.changes import Document
from antiphon.manage.forms import GroupForm, RoleForm, UserForm
from antiphon.manage.found import find, find_account
from antiphon.manage.limits import check_providers, write_limits
from antiphon.manage.operator import Operator
from antiphon.manage.pages import shown
from antiphon.manage.refusals import check_id
from antiphon.ports import Page, Services
from antiphon.records import Group, Limits, Role, User

AGENTS_SHOWN: Final = 50
"""How many agents are shown with a user: every public agent is one of them."""


async def list_users(services: Services, operator: Operator, *, limit: int, after: str = "") -> Page[Document]:
    """List users by id."""
    operator.require("people")
    return shown(await services.directory.some(User, operator.tenant, limit, after=after), user_document)


async def show_user(services: Services, operator: Operator, user: str) -> Document:
    """Return a user with its permissions, rights, limits, use and the first agents it holds grants on.

    Raises:
        NotFound: there is no such user, or no such role.
    """
    operator.require("people")
    account = await find_account(services, operator.tenant, user)
    agents = await services.directory.agents(operator.tenant, principals_of(account.user), AGENTS_SHOWN + 1)
    return {
        **user_document(account.user),
        "permissions": permissions_of(account.role),
        "manage": in_order(account.role.manage),
        **await allowance(services, operator, account),
        "own_limits": write_limits(account.user.limits),
        "agents": {agent.id: level_of(bits) for agent, bits in agents[:AGENTS_SHOWN]},
        "has_more_agents": len(agents) > AGENTS_SHOWN,
    }


async def put_user(services: Services, operator: Operator, user: str, form: UserForm) -> Document:
    """Create or change a user. Its role and groups must exist.

    An operator can neither assign a role that may do more than the operator, nor change a user who has one. A role or
    groups can bring grants on agents, and a role other limits; changing them needs the rights for these.

    Raises:
        ApiError: it cannot be done.
    """
    operator.require("people", write=True)
    check_id("user", user)
    stored = await services.directory.find(User, operator.tenant, user)
    if stored is not None:
        await require_over_user(services, operator, stored)
    changed = stored or User(operator.tenant, user, role=DEFAULT)
    role = await find(services, Role, operator.tenant, form.role or changed.role, "role")
    operator.require_over(role)
    groups = changed.groups if form.groups is None else tuple(dict.fromkeys(form.groups))
    for group in form.groups or ():
        await find(services, Group, operator.tenant, group, "groups")
    if (role.id, set(groups)) != (changed.role, set(changed.groups)):
        operator.require("agents", write=True)
    former = role if role.id == changed.role else await services.directory.find(Role, operator.tenant, changed.role)
    if former is not None:
        require_no_wider(operator, role.limits, former.limits)
    name = changed.name if form.name is None else form.name
    changed = replace(changed, name=name, role=role.id, groups=groups)
    await services.directory.put(changed, operator.actor)
    return user_document(changed)


async def list_roles(services: Services, operator: Operator, *, limit: int, after: str = "") -> Page[Document]:
    """List roles by id, the built-in ones too."""
    operator.require("people")
    return shown(await services.directory.some(Role, operator.tenant, limit, after=after), role_document)


async def show_role(services: Services, operator: Operator, role: str) -> Document:
    """Return a role.

    Raises:
        NotFound: there is none.
    """
    operator.require("people")
    return role_document(await find(services, Role, operator.tenant, role))


async def put_role(services: Services, operator: Operator, role: str, form: RoleForm) -> Document:
    """Create or change a role.

    Nobody makes a role that may more than they may, or changes one that does. Its limits need a right of their own.

    Raises:
        ApiError: it cannot be done.
    """
    operator.require("people", write=True)
    check_id("role", role)
    stored = await services.directory.find(Role, operator.tenant, role)
    changed = stored or Role(operator.tenant, role)
    operator.require_over(changed)
    if form.limits is not None:
        operator.require("limits", write=True)
        check_providers(services, form.limits)
        changed = replace(changed, limits=form.limits.limits())
    if form.permissions is not None:
        changed = replace(changed, remote_agents=frozenset(form.permissions))
    if form.manage is not None:
        changed = replace(changed, manage=frozenset(form.manage))
    operator.require_over(changed)
    await services.directory.put(changed, operator.actor)
    return role_document(changed)


async def list_groups(services: Services, operator: Operator, *, limit: int, after: str = "") -> Page[Document]:
    """List groups by id."""
    operator.require("people")
    return shown(await services.directory.some(Group, operator.tenant, limit, after=after), group_document)


async def show_group(services: Services, operator: Operator, group: str) -> Document:
    """Return a group.

    Raises:
        NotFound: there is none.
    """
    operator.require("people")
    return group_document(await find(services, Group, operator.tenant, group))


async def put_group(services: Services, operator: Operator, group: str, form: GroupForm) -> Document:
    """Create or rename a group."""
    operator.require("people", write=True)
    check_id("group", group)
    stored = await services.directory.find(Group, operator.tenant, group)
    changed = stored or Group(operator.tenant, group)
    changed = changed if form.name is None else replace(changed, name=form.name)
    await services.directory.put(changed, operator.actor)
    return group_document(changed)


def user_document(user: User) -> Document:
    """Return a user as it is shown."""
    return {"id": user.id, "name": user.name, "role": user.role, "groups": list(user.groups)}


def role_document(role: Role) -> Document:
    """Return a role as it is shown."""
    return {
        "id": role.id,
        "permissions": permissions_of(role),
        "manage": in_order(role.manage),
        "limits": write_limits(role.limits),
        "built_in": role.id in built_in(role.tenant),
    }


def group_document(group: Group) -> Document:
    """Return a group as it is shown."""
    return {"id": group.id, "name": group.name}


def permissions_of(role: Role) -> list[str]:
    """Return the permissions of a role in their usual order."""
    return [name for name in PERMISSIONS if name in role.remote_agents]


def require_no_wider(operator: Operator, limits: Limits, former: Limits) -> None:
    """Check that limits in the place of others allow no more, unless the operator may change limits.

    Raises:
        ApiError: 403.
    """
    if not is_within(limits, former):
        operator.require("limits", write=True)


async def require_over_user(services: Services, operator: Operator, user: User) -> None:
    """Check that a user may nothing that the operator may not.

    Raises:
        ApiError: 403.
    """
    role = await services.directory.find(Role, user.tenant, user.role)
    if role is not None:
        operator.require_over(role)
