"""`antiphon webhooks`: endpoints of other systems that are called when responses end."""

from __future__ import annotations

from argparse import Namespace

from antiphon.fetch.posting import webhook_post
from antiphon.manage import webhooks
from antiphon.records import EventDelivery
from antiphon.webhooks.delivery import SECONDS
from antiphon.webhooks.events import TYPES, event_body, signed_headers
from cli.output import Output, Refused, moment
from cli.session import Session
from cli.tables import table


async def create(session: Session, args: Namespace) -> Output:
    """Create a webhook and print its secret, once."""
    types = args.event or list(TYPES)
    secret, document = await webhooks.create_webhook(session.services, session.operator, args.url, types, args.name)
    return Output({"signing_secret": secret, **document}, secret, (_once(document["id"]),))


async def list_webhooks(session: Session, _args: Namespace) -> Output:
    """List all webhooks."""
    found = await webhooks.list_webhooks(session.services, session.operator)
    rows = [(each["id"], each["url"], each["name"], " ".join(each["event_types"])) for each in found]
    return Output(found, table(("ID", "URL", "NAME", "EVENTS"), rows))


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
    webhook = await webhooks.find_webhook(session.services, session.operator, args.id)
    event = EventDelivery(session.tenant, webhook.id, "", "resp_test", "response.completed", session.now)
    body = event_body(event)
    post = webhook_post(session.services.settings.webhook_hosts)
    try:
        failure = await post(webhook.url, signed_headers(event, body, webhook.secrets, session.now), body, SECONDS)
    finally:
        await post.aclose()
    if failure:
        raise Refused(f"the test did not arrive: {failure}")
    return Output({"id": args.id, "result": "arrived"}, f"arrived  {args.id}")


async def failures(session: Session, _args: Namespace) -> Output:
    """List the deliveries that failed for good."""
    found = await webhooks.list_failed(session.services, session.operator)
    rows = [
        (moment(each["created_at"]), each["webhook"], each["type"], each["response"], each["failure"]) for each in found
    ]
    return Output(found, table(("HAPPENED", "WEBHOOK", "EVENT", "RESPONSE", "FAILURE"), rows))


def _once(id: str) -> str:
    return f"this is the secret of {id}; it is shown this once, so keep it now"
