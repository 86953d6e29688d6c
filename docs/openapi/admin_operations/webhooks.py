"""``/v1/admin/webhooks`` and ``/v1/admin/failed-deliveries``."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import operation
from docs.openapi.operation import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/webhooks", "GET"): operation(
        "adminListWebhooks",
        "List webhooks",
        "Lists webhooks by id, without their secrets.",
        "AdminWebhookList",
        paged=True,
    ),
    ("/v1/admin/webhooks", "POST"): operation(
        "adminCreateWebhook",
        "Make a webhook",
        "Makes a webhook. The answer has its secret, which no other answer shows. A tenant has at most 20.",
        "AdminNewSecret",
        body="WebhookForm",
        example={"url": "https://example.com/hooks/antiphon", "event_types": ["response.completed"]},
    ),
    ("/v1/admin/webhooks/{id}", "GET"): operation(
        "adminShowWebhook",
        "Read a webhook",
        "Returns the webhook with those of the tenant's newest 100 failed deliveries that are its own.",
        "AdminWebhookDetails",
        "webhook_not_found",
        of="The webhook's id.",
    ),
    ("/v1/admin/webhooks/{id}", "DELETE"): operation(
        "adminDeleteWebhook",
        "Delete a webhook",
        "What is on its way to it is not sent any more.",
        "AdminWebhookDeleted",
        "webhook_not_found",
        of="The webhook's id.",
    ),
    ("/v1/admin/webhooks/{id}/rotate", "POST"): operation(
        "adminRotateSecret",
        "Change the secret of a webhook",
        "The answer has the new secret, which no other answer shows. With `keep_old` the one before "
        "goes on signing for 24 hours.",
        "AdminNewSecret",
        "webhook_not_found",
        of="The webhook's id.",
        body="SecretForm",
        example={"keep_old": True},
    ),
    ("/v1/admin/webhooks/{id}/test", "POST"): operation(
        "adminTestWebhook",
        "Send a webhook an event",
        "Sends one event, as if a response `resp_test` had been completed, and returns whether it arrived.",
        "AdminWebhookTested",
        "webhook_not_found",
        of="The webhook's id.",
    ),
    ("/v1/admin/failed-deliveries", "GET"): operation(
        "adminListFailedDeliveries",
        "List what never reached a webhook",
        "Lists the deliveries that failed for good, newest first. They are kept for 30 days.",
        "AdminDeliveryList",
        paged=True,
    ),
}
