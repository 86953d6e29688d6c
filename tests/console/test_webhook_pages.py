"""The pages of webhooks in a real browser: one is made, tested, its secret changed, and what never arrived is shown."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.records import Role
from tests.support.answering import Answer, Answering
from tests.support.browser import PHONE, Browser, ask
from tests.support.service import Service


@pytest.fixture
def settings(receiver: Answering) -> dict[str, Any]:
    return {"webhook_hosts": ("*", receiver.place)}


def fail(service: Service, webhook: str, count: int) -> None:
    """Keep deliveries to a webhook that failed for good."""
    service.user("ada")
    into = "INSERT INTO outbox VALUES ('default', ?, ?, 'response.failed', 'ada', unixepoch() - ?, 9, '503', NULL)"
    rows = [(webhook, f"resp_{number}", number) for number in range(count)]
    database = service.services.webhooks()._database  # type: ignore[attr-defined] # SQLite's
    service.run(database.write(lambda db: db.executemany(into, rows)))


def test_a_webhook_is_made_tested_and_deleted_and_its_secrets_are_shown_once(
    service: Service, page: Browser, receiver: Answering
) -> None:
    page.open("webhooks")
    page.click("Make the first webhook")
    page.fill(url=receiver.url("/hook"), name="orders")
    page.check("event_types", "approval.requested")
    page.click("Make the webhook")
    first = page.until_text("whsec_", ".secret").split()[0]
    page.click("Go to the webhook")
    page.until_text("response.cancelled")
    assert "approval.requested" not in page.text(".facts")
    assert first not in page.driver.page_source
    page.click("Send a test")
    page.until_text("It arrived.")
    receiver.answer = lambda _: Answer(503)
    page.click("Send a test")
    page.until_text("It did not arrive: 503.")
    page.click("Change the secret")
    second = page.until_text("whsec_", ".secret").split()[0]
    assert second != first
    page.go("webhooks")
    page.until_text("orders", "table")
    assert second not in page.driver.page_source
    page.click("orders")
    page.click("Delete …")
    page.click("Delete it")
    page.until_text("No webhooks yet")
    assert ask(service, "GET", "webhooks")["data"] == []


def test_a_url_that_cannot_be_one_is_refused_at_its_field(page: Browser) -> None:
    page.open("webhooks/+")
    page.fill(url="ftp://example.com/")
    page.click("Make the webhook")
    page.until("[name=url][aria-invalid=true]")
    page.complaints()  # the 400


def test_a_webhook_without_events_or_that_is_gone_is_refused_with_the_reason(page: Browser) -> None:
    page.open("webhooks/+")
    page.fill(url="https://example.com/")
    for kind in ("completed", "failed", "incomplete", "cancelled"):
        page.check("event_types", f"response.{kind}")
    page.check("event_types", "approval.requested")
    page.click("Make the webhook")
    page.until_text("one or more of", ".failure")
    page.go("webhooks/we_gone")
    page.until_text("There is no such webhook", ".failure")
    page.complaints()  # the 400 and the 404


def test_what_never_arrived_is_shown_with_its_webhook_and_of_all_page_by_page(service: Service, page: Browser) -> None:
    made = ask(service, "POST", "webhooks", {"url": "https://example.com/", "name": "<img src=x onerror=alert(1)>"})
    fail(service, made["id"], 60)
    page.open(f"webhooks/{made['id']}")
    page.until_text("resp_59", "table")
    assert "<img src=x" in page.text("h1")
    page.go("failed-deliveries")
    page.until_text("resp_49", "table")
    page.click("Show more")
    page.until_text("resp_59", "table")


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_pages_of_webhooks_are_without_a_serious_fault_of_access(
    service: Service, page: Browser, look: str
) -> None:
    made = ask(service, "POST", "webhooks", {"url": f"https://example.com/{'x' * 300}", "name": "long"})
    fail(service, made["id"], 3)
    page.look(dark=look == "dark", **({"size": PHONE} if look == "phone" else {}))
    page.open()
    assert page.faults_of(("webhooks", "webhooks/+", f"webhooks/{made['id']}", "failed-deliveries")) == {}


def test_a_role_keeps_its_rights_of_webhooks_when_it_is_saved_in_the_console(service: Service, page: Browser) -> None:
    service.put(Role("default", "HOOKS", frozenset({"USE"}), manage=frozenset({"webhooks:read", "webhooks:write"})))
    page.open("people/roles/HOOKS")
    page.click("Save")
    page.until_text("Saved.")
    assert ask(service, "GET", "roles/HOOKS")["manage"] == ["webhooks:read", "webhooks:write"]
