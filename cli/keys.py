"""`antiphon keys`: make, list and revoke API keys. The key itself is shown once, when it is made."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from antiphon.access.decide import key_state
from antiphon.access.grants import VIEW, principals_of
from antiphon.access.keys import make_key, record
from antiphon.access.roles import USE
from antiphon.records import Account, Key
from cli.answer import Answer, Refused, moment, table
from cli.commands import Commands
from cli.session import Session
from cli.times import expiry


def add(commands: Commands) -> None:
    """Describe the commands."""
    keys = commands.group("keys", "API keys")
    command = keys.command("create", "make a key for a user and print it, once", create)
    command.add_argument("--user", required=True, metavar="U", help="whose key it is")
    command.add_argument("--name", default="", metavar="N", help="what the key is for")
    command.add_argument(
        "--expires", metavar="WHEN", help="a span (90d, 12h, 30m, 2w) or an ISO date; never by default"
    )
    command.add_argument("--agent", action="append", metavar="A", help="only for this agent; repeat for more")
    command.add_argument("--read-only", action="store_true", help="the key can read, and never create")
    command = keys.command("list", "list keys, newest first, revoked and expired ones too", list_keys)
    command.add_argument("--user", metavar="U", help="only the keys of this user")
    command = keys.command("revoke", "end a key, within a minute everywhere", revoke)
    command.add_argument("id", metavar="ID", help="the key's id, as `keys list` shows it")


async def create(session: Session, args: Namespace) -> Answer:
    """Make a key."""
    account = await session.account(args.user)
    for agent in args.agent or ():
        await session.agent(agent)
    text = make_key(session.environment, session.entropy)
    key = record(
        text,
        tenant=session.tenant,
        user=args.user,
        now=session.now,
        name=args.name,
        expires_at=expiry(args.expires, session.now) if args.expires else None,
        agents=tuple(args.agent) if args.agent else None,
        read_only=args.read_only,
    )
    await session.keys.add(key)
    shown = f"this is {key.id}; it is shown this once, so keep it now"
    return Answer({"key": text, **_shown(key, session.now, None)}, text, (shown, *await _hints(session, account)))


async def list_keys(session: Session, args: Namespace) -> Answer:
    """List the tenant's keys."""
    keys = [key for key in await session.keys.list(session.tenant) if args.user in (None, key.user)]
    used = await session.keys.last_used(session.tenant)
    shown = [_shown(key, session.now, used.get(key.digest)) for key in keys]
    return Answer(shown, table(_HEADER, [_row(key) for key in shown]))


async def revoke(session: Session, args: Namespace) -> Answer:
    """Revoke a key; a key that is revoked already stays as it is."""
    key = await session.keys.revoke(session.tenant, args.id, session.now)
    if key is None:
        raise Refused(f"there is no key {args.id}: see `antiphon keys list`")
    return Answer(
        _shown(key, session.now, None), f"{key.id} of user {key.user} is revoked since {moment(key.revoked_at)}"
    )


_HEADER = ("ID", "KEY", "USER", "STATE", "CREATED", "EXPIRES", "LAST USED", "SCOPE", "NAME")


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    scope = [*(key["agents"] or ()), *(["read-only"] if key["read_only"] else [])]
    times = (moment(key[name]) for name in ("created_at", "expires_at", "last_used_at"))
    return (key["id"], key["prefix"] + "...", key["user"], key["state"], *times, ",".join(scope), key["name"])


def _shown(key: Key, now: int, used: int | None) -> dict[str, Any]:
    """Say all of a key but its digest."""
    return {
        "id": key.id,
        "user": key.user,
        "name": key.name,
        "prefix": key.prefix,
        "state": (key_state(key, now).code or "key_active").removeprefix("key_"),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": used,
        "agents": None if key.agents is None else list(key.agents),
        "read_only": key.read_only,
    }


async def _hints(session: Session, account: Account) -> list[str]:
    """Say what still stands between the new key and its first response."""
    user, role = account.user, account.role
    hints = [f"the API's base URL is {session.api_url}/v1"] if session.api_url else []
    if USE not in role.remote_agents:
        hints.append(
            f"role {role.id} lacks {USE}, so every request is refused: choose a role with "
            f"`antiphon roles put ROLE --permission {USE}` and `antiphon users put {user.id} --role ROLE`"
        )
    seen = await session.directory.agents(session.tenant, principals_of(user))
    if not any(bits & VIEW for _, bits in seen):
        hints.append(f"user {user.id} may use no agent yet: antiphon grants add AGENT user:{user.id} viewer")
    return hints
