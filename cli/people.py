"""`antiphon users`, `roles`, `groups` and `tenants`: create, change, list, show and delete them.

`put` on an existing record changes what the options name and keeps the rest.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import Any

from antiphon.access.rights import ALL
from antiphon.manage import people, removal, tenants, user_limits
from antiphon.manage.forms import GroupForm, RoleForm, UserForm
from antiphon.manage.limits import LimitsDocument
from antiphon.manage.refusals import check_id
from antiphon.manage.removal import count, some
from cli import files, fitting
from cli.budgets import is_to_change, read_budget
from cli.explaining import filled
from cli.limits import read_limits
from cli.output import Output, Refused
from cli.session import Session
from cli.tables import columns, table


async def put_user(session: Session, args: Namespace) -> Output:
    """Store a user; its role and groups must exist."""
    groups = [] if args.no_groups else args.group
    form = filled(UserForm, name=args.name, role=args.role, groups=groups)
    user = await people.put_user(session.services, session.operator, args.id, form)
    return Output(user, columns([("user", user["id"]), ("role", user["role"]), ("groups", ",".join(user["groups"]))]))


async def list_users(session: Session, _args: Namespace) -> Output:
    """List the tenant's users."""
    users = await session.listed(people.list_users)
    rows = [(user["id"], user["role"], ",".join(user["groups"]), user["name"]) for user in users]
    return Output(users, table(("ID", "ROLE", "GROUPS", "NAME"), rows))


async def show_user(session: Session, args: Namespace) -> Output:
    """Show a user with its role and the agents it holds grants on."""
    user = await people.show_user(session.services, session.operator, args.id)
    rows = [
        *((name, user[name]) for name in ("id", "name", "role")),
        *((name, ", ".join(user[name])) for name in ("groups", "permissions", "manage")),
        *((f"limit {name}", f"{most:g}") for name, most in user["limits"].items()),
        *((f"used {name}", f"{amount:g}") for name, amount in (user["used"] or {}).items() if amount is not None),
        *((f"agent {agent}", level) for agent, level in user["agents"].items()),
    ]
    notes = ("the user may use more agents than these",) if user["has_more_agents"] else ()
    return Output(user, columns(rows), notes)


async def limit_user(session: Session, args: Namespace) -> Output:
    """Set the limits of a user, in the place of the earlier ones; without an option show them."""
    given = read_budget(args).model_dump(exclude_none=True)
    if is_to_change(args, is_set=bool(given) or args.limits is not None):
        limits = (_limits(session, args.limits) if args.limits else LimitsDocument()).model_copy(update=given)
        found = await user_limits.put_user_limits(session.services, session.operator, args.id, limits)
    else:
        found = await user_limits.show_user_limits(session.services, session.operator, args.id)
    if not found["limits"]:
        return Output(found, f"{args.id} has no limits of its own")
    return Output(found, files.write(found))


async def delete_user(session: Session, args: Namespace) -> Output:
    """Revoke a user's keys, then delete it with its grants."""
    done = await removal.delete_user(session.services, session.operator, args.id)
    revoked = done["revoked_keys"]
    notes = (f"revoked {count(len(revoked), 'key')}: {', '.join(revoked)}",) if revoked else ()
    return Output(done, f"deleted  {args.id}", notes)


async def put_role(session: Session, args: Namespace) -> Output:
    """Store a role."""
    form = filled(
        RoleForm,
        permissions=[] if args.no_permissions else args.permission,
        manage=[] if args.manage_nothing else sorted(ALL) if args.manage == ["all"] else args.manage,
        limits=_limits(session, args.limits) if args.limits else None,
    )
    role = await people.put_role(session.services, session.operator, args.id, form)
    shown = (("role", role["id"]), *((name, ", ".join(role[name])) for name in ("permissions", "manage") if role[name]))
    return Output(role, columns(shown))


async def list_roles(session: Session, _args: Namespace) -> Output:
    """List the tenant's roles."""
    roles = await session.listed(people.list_roles)
    rows = [
        (role["id"], ", ".join(role["permissions"]), _rights(role["manage"]), "yes" if role["limits"] else "")
        for role in roles
    ]
    return Output(roles, table(("ID", "PERMISSIONS", "MANAGES", "LIMITS"), rows))


async def show_role(session: Session, args: Namespace) -> Output:
    """Show a role with its limits and the users that have it."""
    role = await people.show_role(session.services, session.operator, args.id)
    users = [user["id"] async for user in session.all(people.list_users) if user["role"] == role["id"]]
    data = {**role, "users": users}
    return Output(data, files.write(data))


async def delete_role(session: Session, args: Namespace) -> Output:
    """Delete a role with its grants; a built-in one goes back to what it was."""
    done = await removal.delete_role(session.services, session.operator, args.id)
    notes = () if done["result"] == "deleted" else (f"{args.id} is as it was built in again",)
    return Output(done, f"{done['result']}  {args.id}", notes)


async def put_group(session: Session, args: Namespace) -> Output:
    """Store a group."""
    form = filled(GroupForm, name=args.name)
    group = await people.put_group(session.services, session.operator, args.id, form)
    return Output(group, columns([("group", group["id"]), ("name", group["name"])]))


async def list_groups(session: Session, _args: Namespace) -> Output:
    """List the tenant's groups."""
    groups = await session.listed(people.list_groups)
    return Output(groups, table(("ID", "NAME"), [(group["id"], group["name"]) for group in groups]))


async def delete_group(session: Session, args: Namespace) -> Output:
    """Take all users out of a group, then delete it with its grants."""
    done = await removal.delete_group(session.services, session.operator, args.id)
    left = done["left"]
    notes = (f"{count(len(left), 'user')} left it: {some(left)}",) if left else ()
    return Output(done, f"deleted  {args.id}", notes)


async def put_tenant(session: Session, args: Namespace) -> Output:
    """Store a tenant."""
    limits = _limits(session, args.limits) if args.limits else None
    there = _in_tenant(session, args.id)
    return _tenant(await tenants.put_tenant(there.services, there.operator, limits))


async def show_tenant(session: Session, args: Namespace) -> Output:
    """Show a tenant; one that was never put has no limits of its own."""
    there = _in_tenant(session, args.id or session.tenant)
    return _tenant(await tenants.show_tenant(there.services, there.operator))


def _in_tenant(session: Session, tenant: str) -> Session:
    """Return the session in another tenant: who has credentials for the store reaches all of them."""
    check_id("tenant", tenant)
    operator = session.operator
    return replace(session, operator=replace(operator, actor=replace(operator.actor, tenant=tenant)))


def _limits(session: Session, path: str) -> LimitsDocument:
    limits = read_limits(path)
    problems = list(fitting.absent(limits.providers or (), session.providers, session.providers_are))
    if problems:
        raise Refused(f"{path}: providers: {'; '.join(problems)}")
    return limits


def _tenant(tenant: dict[str, Any]) -> Output:
    return Output(tenant, files.write(tenant))


def _rights(rights: list[str]) -> str:
    return "all" if set(rights) == ALL else ", ".join(rights)
