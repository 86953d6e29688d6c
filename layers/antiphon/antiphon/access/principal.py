"""Who calls: one frozen value that is decided once for a request and passed on."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.access.configuration import resolve
from antiphon.access.grants import principals_of
from antiphon.records import NO_BUDGET, Account, Budget, Key, Limits, Owner


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller behind a key.

    Attributes:
        tenant, user, role: ids.
        permissions: the features of ``access.roles.PERMISSIONS`` that the role holds.
        principals: every name under which a grant reaches the caller.
        key_id: the key's public name, for logs.
        key_digest: by which the key is read again.
        key_agents: the agents the key is limited to; None for all of its user's.
        read_only: the key can read, and never create.
        limits: the configuration in force.
        key_budget: what may be used with the key.
    """

    tenant: str
    user: str
    role: str
    permissions: frozenset[str]
    principals: tuple[str, ...]
    key_id: str
    key_agents: tuple[str, ...] | None
    read_only: bool
    limits: Limits
    key_budget: Budget = NO_BUDGET
    key_digest: str = ""

    @classmethod
    def from_account(cls, account: Account, key: Key, deployment: Limits) -> Principal:
        """Build the caller from a key, its account and the limits of the deployment."""
        return cls(
            tenant=account.user.tenant,
            user=account.user.id,
            role=account.role.id,
            permissions=account.role.remote_agents,
            principals=principals_of(account.user),
            key_id=key.id,
            key_agents=key.agents,
            read_only=key.read_only,
            limits=resolve(deployment, *account.limits),
            key_budget=key.budget,
            key_digest=key.digest,
        )

    @property
    def owner(self) -> Owner:
        """The owner of everything that this caller stores."""
        return Owner(self.tenant, self.user)
