"""`antiphon keys`: create, list and revoke API keys. The key itself is printed once, when it is created."""

from __future__ import annotations

import re
from argparse import Namespace
from typing import Any, Final

from antiphon.access.grants import VIEW, principals_of
from antiphon.access.roles import USE
from antiphon.manage import keys
from antiphon.manage.forms import KeyForm
from antiphon.manage.found import KEY_ID, find_account
from antiphon.records import Account
from cli.budgets import is_to_change, read_budget
from cli.explaining import filled
from cli.output import Output, Refused, moment
from cli.session import Session
from cli.tables import table
from cli.times import expiry

SHORTEST: Final = 4
"""The fewest characters of an id, after ``key_``, that can mean a key."""

_HEADER = ("ID", "KEY", "USER", "STATE", "CREATED", "EXPIRES", "LAST USED", "SCOPE", "NAME")


async def create(session: Session, args: Namespace) -> Output:
    """Create a key and print it, once."""
    form = filled(
        KeyForm,
        user=args.user,
        name=args.name,
        expires_at=expiry(args.expires, session.now) if args.expires else None,
        agents=args.agent or None,
        read_only=args.read_only,
        management=args.management,
        limits=read_budget(args),
    )
    text, key = await keys.create_key(session.services, session.operator, form)
    shown = f"this is {key['id']}; it is shown this once, so keep it now"
    return Output({"key": text, **key}, text, (shown, *await _hints(session, args.user, manages=args.management)))


async def list_keys(session: Session, args: Namespace) -> Output:
    """List the tenant's keys."""
    shown = await session.listed(keys.list_keys, user=args.user)
    return Output(shown, table(_HEADER, [_row(key) for key in shown]))


async def limit(session: Session, args: Namespace) -> Output:
    """Set the limits of a key, in the place of its earlier ones; without an option show them."""
    found, budget = await _id_of(session, args.id), read_budget(args)
    if is_to_change(args, is_set=bool(budget.model_dump(exclude_none=True))):
        key = await keys.limit_key(session.services, session.operator, found, budget)
    else:
        key = await keys.show_key(session.services, session.operator, found)
    limits = ", ".join(f"{name} {value:,}" for name, value in key["limits"].items()) or "no limits of its own"
    return Output(key, f"{key['id']} of user {key['user']} has {limits}")


async def revoke(session: Session, args: Namespace) -> Output:
    """Revoke a key; a key that is revoked already stays as it is."""
    found = await _id_of(session, args.id)
    key = await keys.revoke_key(session.services, session.operator, found)
    seconds = session.cache_seconds
    note = f"a function that has just read it may still take it for up to {seconds} seconds"
    text = f"{key['id']} of user {key['user']} is revoked since {moment(key['revoked_at'])}"
    return Output(key, text, (note,) if seconds else ())


async def _id_of(session: Session, text: str) -> str:
    """Return the id of the key that a text means. All keys are read only if it is not an id itself."""
    return text if re.fullmatch(KEY_ID, text) else found_id(text, await session.listed(keys.list_keys))


def found_id(text: str, listed: list[dict[str, Any]]) -> str:
    """Return the id of the one key that a text means: its id, the beginning of that, or the KEY of ``keys list``.

    Raises:
        Refused: it means several, or is too short to mean one.
    """
    begin = text.removeprefix("key_")
    found = [key for key in listed if text.removesuffix("...") == key["prefix"]]
    if len(begin) >= SHORTEST:
        found += [key for key in listed if key["id"].removeprefix("key_").startswith(begin)]
    if len(found) > 1:
        named = ", ".join(f"{key['id']} of user {key['user']}" for key in found[:5])
        raise Refused(f"{text} means {len(found)} keys: {named}{', ...' if len(found) > 5 else ''}")  # noqa: PLR2004
    if not found and len(begin) < SHORTEST:
        raise Refused(f"there is no key {text!r}: see `antiphon keys list`")
    return found[0]["id"] if found else text


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    flags = [name for name, flag in (("read-only", "read_only"), ("management", "management")) if key[flag]]
    times = (moment(key[name]) for name in ("created_at", "expires_at", "last_used_at"))
    scope = ",".join([*(key["agents"] or ()), *flags, *(["limits"] if key["limits"] else [])])
    return (key["id"], key["prefix"] + "...", key["user"], key["state"], *times, scope, key["name"])


async def _hints(session: Session, user: str, *, manages: bool) -> list[str]:
    """Return what the new key still lacks for its first request."""
    account = await find_account(session.services, session.tenant, user)
    hints = [f"the API's base URL is {session.api_url}/v1"] if session.api_url else []
    return [*hints, *(_rights(account) if manages else await _uses(session, account))]


def _rights(account: Account) -> list[str]:
    role, user = account.role.id, account.user.id
    if account.role.manage:
        return []
    advice = f"antiphon roles put ROLE --manage all, and antiphon users put {user} --role ROLE"
    return [f"role {role} manages nothing, so every request is refused: {advice}"]


async def _uses(session: Session, account: Account) -> list[str]:
    role, user = account.role, account.user
    hints = []
    if USE not in role.remote_agents:
        hints.append(
            f"role {role.id} lacks {USE}, so every request is refused: choose a role with "
            f"`antiphon roles put ROLE --permission {USE}` and `antiphon users put {user.id} --role ROLE`"
        )
    seen = await session.services.directory.agents(session.tenant, principals_of(user))
    if not any(bits & VIEW for _, bits in seen):
        hints.append(f"user {user.id} may use no agent yet: antiphon grants add AGENT user:{user.id} viewer")
    return hints
