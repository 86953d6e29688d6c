"""Tenants, roles, groups, users and their keys, and who changes or owns something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from antiphon.records.limits import NO_BUDGET, NO_LIMITS, Budget, Limits

PUBLIC: Final = "public"
"""The principal that stands for every user of a tenant."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer of a deployment; no other tenant sees its users, agents and responses."""

    id: str
    limits: Limits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of feature permissions, after LibreChat's ``REMOTE_AGENTS``.

    Attributes:
        remote_agents: the permissions held, of ``USE``, ``CREATE``, ``SHARE``, ``SHARE_PUBLIC``.
        manage: what its users may manage with a management key: the rights of ``access.rights``.
    """

    tenant: str
    id: str
    remote_agents: frozenset[str] = frozenset()
    limits: Limits = NO_LIMITS
    manage: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """A named set of users; the record of a user lists its groups."""

    tenant: str
    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """A person or service that owns API keys.

    Attributes:
        limits: those of this user alone, beside those of the deployment, the tenant and the role.
    """

    tenant: str
    id: str
    name: str = ""
    role: str = "USER"
    groups: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class Account:
    """A key's user with its role and tenant; they are read and cached together."""

    user: User
    role: Role
    tenant: Tenant

    @property
    def limits(self) -> tuple[Limits, Limits, Limits]:
        """The layers of limits that narrow those of the deployment, in their order."""
        return self.tenant.limits, self.role.limits, self.user.limits


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as it is stored: its digest, not the key itself.

    Attributes:
        digest: SHA-256 of the key, hexadecimal.
        id: the public name of the key, for lists and revocation.
        prefix: the first characters of the key, for recognition.
        created_at, expires_at, revoked_at: seconds since the epoch.
        agents: the only agents that may be used with it; None for all that its user may use.
        read_only: it may read, but not create anything.
        management: it may manage the deployment, but not call agents; for every other key it is the reverse.
        budget: how much may be used with it, in addition to the limits of its user.
    """

    digest: str
    id: str
    tenant: str
    user: str
    prefix: str
    name: str = ""
    created_at: int = 0
    expires_at: int | None = None
    revoked_at: int | None = None
    agents: tuple[str, ...] | None = None
    read_only: bool = False
    management: bool = False
    budget: Budget = NO_BUDGET


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes or reads something as an operator, with which credentials and from where; kept in the audit log.

    Attributes:
        user: the id of the user whose key it is; for the command line and the console, the name of the operator's
            account on that machine.
        via: the interface that was used.
        key_id: the public name of the key; empty for the operator's own credentials for the store.
        address: the address that the request came from; empty if it did not come over a network.
        host: the name of the machine of the command line or console.
    """

    tenant: str
    user: str
    via: Literal["http", "cli", "console", "server"]
    key_id: str = ""
    address: str = ""
    host: str = ""


SERVER: Final = Actor("", "antiphon", "server")
"""The service itself, for example when a local server creates its first agents."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a stored object. It is part of the object's key, so no query can leave it out."""

    tenant: str
    user: str
