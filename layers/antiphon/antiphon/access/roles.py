"""Roles: the feature permissions, after LibreChat's ``REMOTE_AGENTS``, and the two roles that always exist. Pure."""

from __future__ import annotations

from typing import Final

from antiphon.access.rights import ALL
from antiphon.records import Role

USE: Final = "USE"
CREATE: Final = "CREATE"
SHARE: Final = "SHARE"
SHARE_PUBLIC: Final = "SHARE_PUBLIC"
PERMISSIONS: Final = (USE, CREATE, SHARE, SHARE_PUBLIC)

ADMIN: Final = "ADMIN"
DEFAULT: Final = "USER"


def built_in(tenant: str) -> dict[str, Role]:
    """Return the roles that exist in every tenant, by id: ADMIN holds every permission and right, USER none."""
    return {
        ADMIN: Role(tenant, ADMIN, frozenset(PERMISSIONS), manage=ALL),
        DEFAULT: Role(tenant, DEFAULT),
    }
