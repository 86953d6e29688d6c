"""Both stores keep webhooks, and deliveries that failed for good, each tenant's for itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from antiphon.ports.webhooks import WebhookStore
from antiphon.records import EventDelivery, FailedAttempt, Webhook, WebhookSecret
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.webhooks import DynamoDBWebhooks
from antiphon.store.sqlite.database import SQLite
from antiphon.store.sqlite.webhooks import SQLiteWebhooks
from local.lambda_host.dynamodb import Emulator
from tests.support.listening import statements
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


async def test_the_last_attempt_that_failed_is_kept_for_each_webhook(webhooks: WebhookStore) -> None:
    first = FailedAttempt("acme", "we_1", "response.failed", int(time.time()), 1, "503")
    await webhooks.put(WEBHOOK)
    assert await webhooks.last_attempt("acme", "we_1") is None
    for attempt in (first, replace(first, attempts=2, failure="not_allowed")):
        await webhooks.note_attempt(attempt)
        assert await webhooks.last_attempt("acme", "we_1") == attempt
    assert await webhooks.last_attempt("other", "we_1") is None
    assert await webhooks.last_attempt("acme", "we_2") is None
    assert (await webhooks.failed("acme", 10)).records == []
    assert await webhooks.list_all("acme") == [WEBHOOK]


async def keep(webhooks: WebhookStore, delivery: EventDelivery) -> None:
    """Keep a delivery that failed for good. In SQLite it was in the outbox before."""
    if isinstance(webhooks, SQLiteWebhooks):
        names = ("tenant", "webhook", "subject", "type", "user", "created_at", "attempts", "failure")
        values = {name: getattr(delivery, name) for name in names}
        into = f"INSERT INTO outbox ({', '.join(names)}, due) VALUES ({', '.join(f':{name}' for name in names)}, 0)"
        await webhooks._database.write(lambda db: db.execute(into, values))
    await webhooks.give_up(delivery)


async def test_deliveries_that_failed_are_listed_by_tenant_page_by_page_the_newest_first(
    webhooks: WebhookStore,
) -> None:
    assert (await webhooks.failed("acme", 10)).records == []
    await webhooks.put(WEBHOOK)
    now = int(time.time())
    at_once = [replace(FAILED, subject=f"resp_{number}", created_at=now) for number in range(3)]
    later = replace(FAILED, webhook="we_0", created_at=now + 5)
    for delivery in (*at_once, later, replace(FAILED, tenant="other", created_at=now)):
        await keep(webhooks, delivery)
    newest_first = [later, *reversed(at_once)]
    for number, delivery in enumerate(newest_first):
        page = await webhooks.failed("acme", 1, newest_first[number - 1] if number else None)
        assert (page.records, page.more) == ([delivery], number < len(newest_first) - 1)
    assert (await webhooks.failed("acme", 2)).records == newest_first[:2]
    assert (await webhooks.failed("acme", 10, at_once[0])).records == []


async def test_the_deliveries_that_failed_are_read_from_an_index_in_sqlite(tmp_path: Path) -> None:
    file = SQLite(tmp_path / "antiphon.db")
    webhooks = SQLiteWebhooks(file)
    await webhooks.put(WEBHOOK)
    async with statements(file) as asked:
        await webhooks.failed("acme", 10)
    await file.aclose()
    with sqlite3.connect(tmp_path / "antiphon.db") as db:
        plans = [row[3] for sql in asked if "outbox" in sql for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert any("outbox_failed" in step for step in plans)
    assert [step for step in plans if step.startswith("SCAN outbox") or "TEMP B-TREE" in step] == []
