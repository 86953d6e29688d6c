"""/v1/admin/webhooks: endpoints that are called when responses end, and what never reached them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.manage import webhooks
from antiphon.manage.deliveries import list_failed
from antiphon.manage.forms import SecretForm, WebhookForm
from antiphon.web.operators import By, answer, list_page, listing, read_form, read_page

router = APIRouter()


@router.get("/v1/admin/webhooks")
async def index(request: Request, by: By) -> Response:
    """List webhooks."""
    return await list_page("webhook", request, by, webhooks.list_webhooks)


@router.post("/v1/admin/webhooks")
async def create(request: Request, by: By) -> Response:
    """Make a webhook."""
    form = await read_form(request, WebhookForm)
    secret, document = await webhooks.create_webhook(request.app.state.services, by, form)
    return answer("webhook", {"signing_secret": secret, **document})


@router.get("/v1/admin/webhooks/{webhook_id}")
async def show(request: Request, webhook_id: str, by: By) -> Response:
    """Read a webhook."""
    return answer("webhook", await webhooks.show_webhook(request.app.state.services, by, webhook_id))


@router.delete("/v1/admin/webhooks/{webhook_id}")
async def delete(request: Request, webhook_id: str, by: By) -> Response:
    """Delete a webhook."""
    return answer("webhook.deleted", await webhooks.delete_webhook(request.app.state.services, by, webhook_id))


@router.post("/v1/admin/webhooks/{webhook_id}/rotate")
async def rotate(request: Request, webhook_id: str, by: By) -> Response:
    """Change the secret of a webhook."""
    form = await read_form(request, SecretForm)
    services = request.app.state.services
    secret, document = await webhooks.rotate_secret(services, by, webhook_id, keep_old=form.keep_old)
    return answer("webhook", {"signing_secret": secret, **document})


@router.post("/v1/admin/webhooks/{webhook_id}/test")
async def send_test(request: Request, webhook_id: str, by: By) -> Response:
    """Send a webhook an event."""
    return answer("webhook.tested", await webhooks.send_test(request.app.state.services, by, webhook_id))


@router.get("/v1/admin/failed-deliveries")
async def failed(request: Request, by: By) -> Response:
    """List the deliveries that failed for good."""
    _, limit, after = read_page(request)
    return listing("delivery", await list_failed(request.app.state.services, by, limit=limit, after=after))
