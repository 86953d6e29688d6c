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
from antiphon.manage.pages import MAX_PAGE, no_cursor, sift
from antiphon.manage.reach import exists_for, require_makes_keys, require_within
from antiphon.manage.refusals import NotFound, check_id
from antiphon.ports import Page, Services
from antiphon.records import NO_BUDGET, Agent, Key, Role
from antiphon.run.models import visible_agents

MAX_OWN: Final = 50
"""How many usable keys a user may have before they can make no more by themselves."""


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

    async def some(last: Key | None) -> Page[Key]:
        return await services.keys.some(operator.tenant, limit, user=user, after=last)

    is_own = operator.principal is not None
    page = await (sift(some, lambda key: exists_for(operator, key), limit, last) if is_own else some(last))
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
    if operator.is_user(user):
        require_makes_keys(operator, form)
        require_within(operator, form)
        await _require_few(services, operator, user)
    else:
        operator.require("keys", write=True)
        require_within(operator, form)
        account = await find_account(services, operator.tenant, user, "user")
        operator.require_over(_reach(account.role, form))
    now = int(services.clock())
    if form.expires_at is not None and form.expires_at <= now:
        raise ApiError("invalid_value", "`expires_at`: This time is past.", param="expires_at")
    if form.management and (form.agents or form.limits.budget() != NO_BUDGET):
        raise ApiError("invalid_value", "`management`: A management key calls no agents.", param="management")
    await _require_agents(services, operator, form)
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
    if user not in {None, key.user} or not exists_for(operator, key):
        raise no_cursor()
    return key


async def _found(services: Services, operator: Operator, key_id: str, *, write: bool) -> Key:
    """Read a key that the operator may see or change."""
    if operator.principal is None:
        operator.require("keys", write=write)
    key = await find_key(services, operator.tenant, key_id)
    if not exists_for(operator, key):
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


async def _require_agents(services: Services, operator: Operator, form: KeyForm) -> None:
    """Check that the agents that a key is limited to exist; for a user those that they may use.

    Raises:
        NotFound: one does not.
    """
    visible = None
    if operator.principal is not None and form.agents:
        visible = {agent.id for agent in await visible_agents(services, operator.principal)}
    for agent in form.agents or ():
        if visible is None:
            await find(services, Agent, operator.tenant, agent, "agents")
        elif agent not in visible:
            raise NotFound("agent", agent, "agents")


async def _require_few(services: Services, operator: Operator, user: str) -> None:
    async def some(last: Key | None) -> Page[Key]:
        return await services.keys.some(operator.tenant, MAX_PAGE, user=user, after=last)

    now = services.clock()
    page = await sift(some, lambda key: key_state(key, now).allowed and not key.management, MAX_OWN - 1, None)
    if page.more:
        raise ApiError(
            "out_of_range", f"You have {MAX_OWN} usable keys, and may have no more. Revoke one.", complete=True
        )
