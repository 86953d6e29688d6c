"""Rights: what a management key may do, by area, after the features that roles carry. Pure.

agents      agents of everybody, their versions and their grants
keys        keys of everybody
people      users, roles and groups
limits      limits of the tenant, of roles and of users
responses   everybody's responses, without what they say: read lists and shows them, write cancels and deletes them
content     what everybody's responses say; read alone
usage       who used how much; read alone
approvals   calls that wait for an approval
webhooks    endpoints outside that are told of events
audit       who changed what; read alone
"""

from __future__ import annotations

from typing import Final

AREAS: Final = ("agents", "keys", "people", "limits", "responses", "content", "usage", "approvals", "webhooks", "audit")
READ_ALONE: Final = frozenset({"content", "usage", "audit"})
"""Areas in which nothing can be changed."""

RIGHTS: Final = tuple(
    f"{area}:{verb}" for area in AREAS for verb in ("read", "write") if verb == "read" or area not in READ_ALONE
)
"""All rights. Who may write in an area may also read in it."""

ALL: Final = frozenset(RIGHTS)


def right(area: str, *, write: bool = False) -> str:
    """Return the name of a right."""
    return f"{area}:{'write' if write else 'read'}"


def has(rights: frozenset[str], area: str, *, write: bool = False) -> bool:
    """Return whether some rights include one: who may write may read."""
    return right(area, write=True) in rights or (not write and right(area) in rights)


def covers(rights: frozenset[str], others: frozenset[str]) -> bool:
    """Return whether some rights include all of others."""
    return all(other in rights or other.replace(":read", ":write") in rights for other in others)


def in_order(rights: frozenset[str]) -> list[str]:
    """Return rights in the order of ``RIGHTS``."""
    return [right for right in RIGHTS if right in rights]
