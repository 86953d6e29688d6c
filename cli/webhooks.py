"""`antiphon webhooks`: endpoints of other systems that are called when responses end."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from antiphon.manage import webhooks
from antiphon.manage.deliveries import list_failed
from antiphon.manage.forms import WebhookForm
from cli.advice import plain
from cli.explaining import filled
from cli.output import Output, Refused, moment
from cli.session import Document, Session
from cli.tables import columns, table

MOST_FAILED: Final = 1000
"""The most failed deliveries that are listed."""


async def create(session: Session, args: Namespace) -> Output:
    """Create a webhook and print its secret, once."""
    form = filled(WebhookForm, url=args.url, event_types=args.event, name=args.name)
    secret, document = await webhooks.create_webhook(session.services, session.operator, form)
    return Output({"signing_secret": secret, **document}, secret, (_once(document["id"]),))


async def list_webhooks(session: Session, _args: Namespace) -> Output:
    """List all webhooks."""
    found = await session.listed(webhooks.list_webhooks)
    rows = [(each["id"], each["url"], each["name"], " ".join(each["event_types"])) for each in found]
    return Output(found, table(("ID", "URL", "NAME", "EVENTS"), rows))


async def show_webhook(session: Session, args: Namespace) -> Output:
    """Show a webhook with its last attempt that failed, and the newest deliveries that failed for good."""
    found = await webhooks.show_webhook(session.services, session.operator, args.id)
    facts = [(name, found[name]) for name in ("id", "name", "url")]
    facts += [("events", " ".join(found["event_types"])), ("made", moment(found["created_at"]))]
    if (last := found["last_failure"]) is not None:
        facts.append(("last failure", f"{moment(last['at'])}  {last['type']}  {_with_advice(last)}"))
    failed = f"\n\n{_failures(found['failed'])}" if found["failed"] else ""
    return Output(found, columns([fact for fact in facts if fact[1]]) + failed)


async def rotate(session: Session, args: Namespace) -> Output:
    """Change the secret of a webhook and print the new one, once."""
    secret, document = await webhooks.rotate_secret(session.services, session.operator, args.id, keep_old=args.keep_old)
    notes = (_once(args.id), *(["the secret before goes on signing for 24 hours"] if args.keep_old else []))
    return Output({"signing_secret": secret, **document}, secret, notes)


async def delete(session: Session, args: Namespace) -> Output:
    """Delete a webhook."""
    data = await webhooks.delete_webhook(session.services, session.operator, args.id)
    return Output(data, f"deleted  {args.id}")


async def send_test(session: Session, args: Namespace) -> Output:
    """Send a webhook an event from this machine, as if a response had just been completed.

    Raises:
        Refused: it did not arrive.
    """
    data = await webhooks.send_test(session.services, session.operator, args.id)
    if data["failure"]:
        raise Refused(f"the test did not arrive: {_with_advice(data)}")
    return Output(data, f"arrived  {args.id}")


async def failures(session: Session, _args: Namespace) -> Output:
    """List the deliveries that failed for good."""
    found = []
    async for each in session.all(list_failed):
        found.append(each)
        if len(found) >= MOST_FAILED:
            break
    return Output(found, _failures(found))


def _failures(found: list[Document]) -> str:
    rows = [
        (moment(each["created_at"]), each["webhook"], each["type"], each["response"], each["failure"]) for each in found
    ]
    return table(("HAPPENED", "WEBHOOK", "EVENT", "RESPONSE", "FAILURE"), rows)


def _with_advice(failed: Document) -> str:
    return f"{failed['failure']}: {plain(failed['advice'])}" if failed["advice"] else str(failed["failure"])


def _once(id: str) -> str:
    return f"this is the secret of {id}; it is shown this once, so keep it now"
