"""The pages in a real browser: every page, every form, every refusal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from antiphon.records import Grant, Group, Limits, Tenant, User
from tests.support.browser import PHONE, Browser
from tests.support.managing import Office
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, chunk, finish, text, tool_call, usage

TOKEN = "a-token-of-the-tests"

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


def staged(service: Service) -> str:
    """Make a key, a group and a response; return the response's id."""
    key = service.key()
    service.put(Group("default", "staff", "Staff"))
    service.put(Grant("default", "agent", "group:staff", 1))
    return str(service.create(key, input="Hi")["id"])


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_page_is_without_a_serious_fault_of_access(service: Service, page: Browser, look: str) -> None:
    response = staged(service)
    page.look(dark=look == "dark", **({"size": PHONE} if look == "phone" else {}))
    page.open()
    faults: dict[str, list[str]] = {}
    for path in [*PAGES, f"responses/ada/{response}"]:
        page.go(path)
        page.until("h1")
        if found := page.faults():
            faults[path] = found
        width = page.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1], f"{path} is wider than the window"
    assert faults == {}


def test_without_a_token_the_page_says_how_to_get_one(service: Service, page: Browser) -> None:
    page.driver.get(f"{service.root}/console/")
    page.until_text("This page has no token")
    assert page.faults() == []


def test_a_wrong_token_is_refused_and_the_page_says_what_to_do(service: Service, page: Browser) -> None:
    page.driver.get(f"{service.root}/console/#token=another")
    page.until_text("Open the whole address that the terminal shows")
    page.complaints()  # the 401 of the facts


def test_the_token_leaves_the_address_and_is_stored_nowhere(page: Browser) -> None:
    page.open()
    state = "return [location.href, document.cookie, localStorage.length, sessionStorage.length]"
    href, cookie, local, session = page.driver.execute_script(state)
    assert "token" not in href
    assert (cookie, local, session) == ("", 0, 0)


def test_a_newcomer_makes_an_agent_a_key_and_a_first_call_without_leaving_the_page(
    service: Service, page: Browser
) -> None:
    page.open("agents")
    page.click("New agent")
    page.fill(id="helper", author="ada", provider="up", model="m", instructions="Be kind.")
    page.click("Make the agent")
    page.click("Start")
    page.type("[aria-label=Message] textarea", "Hello\n")
    page.until_text("Hello from upstream", ".talk")
    page.until_text("completed", ".talk")
    page.click("Call it")
    page.click("Make a key for it")
    assert page.value("[name=agents]") == "helper"
    page.fill(user="ada", name="first")
    page.click("Make the key")
    secret = page.until_text("ap_", ".secret").split()[0]
    page.click("Call it now")
    page.until_text("Hello from upstream", ".first-answer")
    assert service.get("/v1/models/helper", secret).status_code == 200
    page.click("Done")
    page.until_text("first", "table")
    assert secret not in page.driver.page_source


def test_a_conversation_streams_continues_and_ends_at_its_button(
    service: Service, page: Browser, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.scripts = [
        Script.stream(chunk({"reasoning_content": "Let me think."}), text("Four"), finish(), usage(3, 2)),
        Script.stream(text("Ei"), gate, text("ght"), finish(), usage(3, 2)),
        answer("Anew"),
    ]
    page.open("agents/agent/try")
    page.fill(user="ada")
    page.click("Start")
    page.type("textarea", "2 + 2?\n")
    shown = page.until_text("completed", ".talk")
    assert "Four" in shown
    assert "Reasoning" in shown
    assert "3 tokens in, 2 out" in shown
    page.type("textarea", "Twice that?\n")
    page.until_text("Ei", ".talk")
    page.click("Stop")
    page.until_text("cancelled", ".talk")
    asked = [message["content"] for message in upstream.requests[1].body["messages"]]
    assert "Four" in str(asked)
    gate.open()
    assert "console: try it" in str(service.client.get("/v1/admin/keys", headers={"x-antiphon-console": TOKEN}).json())
    page.click("New conversation")
    page.type("textarea", "Hi\n")
    page.until_text("Anew", ".talk")
    assert "Four" not in str(upstream.requests[2].body["messages"])
    page.click("Another user")
    page.go("keys")
    page.until_text("revoked", "table")


def test_a_call_of_a_function_is_answered_on_the_page(service: Service, page: Browser, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(tool_call(0, "call_1", "look", '{"at":"Rome"}'), finish("tool_calls"), usage(3, 2)),
        answer("It is sunny"),
    ]
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
    service.agent("agent", tools=(tool,))
    page.open("agents/agent/try")
    page.fill(user="ada")
    page.click("Start")
    page.type("textarea", "Weather?\n")
    assert '"at": "Rome"' in page.until_text("calls look", ".talk")
    page.type("[name=call_1]", "sunny")
    page.click("Send the output")
    page.until_text("It is sunny", ".talk")


def test_a_failed_response_and_a_refused_one_show_their_message(
    service: Service, page: Browser, upstream: Upstream
) -> None:
    upstream.scripts = [Script.error(400, json.dumps({"error": {"message": "bad"}}).encode())]
    page.open("agents/agent/try")
    page.fill(user="nobody")
    page.click("Start")
    page.until_text("There is no such user", ".field [role=alert]")
    page.fill(user="ada")
    page.click("Start")
    page.type("textarea", "Hi\n")
    page.until(".failure")
    page.complaints()  # what was refused


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


def test_an_agent_is_changed_and_deleted_and_a_refusal_is_at_its_field(service: Service, page: Browser) -> None:
    page.open("agents/+")
    page.fill(id="agent", author="ada", provider="up", model="m")
    page.click("Make the agent")
    page.until_text("This id is taken", ".field [role=alert]")
    page.fill(id="other", author="nobody")
    page.click("Make the agent")
    page.until_text("There is no such user", ".field [role=alert]")
    page.fill(author="ada", provider="nothere")
    page.click("Make the agent")
    page.until_text("nothere", "[role=alert]")
    page.go("agents/agent")
    page.click("Tools, parameters and fallbacks")
    page.fill(description="New", more="{")
    page.click("Save")
    page.until_text("This is not JSON", ".field [role=alert]")
    page.fill(more='{"temperature": 7}')
    page.click("Save")
    page.until_text("temperature", "[role=alert]")
    page.fill(more='{"temperature": 0.5}')
    page.click("Save")
    page.until_text("Saved.")
    assert '"temperature": 0.5' in page.value("[name=more]")
    page.click("Save")
    page.until_text("Nothing had changed.")
    page.click("Delete …")
    page.click("Keep it")
    page.until_gone("dialog")
    page.click("Delete …")
    page.click("Delete it")
    page.until_text("No agents yet")
    page.complaints()  # what was refused


def test_access_is_granted_explained_and_taken_back(service: Service, page: Browser) -> None:
    service.user("eve", "LIMITED")
    service.user("uma", "ADMIN", groups=("staff",))
    service.put(Group("default", "staff"))
    page.open("agents/agent/access?user=uma")
    page.until_text("refused", ".why")
    page.fill(principal="group:staff")
    page.click("Grant")
    page.until_text("group:staff", "table")
    page.fill(user="ada")
    page.click("Explain")
    page.until_text("ada may call agent", ".why")
    page.click("Take back from group:staff")
    page.click("Take it back")
    page.until_gone("dialog")
    page.until_gone("[aria-label='Take back from group:staff']")
    page.fill(principal="group:nothere")
    page.click("Grant")
    page.until_text("There is no such group", "[role=alert]")
    page.go("people/why")
    page.fill(user="uma", agent="agent")
    page.click("Explain")
    page.until_text("refused", ".why")
    page.complaints()  # what was refused


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


def test_a_call_that_its_caller_has_to_approve_is_approved_in_the_conversation(
    tmp_path: Path, driver: Chrome, upstream: Upstream
) -> None:
    tools = Tools(update=says("updated"))
    with Service(tmp_path, upstream, runner=tools, console=TOKEN) as service:
        service.agent("agent", servers=(server("update", approval="caller"),))
        call = tool_call(0, "call_a", "crm__update", '{"id":1}')
        upstream.scripts = [Script.stream(call, finish("tool_calls"), usage(10, 5)), answer("Done")]
        page = Browser(driver, service.root, TOKEN)
        page.look()
        page.open("agents/agent/try")
        page.fill(user="ada")
        page.click("Start")
        page.type("textarea", "Update it\n")
        page.until_text('update {"id":1}', "form")
        page.click("Approve")
        page.until_text("Done", ".talk")
        assert [call.arguments for call in tools.calls] == [{"id": 1}]
        assert page.complaints() == []


def test_a_version_is_compared_and_brought_back_and_a_deleted_agent_restored(service: Service, page: Browser) -> None:
    page.open("agents/agent")
    page.fill(instructions="Be brief.")
    page.click("Save")
    page.until_text("Saved.")
    page.click("Versions")
    page.until_text("in force", "table")
    page.click("Show what version 2 changed")
    assert "Be brief." in page.until_text("instructions", ".diff .added")
    page.click("Close")
    page.click("Bring version 1 back")
    page.click("Bring it back")
    page.until_text("3", "tbody tr:first-child td:first-child")
    page.click("Settings")
    page.until("[name=instructions]")
    assert page.value("[name=instructions]") == ""
    page.click("Delete …")
    page.click("Delete it")
    page.until_text("No agents yet")
    page.click("Deleted agents")
    page.click("Restore agent")
    page.click("Restore it")
    page.until_text("agent", "h1")
    assert page.address() == "#/agents/agent"


def test_the_audit_log_shows_what_the_console_changed_and_is_filtered(service: Service, page: Browser) -> None:
    page.open("people/groups/+")
    page.fill(id="staff", name="Staff")
    page.click("Make the group")
    page.until_text("staff", "h2")
    page.go("agents/agent")
    page.fill(description="New")
    page.click("Save")
    page.until_text("Saved.")
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
    page.fill(actor="nobody")
    page.click("Filter")
    page.until_text("No such change")
    page.click("Show all changes")
    page.until_text("agent.changed", "table")


def test_an_agent_whose_id_is_a_word_of_the_page_is_reached(service: Service, page: Browser) -> None:
    service.agent("new")
    service.user("new")
    page.open("agents")
    page.click("new")
    page.until("[name=instructions]")
    page.go("people/users/new")
    page.until_text("What new may")


def test_a_user_is_shown_with_use_against_the_limits(service: Service, page: Browser) -> None:
    service.put(Tenant("default", Limits(tokens_per_day=40)))
    service.create(service.key(), input="Hi")
    page.open("people/users/ada")
    assert "6 of 40" in page.until_text("Tokens today", ".facts")
    assert page.value("progress", "max") == "40"


def test_today_shows_what_was_used_by_whom_and_what_failed(service: Service, page: Browser, upstream: Upstream) -> None:
    upstream.scripts = [answer("One two three", prompt=7), Script.error(400, b"{}")]
    key = service.key()
    service.create(key, input="Hi")
    service.post(key, model="agent", input="Hi")
    page.open()
    page.until_text("Requests", ".tiles")
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


def test_a_response_shows_its_timeline_and_what_it_says_on_demand(service: Service, page: Browser) -> None:
    response = staged(service)
    page.open("responses")
    page.fill(user="ada")
    page.click("Show")
    page.until_text("completed", "table")
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


def test_each_page_is_one_request_with_its_tables_and_forms(service: Service, page: Browser) -> None:
    response = staged(service)
    page.open("people/why")
    found = {}
    for path in [*PAGES, f"responses/ada/{response}"]:
        with page.counting_requests() as requests:
            page.go(path)
            page.until("h1")
            page.until_gone("[aria-busy=true]")
        found[path] = len(requests)
    asked_twice = {"today", "today?days=30", "agents/agent/access?user=ada"}  # approvals; a question beside the grants
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


def test_a_page_does_not_shift_as_it_is_read(service: Service, page: Browser) -> None:
    staged(service)
    page.open("agents")
    page.driver.execute_script("""
      window.shifted = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((each) => { window.shifted += each.value; }))
        .observe({ type: "layout-shift", buffered: true });""")
    for path in ("keys", "people", "responses/ada", "agents/agent", "agents"):
        page.go(path)
        page.until("h1")
    assert page.driver.execute_script("return window.shifted") < 0.05


def test_an_agent_is_reached_deleted_and_kept_by_the_keyboard(page: Browser) -> None:
    page.open()
    assert page.press_tab_to("Agents")[0] == "Skip to the page"
    page.press(Keys.ENTER)
    page.until_text("agent", "table")
    assert page.press_tab_to("agent")[-1] == "agent"
    page.press(Keys.ENTER)
    page.until_text("agent", "h1")
    assert page.press_tab_to("Delete …")[-1] == "Delete …"
    page.press(Keys.ENTER)
    page.until("dialog[open]")
    page.press(Keys.ESCAPE)
    page.until_gone("dialog")
    assert page.focused() == "Delete …"


def test_an_empty_list_leads_to_the_form_that_fills_it(service: Service, page: Browser) -> None:
    service.run(service.directory.delete_agent("default", "agent"))
    page.open("agents")
    assert re.search("No agents yet", page.text())
    page.click("Make the first agent")
    page.until_text("New agent", "h1")
