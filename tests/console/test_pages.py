"""What holds for every page of the console, in a real browser."""

from __future__ import annotations

import re

import pytest

from antiphon.records import Group, User
from tests.support.browser import PHONE, Browser
from tests.support.service import Service
from tests.support.upstream import answer

PAGES = [
    "today",
    "today?days=30",
    "today/user",
    "today/model?days=1",
    "usage/user/ada",
    "approvals",
    "audit",
    "audit?kind=agent&days=7",
    "deleted-agents",
    "webhooks",
    "webhooks/+",
    "failed-deliveries",
    "agents/agent/tools",
    "agents/agent/versions",
    "agents",
    "agents/+",
    "agents/agent",
    "agents/agent/try",
    "agents/agent/access?user=ada",
    "agents/agent/call",
    "keys",
    "keys/+",
    "people",
    "people/+",
    "people/users/+",
    "people/users/ada",
    "people/roles",
    "people/roles/+",
    "people/roles/USER",
    "people/groups",
    "people/groups/+",
    "people/tenant",
    "people/why",
    "responses",
    "responses/ada",
    "nowhere",
]


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_page_is_without_a_serious_fault_of_access(
    service: Service, page: Browser, response: str, look: str
) -> None:
    page.look(dark=look == "dark", **({"size": PHONE} if look == "phone" else {}))
    page.open()
    assert page.faults_of([*PAGES, f"responses/ada/{response}"]) == {}


def test_without_a_token_the_page_says_how_to_get_one(service: Service, page: Browser) -> None:
    page.driver.get(f"{service.root}/console/")
    page.until_text("This page has no token")
    assert page.faults() == []


def test_a_wrong_token_is_refused_and_the_page_says_what_to_do(service: Service, page: Browser) -> None:
    page.driver.get(f"{service.root}/console/#token=another")
    page.until_text("The token is wrong, or of a console that has ended")
    page.complaints()  # the 401 of the facts


def test_the_token_leaves_the_address_and_is_stored_nowhere(page: Browser) -> None:
    page.open()
    state = "return [location.href, document.cookie, localStorage.length, sessionStorage.length]"
    href, cookie, local, session = page.driver.execute_script(state)
    assert "token" not in href
    assert (cookie, local, session) == ("", 0, 0)


def test_a_name_that_is_markup_stays_text(service: Service, page: Browser) -> None:
    """What stored cross-site scripting would need: CVE-2024-7990 (Open WebUI) ran a model's description."""
    evil = "<img src=x onerror=document.title='owned'>"
    service.agent("evil", name=evil, description=evil, instructions=f"<script>{evil}</script>")
    service.put(User("default", "eve", name=evil))
    service.put(Group("default", "evil", name=evil))
    key = service.key(name=evil)
    service.upstream.scripts = [answer(evil)]
    response = service.create(key, model="evil", input=evil)["id"]
    page.open()
    for path in (
        "agents",
        "agents/evil",
        "keys",
        "people",
        "people/users/eve",
        "people/groups",
        f"responses/ada/{response}",
    ):
        page.go(path)
        page.until("h1")
        assert page.all("img[src=x]") == []
    page.click("Read the content")
    page.until_text(evil, ".items")
    page.go("agents")
    page.until_text(evil, "table")
    assert page.all("img[src=x]") == []
    assert "owned" not in page.driver.title


def test_markup_cannot_be_written_at_all(page: Browser) -> None:
    page.open()
    written = page.driver.execute_script(
        "try { document.body.innerHTML = '<b>x</b>'; return 'written' } catch (error) { return error.name }"
    )
    assert written == "TypeError"
    assert "TrustedHTML" in "".join(page.complaints())


def test_each_page_is_one_request_with_its_tables_and_forms(service: Service, page: Browser, response: str) -> None:
    page.open("people/why")
    found = {}
    for path in [*PAGES, f"responses/ada/{response}"]:
        with page.counting_requests() as requests:
            page.go(path)
            page.until("h1")
            page.until_gone("[aria-busy=true]")
        found[path] = len(requests)
    asked_twice = {
        "today",  # with the approvals
        "today?days=30",
        "usage/user/ada",  # with the limits
        "agents/agent/access?user=ada",  # with the grants
    }
    assert {path: count for path, count in found.items() if count > 1} == dict.fromkeys(asked_twice, 2)


def test_lists_are_read_page_by_page_with_one_request_each(service: Service, page: Browser) -> None:
    for number in range(55):
        service.put(User("default", f"user{number:02}"))
    page.open("agents")
    with page.counting_requests() as requests:
        page.go("people")
        page.until_text("user00", "table")
    assert len(requests) == 1
    assert "user54" not in page.text("table")
    with page.counting_requests() as requests:
        page.click("Show more")
        page.until_text("user54", "table")
    assert len(requests) == 1


READS = {"some", "find", "agents", "agent", "account", "get", "grants_on", "last_used"}


@pytest.mark.parametrize("path", ["agents", "keys", "people", "people/roles", "responses/ada", "agents/agent/access"])
def test_a_store_that_fails_is_shown_and_leaves_nothing_half_shown(service: Service, page: Browser, path: str) -> None:
    page.open("people/why")
    for store in (service.directory, service.keys, service.responses):
        store.broken = READS
    page.go(path)
    page.until_text("The store did not answer", "[role=alert]")
    for store in (service.directory, service.keys, service.responses):
        store.broken = set()
    page.complaints()  # the 503


@pytest.mark.usefixtures("response")
def test_a_page_does_not_shift_as_it_is_read(service: Service, page: Browser) -> None:
    page.open("agents")
    page.driver.execute_script("""
      window.shifted = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((each) => { window.shifted += each.value; }))
        .observe({ type: "layout-shift", buffered: true });""")
    for path in ("keys", "people", "responses/ada", "agents/agent", "agents"):
        page.go(path)
        page.until("h1")
    assert page.driver.execute_script("return window.shifted") < 0.05


def test_an_empty_list_leads_to_the_form_that_fills_it(service: Service, page: Browser) -> None:
    service.run(service.directory.delete_agent("default", "agent"))
    page.open("agents")
    assert re.search("No agents yet", page.text())
    page.click("Make the first agent")
    page.until_text("New agent", "h1")
