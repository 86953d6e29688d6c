"""What a command works with: the stores, the tenant, the time; and look-ups that refuse with advice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from antiphon.access.grants import ID, PRINCIPAL
from antiphon.ids import Entropy
from antiphon.ports import Directory, KeyStore
from antiphon.records import PUBLIC, Account, Agent, Group, Role
from antiphon.settings import ProviderEndpoint
from cli.output import Refused
from cli.suggestion import did_you_mean


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with.

    Attributes:
        environment: part of every key made here.
        now: seconds since the epoch.
        api_url: where the deployment answers, if that is known.
        providers: the deployment's providers by name, as far as they are known.
        providers_are: where all of them are named; None if there may be others.
        cache_seconds: for how long the service may still use what it read of a user, role or tenant.
    """

    keys: KeyStore
    directory: Directory
    tenant: str
    environment: str
    now: int
    entropy: Entropy
    api_url: str | None = None
    providers: Mapping[str, ProviderEndpoint] = field(default_factory=dict)
    providers_are: str | None = None
    cache_seconds: int = 0

    async def account(self, user: str) -> Account:
        """Read a user with its role.

        Raises:
            Refused: there is no such user, or no such role.
        """
        account = await self.directory.account(self.tenant, user)
        if account is not None:
            return account
        known = {record.id: record for record in await self.directory.list_users(self.tenant)}
        if user in known:
            raise Refused(f"user {user} has the unknown role {known[user].role}: antiphon roles put {known[user].role}")
        raise absent("user", user, known, f"create it with `antiphon users put {user}`")

    async def agent(self, agent: str) -> Agent:
        """Read an agent.

        Raises:
            Refused: there is no such agent.
        """
        found = await self.directory.agent(self.tenant, agent, [])
        if found is None:
            known = [record.id for record in await self.directory.list_agents(self.tenant)]
            raise absent("agent", agent, known, "see `antiphon agents list`, or create it with `antiphon agents apply`")
        return found[0]

    async def bits(self, agent: str, principal: str) -> int:
        """Read the bits that one principal holds on an agent; 0 without a grant."""
        found = await self.directory.agent(self.tenant, agent, [principal])
        return 0 if found is None else found[1]

    async def role(self, role: str) -> Role:
        """Read a role.

        Raises:
            Refused: there is no such role.
        """
        known = {record.id: record for record in await self.directory.list_roles(self.tenant)}
        if role not in known:
            raise absent("role", role, known, f"create it with `antiphon roles put {role} --permission USE`")
        return known[role]

    async def group(self, group: str) -> Group:
        """Read a group.

        Raises:
            Refused: there is no such group.
        """
        known = {record.id: record for record in await self.directory.list_groups(self.tenant)}
        if group not in known:
            raise absent("group", group, known, f"create it with `antiphon groups put {group}`")
        return known[group]

    async def principal(self, principal: str) -> None:
        """Check that a principal exists.

        Raises:
            Refused: it does not, or it is not the name of a principal.
        """
        if not re.fullmatch(PRINCIPAL, principal):
            raise Refused(f"{principal!r} is no principal: user:ID, group:ID, role:ID or {PUBLIC}")
        kind, _, name = principal.partition(":")
        if kind == "user":
            await self.account(name)
        elif kind == "group":
            await self.group(name)
        elif kind == "role":
            await self.role(name)


def absent(kind: str, id: str, known: Iterable[str], advice: str) -> Refused:
    """Return the refusal of an id that does not exist, with the likely one."""
    meant = did_you_mean(id, known)
    return Refused(f"there is no {kind} {id}" + (f": {meant} Or {advice}" if meant else f": {advice}"))


def check_id(kind: str, id: str) -> str:
    """Return an id of a tenant, user, group or role.

    Raises:
        Refused: it is not a valid id.
    """
    if not re.fullmatch(ID, id):
        raise Refused(
            f"{id!r} cannot be the id of a {kind}: 1 to 128 letters, digits and `._@+|-`, a letter or digit first"
        )
    return id
