"""`antiphon users|roles|groups delete`: nothing that a deleted user, role or group held may come back with its name."""

from __future__ import annotations

import dataclasses
from argparse import Namespace

from antiphon.access.roles import built_in
from antiphon.records import Group, Role, User
from cli.output import Output, Refused
from cli.session import Session, absent


async def user(session: Session, args: Namespace) -> Output:
    """Revoke a user's keys, then delete it with its grants. An author stays: an agent's author never changes."""
    known = [record.id for record in await session.directory.list_users(session.tenant)]
    if args.id not in known:
        raise absent("user", args.id, known, "see `antiphon users list`")
    written = [agent.id for agent in await session.directory.list_agents(session.tenant) if agent.author == args.id]
    if written:
        raise Refused(f"user {args.id} is the author of {_agents(written)}: delete them first")
    keys = [key for key in await session.keys.list(session.tenant) if key.user == args.id and key.revoked_at is None]
    for key in keys:
        await session.keys.revoke(session.tenant, key.id, session.now)
    await session.directory.delete(User(session.tenant, args.id))
    revoked = [key.id for key in keys]
    return Output(
        {"id": args.id, "result": "deleted", "revoked_keys": revoked},
        f"deleted  {args.id}",
        (f"revoked {_count(len(revoked), 'key')}: {', '.join(revoked)}",) if revoked else (),
    )


async def role(session: Session, args: Namespace) -> Output:
    """Delete a role with its grants. One that users have stays; a built-in one goes back to what it was."""
    role = await session.role(args.id)
    users = [record.id for record in await session.directory.list_users(session.tenant) if record.role == role.id]
    builtin = built_in(session.tenant).get(role.id)
    if builtin == role:
        raise Refused(f"role {role.id} is built in and always exists")
    if users and builtin is None:
        raise Refused(
            f"role {role.id} is held by {_count(len(users), 'user')} ({_some(users)}): "
            f"choose another with `antiphon users put {users[0]} --role ROLE` first"
        )
    if builtin is None:
        await session.directory.delete(Role(session.tenant, role.id))
        return _deleted(role.id)
    await session.directory.put(builtin)
    return Output({"id": role.id, "result": "reset"}, f"reset  {role.id}", (f"{role.id} is as it was built in again",))


async def group(session: Session, args: Namespace) -> Output:
    """Take all users out of a group, then delete it with its grants."""
    group = await session.group(args.id)
    users = [record for record in await session.directory.list_users(session.tenant) if group.id in record.groups]
    for record in users:
        groups = tuple(name for name in record.groups if name != group.id)
        await session.directory.put(dataclasses.replace(record, groups=groups))
    await session.directory.delete(Group(session.tenant, group.id))
    left = [record.id for record in users]
    return Output(
        {"id": group.id, "result": "deleted", "left": left},
        f"deleted  {group.id}",
        (f"{_count(len(left), 'user')} left it: {_some(left)}",) if left else (),
    )


def _deleted(id: str) -> Output:
    return Output({"id": id, "result": "deleted"}, f"deleted  {id}")


def _agents(ids: list[str]) -> str:
    return f"agent {ids[0]}" if len(ids) == 1 else f"{len(ids)} agents ({_some(ids)})"


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")  # noqa: PLR2004 (enough to recognise)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
