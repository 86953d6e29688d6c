"""Both stores keep webhooks, and deliveries that failed for good, each tenant's for itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from antiphon.ports.webhooks import WebhookStore
from antiphon.records import EventDelivery, Webhook, WebhookSecret
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.webhooks import DynamoDBWebhooks
from antiphon.store.sqlite.database import SQLite
from antiphon.store.sqlite.webhooks import SQLiteWebhooks
from local.lambda_host.dynamodb import Emulator
from tests.support.stored import NOW
from tests.support.tables import CORE

WEBHOOK = Webhook(
    "acme", "we_1", "https://example.com/hook", ("response.failed",), (WebhookSecret("whsec_QQ=="),), NOW, NOW
)
FAILED = EventDelivery("acme", "we_1", "ann", "resp_1", "response.failed", NOW, attempts=9, failure="503")


@pytest.fixture(params=["sqlite", "dynamodb"])
async def webhooks(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[WebhookStore, None]:
    if request.param == "sqlite":
        file = SQLite(tmp_path / "antiphon.db")
        yield SQLiteWebhooks(file)
        await file.aclose()
    else:
        emulator: Emulator = request.getfixturevalue("aws")
        database = DynamoDB(endpoint_url=emulator.url)
        yield DynamoDBWebhooks(database, CORE)
        await database.aclose()


async def test_a_webhook_is_kept_replaced_and_deleted(webhooks: WebhookStore) -> None:
    other = replace(WEBHOOK, id="we_2")
    for webhook in (other, WEBHOOK, replace(WEBHOOK, name="named")):
        await webhooks.put(webhook)
    assert await webhooks.get("acme", "we_1") == replace(WEBHOOK, name="named")
    assert await webhooks.list_all("acme") == [replace(WEBHOOK, name="named"), other]
    assert await webhooks.delete("acme", "we_1")
    assert not await webhooks.delete("acme", "we_1")
    assert await webhooks.list_all("acme") == [other]


async def test_another_tenants_webhook_is_not_found(webhooks: WebhookStore) -> None:
    assert await webhooks.get("acme", "we_1") is None
    assert await webhooks.list_all("acme") == []
    assert not await webhooks.delete("acme", "we_1")
    await webhooks.put(WEBHOOK)
    assert await webhooks.get("other", "we_1") is None
    assert await webhooks.list_all("other") == []
    assert not await webhooks.delete("other", "we_1")


async def test_no_id_of_a_caller_is_too_strange_to_look_up(webhooks: WebhookStore) -> None:
    for strange in ("", "x" * 3000, "we#1"):
        assert await webhooks.get("acme", strange) is None
        assert not await webhooks.delete("acme", strange)


async def test_deliveries_that_failed_are_listed_by_tenant(tmp_path: Path, aws: Emulator) -> None:
    database = DynamoDB(endpoint_url=aws.url)
    webhooks = DynamoDBWebhooks(database, CORE)
    later = replace(FAILED, subject="resp_2", created_at=NOW + 5)
    for delivery in (FAILED, later, replace(FAILED, tenant="other")):
        await webhooks.give_up(delivery)
    assert await webhooks.list_failed("acme") == [later, FAILED]
    await database.aclose()
