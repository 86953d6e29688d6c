"""`antiphon grants`: who may do what with an agent, and why."""

from __future__ import annotations

from argparse import Namespace

from pydantic import ValidationError

from antiphon.access.grants import LEVELS, OWNER, level_of
from antiphon.manage import grants
from antiphon.manage.forms import GrantForm
from cli.output import Output, Refused
from cli.session import Session
from cli.suggestion import did_you_mean
from cli.tables import columns, table


async def add_grant(session: Session, args: Namespace) -> Output:
    """Store a grant."""
    try:
        form = GrantForm(level=args.level)
    except ValidationError:
        meant = did_you_mean(args.level, LEVELS)
        problem = f"a level is viewer, editor, owner or a number from 1 to {OWNER}"
        raise Refused(f"{args.level!r}: {problem}" + (f"; {meant}" if meant else "")) from None
    grant = await grants.put_grant(session.services, session.operator, args.agent, args.principal, form)
    return Output(grant, f"{grant['principal']} is {grant['level']} of agent {grant['agent']}")


async def remove_grant(session: Session, args: Namespace) -> Output:
    """Take a grant back; its principal need not exist any more."""
    grant = await grants.delete_grant(session.services, session.operator, args.agent, args.principal)
    return Output(grant, f"{grant['principal']} has no grant on agent {grant['agent']} any more")


async def list_grants(session: Session, args: Namespace) -> Output:
    """List the grants on an agent."""
    listed = await session.listed(grants.list_grants, args.agent)
    rows = [(grant["principal"], grant["level"], str(grant["bits"])) for grant in listed]
    return Output(listed, table(("PRINCIPAL", "LEVEL", "BITS"), rows))


async def why(session: Session, args: Namespace) -> Output:
    """Explain whether a user may run an agent, with a key that is not limited to some agents."""
    data = await grants.why(session.services, session.operator, args.agent, args.user)
    rows = [("user", data["user"]), ("role", data["role"]), ("permissions", ", ".join(data["permissions"]))]
    rows += [
        (f"grant to {held['principal']}", f"{level_of(held['bits'])} ({held['bits']})" if held["bits"] else "")
        for held in data["grants"]
    ]
    rows += [("effective bits", str(data["bits"])), ("verdict", f"{data['verdict']}: {data['reason']}")]
    return Output({**data, "holds_within_seconds": session.cache_seconds}, columns(rows), _since(session))


def _since(session: Session) -> tuple[str, ...]:
    """Return from when the verdict holds, unless it holds already."""
    if not session.cache_seconds:
        return ()
    within = f"{session.cache_seconds} seconds, as the functions keep what they read"
    return (f"grants and agents hold at once; a change of the user, its role, groups or limits within {within}",)
