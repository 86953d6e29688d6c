"""`antiphon approvals`: list the calls of tools that wait, and approve or deny them."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Final

from antiphon.manage import approvals
from cli.output import Output, moment
from cli.session import Session
from cli.tables import table

_HEADER = ("ID", "USER", "AGENT", "TOOL", "ARGUMENTS", "BY", "ASKED", "EXPIRES")
_CONTINUES: Final = "the response continues within a minute, once no other call of it waits for a decision"


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
    return _decided(data)


async def deny(session: Session, args: Namespace) -> Output:
    """Let a call not be made."""
    data = await approvals.decide_approval(
        session.services, session.operator, args.id, approve=False, reason=args.reason
    )
    return _decided(data)


def _decided(data: dict[str, Any]) -> Output:
    next_id = data["next_response_id"]
    continues = f"the response continues as {next_id}" if next_id else _CONTINUES
    return Output(data, f"{data['status']}  {data['id']}", (continues,))
