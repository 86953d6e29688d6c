"""The pages of what agents did: responses, approvals, usage and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.support.browser import Browser
from tests.support.managing import Office
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, usage


def test_an_approval_is_decided_and_the_reason_is_kept(service: Service, page: Browser) -> None:
    staged = Office(service).stage("ada")
    page.open("approvals")
    page.click_on("td button")
    page.type("dialog [name=reason]", "Not on a Sunday")
    page.click("Deny")
    page.until_text("Nothing waits for an approval")
    decided = service.run(service.approvals.get("default", staged["approval"]))
    assert (decided.state, decided.reason, decided.decided_by) == ("denied", "Not on a Sunday", "olga")
    second = Office(service).stage("ada")["approval"]
    page.open("approvals")
    page.click_on("td button")
    page.click("Approve")
    page.until_text("Approved.")
    assert service.run(service.approvals.get("default", second)).state == "approved"


def test_the_audit_log_shows_what_the_console_changed_and_is_filtered(service: Service, page: Browser) -> None:
    page.open("people/groups/+")
    page.submit("Make the group", "staff", "h2", id="staff", name="Staff")
    page.go("agents/agent")
    page.submit("Save", "Saved.", description="New")
    page.go("audit")
    page.until_text("agent.changed", "table")
    page.type("[name=kind]", "group")
    page.click("Filter")
    page.until_gone("[aria-label='Show agent.changed of agent:agent']")
    page.click("Show group.created of group:staff")
    entry = page.until_text("olga, on the console", "dialog")
    assert "Staff" in entry
    assert "127.0.0.1" in entry
    page.click("Close")
    page.submit("Filter", "No such change", actor="nobody")
    page.click("Show all changes")
    page.until_text("agent.changed", "table")


def test_today_shows_what_was_used_by_whom_and_what_failed(service: Service, page: Browser, upstream: Upstream) -> None:
    upstream.scripts = [answer("One two three", prompt=7), Script.error(400, b"{}")]
    key = service.key()
    service.create(key, input="Hi")
    service.post(key, model="agent", input="Hi")
    page.open()
    page.until_text("Requests", ".tiles")
    assert "at most 2 on a day" in page.until_text(datetime.now(UTC).strftime("%Y-%m-%d"), ".axis")
    tiles = page.text(".tiles").split("\n")
    assert tiles[tiles.index("Requests") + 1] == "2"
    assert tiles[tiles.index("Tokens") + 1] == "10"
    page.until_text("provider_refused_request", "table")
    page.until_text("Waiting approvals: none")
    for kind, subject in (("By user", "ada"), ("By agent", "agent"), ("By model", "up/m")):
        page.click(kind)
        page.until_text(subject, "table")
    page.click("By user")
    page.click("ada")
    page.click("Usage")
    page.until_text("Usage of ada")


def test_a_response_shows_its_timeline_and_what_it_says_on_demand(
    service: Service, page: Browser, response: str
) -> None:
    page.open("responses")
    page.submit("Show", "completed", "table", user="ada")
    page.click_on("td a")
    page.until_text("Timeline")
    assert "Hello from upstream" not in page.text()
    assert "assistant" in page.text(".timeline")
    page.click("Read the content")
    page.until_text("Hello from upstream", ".items")
    page.click("Delete …")
    page.click("Delete it")
    page.until_text("ada has no stored responses")
    page.go(f"responses/ada/{response}")
    page.until_text("There is no such response", "[role=alert]")
    page.complaints()  # what was refused


def test_a_running_response_is_cancelled(service: Service, page: Browser, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Ei"), gate, finish(), usage(1, 1))]
    made = service.post(service.key(), None, model="agent", input="Hi", background=True, store=True).json()
    assert gate.reached.wait(10)
    page.open(f"responses/ada/{made['id']}")
    page.click("Cancel")
    page.until_text("cancelled", ".facts")
