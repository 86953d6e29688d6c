"""`antiphon keys`: create, list and revoke API keys. The key itself is printed once, when it is created."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Final

from antiphon.access.decide import key_state
from antiphon.access.grants import VIEW, principals_of
from antiphon.access.keys import make_key, record
from antiphon.access.roles import USE
from antiphon.records import Account, Key
from cli.output import Output, Refused, moment
from cli.session import Session
from cli.tables import table
from cli.times import expiry


async def create(session: Session, args: Namespace) -> Output:
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
    return Output({"key": text, **_shown(key, session.now, None)}, text, (shown, *await _hints(session, account)))


async def list_keys(session: Session, args: Namespace) -> Output:
    """List the tenant's keys."""
    keys = [key for key in await session.keys.list(session.tenant) if args.user in (None, key.user)]
    used = await session.keys.last_used(session.tenant)
    shown = [_shown(key, session.now, used.get(key.digest)) for key in keys]
    return Output(shown, table(_HEADER, [_row(key) for key in shown]))


async def revoke(session: Session, args: Namespace) -> Output:
    """Revoke a key; a key that is revoked already stays as it is."""
    found = _found(args.id, await session.keys.list(session.tenant))
    key = await session.keys.revoke(session.tenant, found, session.now)
    if key is None:
        raise Refused(f"there is no key {args.id}: see `antiphon keys list`")
    seconds = session.cache_seconds
    note = f"a function that has just read it may still take it for up to {seconds} seconds"
    text = f"{key.id} of user {key.user} is revoked since {moment(key.revoked_at)}"
    return Output(_shown(key, session.now, None), text, (note,) if seconds else ())


def _found(text: str, keys: list[Key]) -> str:
    """Return the id of the one key that a text means: its id, the beginning of that, or the KEY of ``keys list``.

    Raises:
        Refused: it means several, or is too short to mean one.
    """
    begin = text.removeprefix("key_")
    found = [key for key in keys if text.removesuffix("...") == key.prefix]
    if len(begin) >= SHORTEST:
        found += [key for key in keys if key.id.removeprefix("key_").startswith(begin)]
    if len(found) > 1:
        listed = ", ".join(f"{key.id} of user {key.user}" for key in found[:5])
        raise Refused(f"{text} means {len(found)} keys: {listed}{', ...' if len(found) > 5 else ''}")  # noqa: PLR2004
    if not found and len(begin) < SHORTEST:
        raise Refused(f"there is no key {text!r}: see `antiphon keys list`")
    return found[0].id if found else text


SHORTEST: Final = 4
"""The fewest characters of an id, after ``key_``, that can mean a key."""

_HEADER = ("ID", "KEY", "USER", "STATE", "CREATED", "EXPIRES", "LAST USED", "SCOPE", "NAME")


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    scope = [*(key["agents"] or ()), *(["read-only"] if key["read_only"] else [])]
    times = (moment(key[name]) for name in ("created_at", "expires_at", "last_used_at"))
    return (key["id"], key["prefix"] + "...", key["user"], key["state"], *times, ",".join(scope), key["name"])


def _shown(key: Key, now: int, used: int | None) -> dict[str, Any]:
    """Return all fields of a key but its digest."""
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
    """Return what the new key still lacks for its first response."""
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
