"""The built-in roles among the stored ones: they exist in every tenant, stored or not."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from antiphon.access.roles import built_in
from antiphon.ports import Page
from antiphon.records import Role

T = TypeVar("T")


def with_built_in(kind: type[T], tenant: str, id: str, found: T | None) -> T | None:
    """Return what was found, or the built-in role of this id."""
    if found is not None or kind is not Role:
        return found
    return cast("T | None", built_in(tenant).get(id))


def with_all_built_in(kind: type, tenant: str, limit: int, after: str, stored: Page[Any]) -> Page[Any]:
    """Add the built-in roles that belong into a page of roles; a page of another kind stays as it is."""
    if kind is not Role:
        return stored
    last = stored.records[-1].id if stored.records else after
    known = {role.id for role in stored.records}
    added = [
        role
        for role in built_in(tenant).values()
        if role.id > after and role.id not in known and (not stored.more or role.id < last)
    ]
    roles = sorted([*stored.records, *added], key=lambda role: role.id)
    return Page(roles[:limit], stored.more or len(roles) > limit)
