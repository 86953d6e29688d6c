"""`antiphon user-responses`: list, show, cancel and delete the responses of a user."""

from __future__ import annotations

from argparse import Namespace

from antiphon.manage import responses
from cli import files
from cli.output import Output, moment
from cli.session import Session
from cli.tables import table


async def list_responses(session: Session, args: Namespace) -> Output:
    """List the newest responses of a user."""
    page = await responses.list_responses(
        session.services, session.operator, args.user, limit=args.limit, after=args.after
    )
    rows = [
        (each["id"], each["agent"], each["status"], moment(each["created_at"]), moment(each["expires_at"]))
        for each in page.records
    ]
    more: tuple[str, ...] = ()
    if page.more and page.records:
        more = (f"there are more: antiphon user-responses list {args.user} --after {page.records[-1]['id']}",)
    return Output(page.records, table(("ID", "AGENT", "STATUS", "CREATED", "EXPIRES"), rows), more)


async def show(session: Session, args: Namespace) -> Output:
    """Show a response without its content. With ``--content``, show that too and record it in the audit log."""
    operation = responses.read_content if args.content else responses.show_response
    data = await operation(session.services, session.operator, args.user, args.id)
    return Output(data, files.write(data))


async def cancel(session: Session, args: Namespace) -> Output:
    """End a running response."""
    data = await responses.cancel_response(session.services, session.operator, args.user, args.id)
    return Output(data, f"{data['status']}  {data['id']}")


async def delete(session: Session, args: Namespace) -> Output:
    """Remove a response with all its content."""
    data = await responses.delete_response(session.services, session.operator, args.user, args.id)
    return Output(data, f"deleted  {args.id}")
