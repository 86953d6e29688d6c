"""Webhooks of a tenant. A secret is returned once: when the webhook is made, or its secret is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from antiphon.errors import ApiError
from antiphon.manage.changes import Document, note
from antiphon.manage.deliveries import failed_for
from antiphon.manage.forms import WebhookForm
from antiphon.manage.operator import Operator
from antiphon.manage.pages import cut, shown
from antiphon.manage.refusals import NotFound
from antiphon.ports import Page, Services
from antiphon.records import EventDelivery, FailedAttempt, Webhook
from antiphon.webhooks.delivery import HOSTS, NOT_ALLOWED, SECONDS
from antiphon.webhooks.events import TYPES, event_body, new_secret, signed_headers

KEEPS_OLD_SECONDS: Final = 86_400
"""How long a secret that was replaced still signs, if that is asked for."""

MAX_WEBHOOKS: Final = 20
MAX_URL: Final = 2048

_ID_BYTES: Final = 12


async def create_webhook(services: Services, operator: Operator, form: WebhookForm) -> tuple[str, Document]:
    """Create a webhook. Return its secret with its document, which does not hold it.

    Raises:
        ApiError: 403; the URL or a type is none, or its host is not allowed here; there are too many.
    """
    operator.require("webhooks", write=True)
    _check_url(form.url)
    types = list(TYPES) if form.event_types is None else form.event_types
    _check_types(types)
    _check_host(services, form.url)
    store = services.webhooks()
    if len(await store.list_all(operator.tenant)) >= MAX_WEBHOOKS:
        raise ApiError("out_of_range", f"A tenant has at most {MAX_WEBHOOKS} webhooks.", complete=True)
    now, secret = int(services.clock()), new_secret(services.entropy)
    webhook = Webhook(
        tenant=operator.tenant,
        id=f"we_{services.entropy(_ID_BYTES).hex()}",
        url=form.url,
        name=form.name,
        event_types=tuple(dict.fromkeys(types)),
        secrets=(secret,),
        created_at=now,
        updated_at=now,
    )
    document = webhook_document(webhook)
    await note(services, operator, "webhook.created", f"webhook:{webhook.id}", None, document)
    await store.put(webhook)
    return secret.text, document


async def list_webhooks(services: Services, operator: Operator, *, limit: int, after: str = "") -> Page[Document]:
    """List the webhooks by id."""
    operator.require("webhooks")
    found = await services.webhooks().list_all(operator.tenant)
    return shown(cut(found, lambda webhook: webhook.id, limit, after), webhook_document)


async def show_webhook(services: Services, operator: Operator, webhook_id: str) -> Document:
    """Return a webhook with its last attempt that failed, and the newest deliveries that failed for good.

    Raises:
        NotFound: there is none.
    """
    operator.require("webhooks")
    found = await _find(services, operator, webhook_id)
    last = await services.webhooks().last_attempt(operator.tenant, webhook_id)
    shown_last = None if last is None else _attempt_document(last)
    return {**webhook_document(found), "last_failure": shown_last, "failed": await failed_for(services, found)}


async def rotate_secret(
    services: Services, operator: Operator, webhook_id: str, *, keep_old: bool = False
) -> tuple[str, Document]:
    """Change the secret of a webhook. Return the new one with the document.

    Args:
        services: the adapters.
        operator: who changes it.
        webhook_id: the webhook.
        keep_old: the secret before goes on signing for ``KEEPS_OLD_SECONDS``.

    Raises:
        NotFound: there is no such webhook.
    """
    operator.require("webhooks", write=True)
    found = await _find(services, operator, webhook_id)
    now, secret = int(services.clock()), new_secret(services.entropy)
    old = (replace(found.secrets[0], expires_at=now + KEEPS_OLD_SECONDS),) if keep_old else ()
    changed = replace(found, secrets=(secret, *old), updated_at=now)
    before, after = webhook_document(found), webhook_document(changed)
    await note(services, operator, "webhook.rotated", f"webhook:{webhook_id}", before, after)
    await services.webhooks().put(changed)
    return secret.text, after


async def delete_webhook(services: Services, operator: Operator, webhook_id: str) -> Document:
    """Delete a webhook; what is on its way to it is not sent any more.

    Raises:
        NotFound: there is no such webhook.
    """
    operator.require("webhooks", write=True)
    found = await _find(services, operator, webhook_id)
    await note(services, operator, "webhook.deleted", f"webhook:{webhook_id}", webhook_document(found), None)
    await services.webhooks().delete(operator.tenant, webhook_id)
    return {"id": webhook_id, "result": "deleted"}


async def send_test(services: Services, operator: Operator, webhook_id: str) -> Document:
    """Send a webhook an event once, as if a response ``resp_test`` had just been completed. Return the result.

    Raises:
        NotFound: there is no such webhook.
    """
    operator.require("webhooks", write=True)
    found = await _find(services, operator, webhook_id)
    target = f"webhook:{webhook_id}"
    await note(services, operator, "webhook.tested", target, None, {"url": found.url})
    now = services.clock()
    event = EventDelivery(found.tenant, found.id, "", "resp_test", "response.completed", int(now))
    body = event_body(event)
    failure = await services.post(found.url, signed_headers(event, body, found.secrets, now), body, SECONDS)
    result = "failed" if failure else "arrived"
    return {"id": webhook_id, "result": result, "failure": failure or None, "advice": _advice(failure)}


def webhook_document(webhook: Webhook) -> Document:
    """Return a webhook without its secrets."""
    return {
        "id": webhook.id,
        "name": webhook.name,
        "url": webhook.url,
        "event_types": list(webhook.event_types),
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
    }


def _attempt_document(attempt: FailedAttempt) -> Document:
    return {
        "type": attempt.type,
        "at": attempt.at,
        "attempts": attempt.attempts,
        "failure": attempt.failure,
        "advice": _advice(attempt.failure),
    }


def _advice(failure: str) -> str | None:
    """Return what to do about a failure; None if only its receiver can do something."""
    return f"List its host in {HOSTS}, for the server that delivers." if failure == NOT_ALLOWED else None


async def _find(services: Services, operator: Operator, webhook_id: str) -> Webhook:
    found = await services.webhooks().get(operator.tenant, webhook_id)
    if found is None:
        raise NotFound("webhook", webhook_id)
    return found


def _check_url(url: str) -> None:
    """Check the form of a URL."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or len(url) > MAX_URL or parts.scheme not in {"https", "http"} or "@" in parts.netloc:
        raise ApiError(
            "invalid_value",
            "`url`: This must be a whole URL, such as `https://example.com/hook`.",
            param="url",
            complete=True,
        )


def _check_host(services: Services, url: str) -> None:
    """Check that a webhook may be on its host. A name is looked up only when it is called."""
    if services.allows_webhook(url):
        return
    why = f"To call what is private, not `https` or on another port, list its host in {HOSTS}."
    if services.settings.webhook_hosts:
        why = f"This is not on a host of {HOSTS}."
    raise ApiError("invalid_value", f"`url`: {why}", param="url", complete=True)


def _check_types(event_types: list[str]) -> None:
    unknown = [name for name in event_types if name not in TYPES]
    if unknown or not event_types:
        known = ", ".join(TYPES)
        raise ApiError("invalid_value", f"`event_types`: one or more of {known}.", param="event_types", complete=True)
