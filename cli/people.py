"""`antiphon users`, `roles`, `groups` and `tenants`: create, change, list and show them.

`put` on an existing record changes what the options name and keeps the rest.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from typing import Any

from antiphon.access.grants import level_of, principals_of
from antiphon.access.roles import PERMISSIONS
from antiphon.records import Group, Limits, Role, Tenant, User
from cli import files, fitting
from cli.limits import read_limits, write_limits
from cli.output import Output, Refused
from cli.session import Session, check_id
from cli.tables import columns, table


async def put_user(session: Session, args: Namespace) -> Output:
    """Store a user; its role and groups must exist."""
    check_id("user", args.id)
    stored = {user.id: user for user in await session.directory.list_users(session.tenant)}
    user = stored.get(args.id) or User(session.tenant, args.id)
    role = await session.role(args.role or user.role)
    groups = user.groups if args.group is None else tuple(dict.fromkeys(args.group))
    for group in args.group or ():
        await session.group(group)
    name = user.name if args.name is None else args.name
    user = dataclasses.replace(user, name=name, role=role.id, groups=() if args.no_groups else groups)
    await session.directory.put(user)
    return Output(_user(user), columns([("user", user.id), ("role", user.role), ("groups", ",".join(user.groups))]))


async def list_users(session: Session, _args: Namespace) -> Output:
    """List the tenant's users."""
    users = await session.directory.list_users(session.tenant)
    rows = [(user.id, user.role, ",".join(user.groups), user.name) for user in users]
    return Output([_user(user) for user in users], table(("ID", "ROLE", "GROUPS", "NAME"), rows))


async def show_user(session: Session, args: Namespace) -> Output:
    """Show a user with its role and the agents it holds grants on."""
    account = await session.account(args.id)
    agents = await session.directory.agents(session.tenant, principals_of(account.user))
    permissions = [name for name in PERMISSIONS if name in account.role.remote_agents]
    levels = {agent.id: level_of(bits) for agent, bits in agents}
    rows = [
        *((name, str(value)) for name, value in _user(account.user).items() if name != "groups"),
        ("groups", ", ".join(account.user.groups)),
        ("permissions", ", ".join(permissions)),
        *((f"agent {agent}", level) for agent, level in levels.items()),
    ]
    return Output({**_user(account.user), "permissions": permissions, "agents": levels}, columns(rows))


async def put_role(session: Session, args: Namespace) -> Output:
    """Store a role."""
    check_id("role", args.id)
    stored = {role.id: role for role in await session.directory.list_roles(session.tenant)}
    role = stored.get(args.id) or Role(session.tenant, args.id)
    held = role.remote_agents if args.permission is None else frozenset(args.permission)
    limits = _limits(session, args.limits) if args.limits else role.limits
    role = dataclasses.replace(role, remote_agents=frozenset() if args.no_permissions else held, limits=limits)
    await session.directory.put(role)
    data = _role(role)
    return Output(data, columns([("role", role.id), ("permissions", ", ".join(data["permissions"]))]))


async def list_roles(session: Session, _args: Namespace) -> Output:
    """List the tenant's roles."""
    roles = [_role(role) for role in await session.directory.list_roles(session.tenant)]
    rows = [(role["id"], ", ".join(role["permissions"]), "yes" if role["limits"] else "") for role in roles]
    return Output(roles, table(("ID", "PERMISSIONS", "LIMITS"), rows))


async def show_role(session: Session, args: Namespace) -> Output:
    """Show a role with its limits and the users that have it."""
    role = await session.role(args.id)
    users = [user.id for user in await session.directory.list_users(session.tenant) if user.role == role.id]
    data = {**_role(role), "users": users}
    return Output(data, files.write(data))


async def put_group(session: Session, args: Namespace) -> Output:
    """Store a group."""
    check_id("group", args.id)
    stored = {group.id: group for group in await session.directory.list_groups(session.tenant)}
    group = stored.get(args.id) or Group(session.tenant, args.id)
    group = group if args.name is None else dataclasses.replace(group, name=args.name)
    await session.directory.put(group)
    return Output({"id": group.id, "name": group.name}, columns([("group", group.id), ("name", group.name)]))


async def list_groups(session: Session, _args: Namespace) -> Output:
    """List the tenant's groups."""
    groups = await session.directory.list_groups(session.tenant)
    data = [{"id": group.id, "name": group.name} for group in groups]
    return Output(data, table(("ID", "NAME"), [(group.id, group.name) for group in groups]))


async def put_tenant(session: Session, args: Namespace) -> Output:
    """Store a tenant."""
    tenant = await session.directory.get_tenant(check_id("tenant", args.id))
    tenant = dataclasses.replace(tenant, limits=_limits(session, args.limits)) if args.limits else tenant
    await session.directory.put(tenant)
    return _tenant(tenant)


async def show_tenant(session: Session, args: Namespace) -> Output:
    """Show a tenant; one that was never put has no limits of its own."""
    return _tenant(await session.directory.get_tenant(check_id("tenant", args.id or session.tenant)))


def _limits(session: Session, path: str) -> Limits:
    limits = read_limits(path)
    problems = list(fitting.absent(limits.providers or (), session.providers, session.providers_are))
    if problems:
        raise Refused(f"{path}: providers: {'; '.join(problems)}")
    return limits


def _tenant(tenant: Tenant) -> Output:
    data = {"id": tenant.id, "limits": write_limits(tenant.limits)}
    return Output(data, files.write(data))


def _user(user: User) -> dict[str, Any]:
    return {"id": user.id, "name": user.name, "role": user.role, "groups": list(user.groups)}


def _role(role: Role) -> dict[str, Any]:
    permissions = [name for name in PERMISSIONS if name in role.remote_agents]
    return {"id": role.id, "permissions": permissions, "limits": write_limits(role.limits)}
