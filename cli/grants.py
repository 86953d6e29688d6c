"""`antiphon grants`: who may do what with an agent, and why."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from antiphon.access.decide import may_run
from antiphon.access.grants import LEVELS, OWNER, level_of, principals_of, read_level
from antiphon.access.principal import Principal
from antiphon.access.roles import PERMISSIONS
from antiphon.records import Account, Agent, Grant, Key, Limits
from cli.output import Output, Refused
from cli.session import Session
from cli.suggestion import did_you_mean
from cli.tables import columns, table


async def add_grant(session: Session, args: Namespace) -> Output:
    """Store a grant."""
    agent = await session.agent(args.agent)
    await session.principal(args.principal)
    try:
        grant = Grant(session.tenant, agent.id, args.principal, read_level(args.level))
    except ValueError as error:
        meant = did_you_mean(args.level, LEVELS)
        raise Refused(f"{args.level!r}: {error}" + (f"; {meant}" if meant else "")) from None
    check_authors_grant(grant, agent.author)
    await session.directory.put(grant)
    return Output(_shown(grant), f"{grant.principal} is {level_of(grant.bits)} of agent {agent.id}")


async def remove_grant(session: Session, args: Namespace) -> Output:
    """Take a grant back; its principal need not exist any more."""
    agent = await session.agent(args.agent)
    check_authors_grant(Grant(session.tenant, agent.id, args.principal, 0), agent.author)
    if not await session.bits(agent.id, args.principal):
        raise Refused(f"{args.principal} has no grant on agent {agent.id}: see `antiphon grants list {agent.id}`")
    grant = Grant(session.tenant, agent.id, args.principal, 0)
    await session.directory.put(grant)
    return Output(_shown(grant), f"{grant.principal} has no grant on agent {agent.id} any more")


async def list_grants(session: Session, args: Namespace) -> Output:
    """List the grants on an agent."""
    agent = await session.agent(args.agent)
    grants = await session.directory.grants_on(session.tenant, agent.id)
    rows = [(grant.principal, level_of(grant.bits), str(grant.bits)) for grant in grants]
    return Output([_shown(grant) for grant in grants], table(("PRINCIPAL", "LEVEL", "BITS"), rows))


async def why(session: Session, args: Namespace) -> Output:
    """Explain whether a user may run an agent, with a key that is not limited to some agents."""
    agent = await session.agent(args.agent)
    account = await session.account(args.user)
    held = {name: await session.bits(agent.id, name) for name in principals_of(account.user)}
    data = _decision(agent, account, held)
    rows = [("user", account.user.id), ("role", account.role.id), ("permissions", ", ".join(data["permissions"]))]
    rows += [(f"grant to {name}", f"{level_of(bits)} ({bits})" if bits else "") for name, bits in held.items()]
    rows += [("effective bits", str(data["bits"])), ("verdict", f"{data['verdict']}: {data['reason']}")]
    return Output({**data, "holds_within_seconds": session.cache_seconds}, columns(rows), _since(session))


def check_authors_grant(grant: Grant, author: str) -> None:
    """Check that the author stays the owner.

    Raises:
        Refused: the grant is the author's own and less than owner.
    """
    if grant.principal == f"user:{author}" and grant.bits != OWNER:
        raise Refused(
            f"user {author} is the author of agent {grant.agent} and stays its owner; delete the agent instead"
        )


def _since(session: Session) -> tuple[str, ...]:
    """Return from when the verdict holds, unless it holds already."""
    if not session.cache_seconds:
        return ()
    within = f"{session.cache_seconds} seconds, as the functions keep what they read"
    return (f"grants and agents hold at once; a change of the user, its role, groups or limits within {within}",)


def _decision(agent: Agent, account: Account, held: dict[str, int]) -> dict[str, Any]:
    user = account.user
    unscoped = Key(digest="", id="", tenant=user.tenant, user=user.id, prefix="")
    bits = 0
    for more in held.values():
        bits |= more
    decision = may_run(Principal.from_account(account, unscoped, Limits()), agent, bits)
    return {
        "agent": agent.id,
        "user": user.id,
        "role": account.role.id,
        "permissions": [name for name in PERMISSIONS if name in account.role.remote_agents],
        "grants": [{"principal": name, "bits": more} for name, more in held.items()],
        "bits": bits,
        "allowed": decision.allowed,
        "code": decision.code,
        "reason": decision.reason,
        "verdict": "allowed" if decision.allowed else f"refused with {decision.code}",
    }


def _shown(grant: Grant) -> dict[str, Any]:
    return {"agent": grant.agent, "principal": grant.principal, "level": level_of(grant.bits), "bits": grant.bits}
