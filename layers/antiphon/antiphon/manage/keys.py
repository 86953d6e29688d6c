"""API keys: make, list and revoke them. The key itself is returned once, when it is made."""

from __future__ import annotations

from typing import Final

from antiphon.access.decide import key_state
from antiphon.access.keys import make_key, make_management_key, record
from antiphon.errors import ApiError
from antiphon.manage.budgets import BudgetDocument, write_budget
from antiphon.manage.changes import Document
from antiphon.manage.forms import KeyForm
from antiphon.manage.found import find, find_account, find_key
from antiphon.manage.operator import Operator
from antiphon.manage.pages import no_cursor
from antiphon.manage.refusals import NotFound, check_id
from antiphon.ports import Page, Services
from antiphon.records import NO_BUDGET, Agent, Key, Role

MAX_OWN: Final = 50
"""How many usable keys a user may have before they can make no more by themselves."""

_LOOKED_AT: Final = 100


async def list_keys(
    services: Services, operator: Operator, *, limit: int, after: str | None = None, user: str | None = None
) -> Page[Document]:
    """List keys, newest first, revoked and expired ones too.

    Args:
        services: the adapters.
        operator: who asks: with the right to read keys, or a user about their own.
        limit: the most keys.
        after: the id of the key that they follow; None for the newest.
        user: only the keys of this user.
    """
    if user is None or not operator.is_user(user):
        operator.require("keys")
    if user is not None:
        check_id("user", user)
    last = None if after is None else await _cursor(services, operator, after, user)
    page = await services.keys.some(operator.tenant, limit, user=user, after=last)
    used = await services.keys.last_used(operator.tenant, [key.digest for key in page.records])
    now = services.clock()
    return Page([key_document(key, now, used.get(key.digest)) for key in page.records], page.more)


async def show_key(services: Services, operator: Operator, key_id: str) -> Document:
    """Return a key; one of others only with the right to read keys.

    Raises:
        NotFound: there is no such key for this operator.
    """
    key = await _found(services, operator, key_id, write=False)
    used = await services.keys.last_used(operator.tenant, [key.digest])
    return key_document(key, services.clock(), used.get(key.digest))


async def create_key(services: Services, operator: Operator, form: KeyForm) -> tuple[str, Document]:
    """Make a key. Return it with its document, which does not hold it.

    A user makes ordinary keys of their own with an ordinary key: no key makes one that may more or lasts longer.

    Raises:
        ApiError: the operator may not, or it could not be used.
    """
    user = _whose(operator, form)
    account = await find_account(services, operator.tenant, user, "user")
    if operator.is_user(user) and not operator.may("keys", write=True):
        _require_no_more(operator, form)
        await _require_few(services, operator, user)
    else:
        operator.require("keys", write=True)
        operator.require_over(_reach(account.role, form))
    now = int(services.clock())
    if form.expires_at is not None and form.expires_at <= now:
        raise ApiError("invalid_value", "`expires_at`: This time is past.", param="expires_at")
    for agent in form.agents or ():
        await find(services, Agent, operator.tenant, agent, "agents")
    make = make_management_key if form.management else make_key
    text = make(services.settings.environment, services.entropy)
    key = record(
        text,
        tenant=operator.tenant,
        user=user,
        now=now,
        name=form.name,
        expires_at=form.expires_at,
        agents=None if form.agents is None else tuple(form.agents),
        read_only=form.read_only,
        management=form.management,
        budget=form.limits.budget(),
    )
    await services.keys.add(key, operator.actor)
    return text, key_document(key, now, None)


async def limit_key(services: Services, operator: Operator, key_id: str, limits: BudgetDocument) -> Document:
    """Set what may be used with a key, in the place of its earlier limits.

    Raises:
        NotFound: there is no such key for this operator.
        ApiError: the key is revoked.
    """
    operator.require("keys", write=True)
    found = await find_key(services, operator.tenant, key_id)
    account = await services.directory.account(operator.tenant, found.user)
    if account is not None:
        operator.require_over(account.role)
    key = await services.keys.limit(operator.tenant, key_id, limits.budget(), operator.actor)
    if key is None:
        raise ApiError("invalid_value", f"Key {key_id} is revoked.", param="id")
    return key_document(key, services.clock(), None)


async def revoke_key(services: Services, operator: Operator, key_id: str) -> Document:
    """Revoke a key; one that is revoked already stays as it is.

    Raises:
        NotFound: there is no such key for this operator.
    """
    found = await _found(services, operator, key_id, write=True)
    if not operator.is_user(found.user):
        account = await services.directory.account(operator.tenant, found.user)
        if account is not None:
            operator.require_over(account.role)
    now = int(services.clock())
    key = await services.keys.revoke(operator.tenant, key_id, now, operator.actor)
    if key is None:
        raise NotFound("key", key_id)
    return key_document(key, now, None)


def key_document(key: Key, now: float, used: int | None) -> Document:
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
        "management": key.management,
        "limits": write_budget(key.budget),
    }


async def _cursor(services: Services, operator: Operator, after: str, user: str | None) -> Key:
    try:
        key = await find_key(services, operator.tenant, after)
    except NotFound:
        raise no_cursor() from None
    if user not in {None, key.user}:
        raise no_cursor()
    return key


async def _found(services: Services, operator: Operator, key_id: str, *, write: bool) -> Key:
    """Read a key that the operator may see or change. To a user, keys of others do not exist."""
    if operator.principal is None:
        operator.require("keys", write=write)
    key = await find_key(services, operator.tenant, key_id)
    if operator.principal is not None and not operator.is_user(key.user):
        raise NotFound("key", key_id)
    if write and operator.key is not None and operator.key.read_only:
        raise ApiError("read_only_key")
    return key


def _whose(operator: Operator, form: KeyForm) -> str:
    if form.user is not None:
        return form.user
    if operator.principal is None:
        raise ApiError("missing_required_parameter", "`user`: Whose key it is must be named.", param="user")
    return operator.principal.user


def _reach(role: Role, form: KeyForm) -> Role:
    """Return what a key of this role can do: to manage, or to call agents."""
    if form.management:
        return role
    return Role(role.tenant, role.id, role.remote_agents)


def _require_no_more(operator: Operator, form: KeyForm) -> None:
    """Check that a key that a user makes with a key of theirs may no more than that one."""
    made_with = operator.key
    if made_with is None or made_with.read_only:
        raise ApiError("read_only_key")
    if form.management:
        raise ApiError("permission_denied", "A management key is made by an administrator.", param="management")
    if made_with.budget != NO_BUDGET:
        raise ApiError("permission_denied", "Your key has limits, and no other can be made with it.")
    if made_with.agents is not None and not set(form.agents or ("",)) <= set(made_with.agents):
        raise ApiError("permission_denied", "Your key is limited to some agents: name some of them.", param="agents")
    if made_with.expires_at is not None and (form.expires_at or made_with.expires_at + 1) > made_with.expires_at:
        raise ApiError(
            "permission_denied", "Your key expires, and no key made with it may last longer.", param="expires_at"
        )


async def _require_few(services: Services, operator: Operator, user: str) -> None:
    page = await services.keys.some(operator.tenant, _LOOKED_AT, user=user)
    now = services.clock()
    usable = sum(key_state(key, now).allowed for key in page.records)
    if usable >= MAX_OWN:
        raise ApiError(
            "out_of_range", f"You have {usable} usable keys, and may have {MAX_OWN}. Revoke one.", complete=True
        )
