"""`antiphon approvals`: list the calls of tools that wait, and approve or deny them."""

from __future__ import annotations

from argparse import Namespace

from antiphon.manage import approvals
from cli.output import Output, moment
from cli.session import Session
from cli.tables import table

_HEADER = ("ID", "USER", "AGENT", "TOOL", "ARGUMENTS", "BY", "ASKED", "EXPIRES")
_GOES_ON = "the server goes on with the response within a minute"


async def list_approvals(session: Session, args: Namespace) -> Output:
    """List the calls that wait for an approval, oldest first."""
    del args
    found = await session.listed(approvals.list_approvals)
    rows = [
        (
            each["id"],
            each["user"],
            each["agent"],
            f"{each['server_label']}/{each['name']}",
            each["arguments"],
            each["by"],
            moment(each["created_at"]),
            moment(each["expires_at"]),
        )
        for each in found
    ]
    return Output(found, table(_HEADER, rows))


async def approve(session: Session, args: Namespace) -> Output:
    """Let a call be made."""
    data = await approvals.decide_approval(session.services, session.operator, args.id, approve=True)
    return Output(data, f"approved  {args.id}", (_GOES_ON,))


async def deny(session: Session, args: Namespace) -> Output:
    """Let a call not be made."""
    data = await approvals.decide_approval(
        session.services, session.operator, args.id, approve=False, reason=args.reason
    )
    return Output(data, f"denied  {args.id}", (_GOES_ON,))
