"""Records that an operation needs, or the error that there are none."""

from __future__ import annotations

import re
from typing import Final

from antiphon.access.grants import PRINCIPAL
from antiphon.errors import ApiError
from antiphon.manage.refusals import NotFound
from antiphon.ports import Services
from antiphon.ports.stores import Listed
from antiphon.records import PUBLIC, Account, Agent, Group, Key, Role, User

KEY_ID: Final = r"key_[0-9a-f]{16}"
_KINDS: Final[dict[type, str]] = {User: "user", Role: "role", Group: "group", Agent: "agent"}


async def find(services: Services, kind: type[Listed], tenant: str, id: str, param: str | None = None) -> Listed:
    """Read a user, role, group or agent.

    Raises:
        NotFound: there is none.
    """
    found = await services.directory.find(kind, tenant, id)
    if found is None:
        raise NotFound(_KINDS[kind], id, param)
    return found


async def find_account(services: Services, tenant: str, user: str, param: str | None = None) -> Account:
    """Read a user with its role and tenant.

    Raises:
        NotFound: there is no such user, or no such role.
    """
    account = await services.directory.account(tenant, user)
    if account is None:
        record = await find(services, User, tenant, user, param)
        raise NotFound("role", record.role, param)
    return account


async def find_key(services: Services, tenant: str, key_id: str) -> Key:
    """Read a key by its id.

    Raises:
        NotFound: there is none.
    """
    found = await services.keys.find(tenant, key_id) if re.fullmatch(KEY_ID, key_id) else None
    if found is None:
        raise NotFound("key", key_id)
    return found


def check_form(principal: str) -> None:
    """Check that a text is the name of a principal, which need not exist.

    Raises:
        ApiError: 400.
    """
    if not re.fullmatch(PRINCIPAL, principal):
        form = f"user:ID, group:ID, role:ID or {PUBLIC}"
        raise ApiError("invalid_value", f"This is no principal: {form}.", param="principal", complete=True)


async def check_principal(services: Services, tenant: str, principal: str, param: str = "principal") -> None:
    """Check that a principal exists; ``param`` is the field that names it.

    Raises:
        ApiError: 400 if it is not the name of a principal.
        NotFound: there is none.
    """
    check_form(principal)
    kind, _, name = principal.partition(":")
    if kind == "user":
        await find_account(services, tenant, name, param)
    elif kind == "group":
        await find(services, Group, tenant, name, param)
    elif kind == "role":
        await find(services, Role, tenant, name, param)
