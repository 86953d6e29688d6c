"""The pages of people, their keys and their limits."""

from __future__ import annotations

from antiphon.records import Limits, Tenant
from tests.support.browser import Browser
from tests.support.service import Service


def test_a_key_is_shown_once_and_revoked(service: Service, page: Browser) -> None:
    page.open("keys")
    page.until_text("No keys yet")
    page.click("Make a key")
    page.fill(user="nobody")
    page.click("Make the key")
    page.until_text("There is no such user", ".field [role=alert]")
    page.fill(user="ada", agents="agent, nothere")
    page.click("Make the key")
    page.until_text("There is no such agent", ".field [role=alert]")
    page.fill(agents="agent")
    page.check("management")
    page.click("Make the key")
    page.until_text("A management key calls no agents", "[role=alert]")
    page.fill(agents="")
    page.click("Make the key")
    page.until_text("apm_", ".secret")
    assert "A first call" not in page.text()
    page.click("Done")
    page.click("New key")
    page.fill(user="ada", agents="agent")
    page.click("Make the key")
    secret = page.until_text("ap_", ".secret").split()[0]
    assert service.get("/v1/models", secret).status_code == 200
    page.go("keys?user=ada")
    page.until_text("active", "table")
    page.click_on("button[aria-label^='Revoke ap_']")
    page.click("Revoke it")
    page.until_text("revoked", "table")
    service.clock.ahead = 61  # what instances keep of a key
    assert service.get("/v1/models", secret).status_code == 401
    page.fill(user="nobody")
    page.click("Show")
    page.until_text("nobody has no keys")
    page.complaints()  # what was refused


def test_a_key_is_limited_and_shows_what_was_used_with_it(service: Service, page: Browser) -> None:
    key = service.key(name="mine")
    service.create(key, input="Hi")
    page.open("keys")
    page.click_on("td a")
    page.until_text("call agents and read")
    page.fill(tokens_per_day="1000", usd_per_month="2.5")
    page.click("Save")
    page.until_text("Saved.")
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
    page.fill(id="staff", name="Staff")
    page.click("Make the group")
    page.until_text("staff", "h2")
    page.go("people/roles/+")
    page.fill(id="READER", requests_per_minute="5")
    page.check("manage", "usage:read")
    page.click("Make the role")
    page.until_text("READER", "h2")
    page.fill(requests_per_minute="0")
    page.click("Save")
    page.until_text("requests_per_minute", ".field [role=alert]")
    page.go("people/users/+")
    page.fill(id="bob", role="NONE")
    page.click("Make the user")
    page.until_text("There is no such role", ".field [role=alert]")
    page.fill(role="READER", groups="staff")
    page.click("Make the user")
    page.until_text("usage:read", ".facts")
    page.fill(name="Bob")
    page.click("Save")
    page.until_text("Saved.")
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
    page.fill(usd_per_month="12.5", limits='{"retention_days": 30}')
    page.click("Save")
    page.until_text("Saved.")
    stored = service.run(service.directory.get_tenant("default")).limits
    assert (stored.usd_per_month, stored.retention_days) == (12.5, 30)
    page.fill(limits='{"nothing": 1}')
    page.click("Save")
    page.until_text("nothing", "[role=alert]")
    page.complaints()  # what was refused
