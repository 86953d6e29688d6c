"""The pages of people, their keys and their limits."""

from __future__ import annotations

from antiphon.records import Limits, Tenant
from tests.support.browser import Browser
from tests.support.service import Service


def test_a_key_is_shown_once_and_revoked(service: Service, page: Browser) -> None:
    page.open("keys")
    page.until_text("No keys yet")
    page.click("Make a key")
    page.submit("Make the key", "There is no such user", ".field [role=alert]", user="nobody")
    page.submit("Make the key", "There is no such agent", ".field [role=alert]", user="ada", agents="agent, nothere")
    page.fill(agents="agent")
    page.check("management")
    page.click("Make the key")
    page.until_text("A management key calls no agents", "[role=alert]")
    page.submit("Make the key", "apm_", ".secret", agents="")
    assert "A first call" not in page.text()
    page.click("Done")
    page.click("New key")
    secret = page.submit("Make the key", "ap_", ".secret", user="ada", agents="agent").split()[0]
    assert service.get("/v1/models", secret).status_code == 200
    page.go("keys?user=ada")
    page.until_text("active", "table")
    page.click_on("button[aria-label^='Revoke ap_']")
    page.click("Revoke it")
    page.until_text("revoked", "table")
    service.clock.ahead = 61  # what instances keep of a key
    assert service.get("/v1/models", secret).status_code == 401
    page.submit("Show", "nobody has no keys", user="nobody")
    page.complaints()  # what was refused


def test_a_key_is_limited_and_shows_what_was_used_with_it(service: Service, page: Browser) -> None:
    key = service.key(name="mine")
    service.create(key, input="Hi")
    page.open("keys")
    page.click_on("td a")
    page.until_text("call agents and read")
    page.submit("Save", "Saved.", tokens_per_day="1000", usd_per_month="2.5")
    assert page.value("[name=tokens_per_day]") == "1000"
    page.click("What was used with it")
    page.until_text("Requests", ".tiles")
    assert "1" in page.text(".tile:first-child b")


def test_a_user_is_shown_with_use_against_the_limits(service: Service, page: Browser) -> None:
    service.put(Tenant("default", Limits(tokens_per_day=40)))
    service.create(service.key(), input="Hi")
    page.open("people/users/ada")
    assert "6 of 40" in page.until_text("Tokens today", ".facts")
    assert page.value("progress", "max") == "40"


def test_people_are_made_changed_and_deleted(service: Service, page: Browser) -> None:
    page.open("people/groups/+")
    page.submit("Make the group", "staff", "h2", id="staff", name="Staff")
    page.go("people/roles/+")
    page.fill(id="READER", requests_per_minute="5")
    page.check("manage", "usage:read")
    page.click("Make the role")
    page.until_text("READER", "h2")
    page.submit("Save", "requests_per_minute", ".field [role=alert]", requests_per_minute="0")
    page.go("people/users/+")
    page.submit("Make the user", "There is no such role", ".field [role=alert]", id="bob", role="NONE")
    page.submit("Make the user", "usage:read", ".facts", role="READER", groups="staff")
    page.submit("Save", "Saved.", name="Bob")
    page.go("people/roles/READER")
    page.click("Delete …")
    page.click("Delete it")
    page.until_text("is held by 1 user", "dialog")
    page.click("Keep it")
    page.go("people/users/bob")
    page.click("Delete …")
    page.click("Delete it")
    page.until_gone("dialog")
    page.until_text("ada", "table")
    assert "bob" not in page.text("table")
    page.complaints()  # what was refused


def test_the_limits_of_the_tenant_are_changed(service: Service, page: Browser) -> None:
    page.open("people/tenant")
    page.click("Models, defaults and maximums")
    page.submit("Save", "Saved.", usd_per_month="12.5", limits='{"retention_days": 30}')
    stored = service.run(service.directory.get_tenant("default")).limits
    assert (stored.usd_per_month, stored.retention_days) == (12.5, 30)
    page.submit("Save", "nothing", "[role=alert]", limits='{"nothing": 1}')
    page.complaints()  # what was refused
