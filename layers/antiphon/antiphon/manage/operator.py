"""Who asks for an operation, and what they may."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.access.principal import Principal
from antiphon.access.rights import ALL, covers, has, right
from antiphon.access.roles import PERMISSIONS
from antiphon.errors import ApiError
from antiphon.records import Account, Actor, Key, Limits, Role


@dataclass(frozen=True, slots=True)
class Operator:
    """Who asks for an operation, and what they may.

    Attributes:
        actor: who it is, for audit.
        rights: the rights of ``access.rights`` that they hold.
        features: the permissions of ``access.roles`` that they may grant to others.
        role: the id of their role; empty for an operator with credentials for the store.
        principal: the user behind an ordinary key, who manages what is their own; None for everybody else.
        key: the key; None for credentials for the store.
    """

    actor: Actor
    rights: frozenset[str]
    features: frozenset[str]
    role: str = ""
    principal: Principal | None = None
    key: Key | None = None

    @classmethod
    def of_store(cls, actor: Actor) -> Operator:
        """Return the operator who has credentials for the store itself, and so may do everything."""
        return cls(actor, ALL, frozenset(PERMISSIONS))

    @classmethod
    def of_key(cls, key: Key, account: Account, deployment: Limits, address: str = "") -> Operator:
        """Return the operator behind a key: with the rights of its role, or a user who manages what is their own."""
        actor = Actor(key.tenant, key.user, "http", key.id, address)
        role = account.role
        if not key.management:
            principal = Principal.from_account(account, key, deployment)
            return cls(actor, frozenset(), role.remote_agents, role.id, principal, key)
        readable = frozenset(name.replace(":write", ":read") for name in role.manage)
        return cls(actor, readable if key.read_only else role.manage, role.remote_agents, role.id, None, key)

    @property
    def tenant(self) -> str:
        """The tenant whose records they manage; there is no way to another one."""
        return self.actor.tenant

    def may(self, area: str, *, write: bool = False) -> bool:
        """Return whether they hold a right."""
        return has(self.rights, area, write=write)

    def require(self, area: str, *, write: bool = False) -> None:
        """Check that they hold a right.

        Raises:
            ApiError: 403.
        """
        if not self.may(area, write=write):
            wanted = right(area, write=write)
            kind = "a management key with the right" if self.principal else "the right"
            raise ApiError("permission_denied", f"This needs {kind} `{wanted}`.")

    def is_user(self, user: str) -> bool:
        """Return whether they are this user, with an ordinary key."""
        return self.principal is not None and self.principal.user == user

    def require_over(self, role: Role) -> None:
        """Check that a role has no permission or right that the operator lacks.

        Raises:
            ApiError: 403.
        """
        if not (covers(self.rights, role.manage) and self.features >= role.remote_agents):
            raise ApiError("permission_denied", f"Role {role.id} may more than you.")
