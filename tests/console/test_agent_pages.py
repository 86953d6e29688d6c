"""The pages of agents: the agent, its access and its versions."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from antiphon.records import Group
from tests.support.browser import Browser
from tests.support.service import Service


def test_an_agent_is_changed_and_deleted_and_a_refusal_is_at_its_field(service: Service, page: Browser) -> None:
    page.open("agents/+")
    page.submit(
        "Make the agent", "This id is taken", ".field [role=alert]", id="agent", author="ada", provider="up", model="m"
    )
    page.submit("Make the agent", "There is no such user", ".field [role=alert]", id="other", author="nobody")
    page.submit("Make the agent", "nothere", "[role=alert]", author="ada", provider="nothere")
    page.go("agents/agent")
    page.click("Tools, parameters and fallbacks")
    page.submit("Save", "This is not JSON", ".field [role=alert]", description="New", more="{")
    page.submit("Save", "temperature", "[role=alert]", more='{"temperature": 7}')
    page.submit("Save", "Saved.", more='{"temperature": 0.5}')
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
    page.submit("Grant", "group:staff", "table", principal="group:staff")
    page.submit("Explain", "ada may call agent", ".why", user="ada")
    page.click("Take back from group:staff")
    page.click("Take it back")
    page.until_gone("dialog")
    page.until_gone("[aria-label='Take back from group:staff']")
    page.submit("Grant", "There is no such group", "[role=alert]", principal="group:nothere")
    page.go("people/why")
    page.submit("Explain", "refused", ".why", user="uma", agent="agent")
    page.complaints()  # what was refused


def test_a_version_is_compared_and_brought_back_and_a_deleted_agent_restored(service: Service, page: Browser) -> None:
    page.open("agents/agent")
    page.submit("Save", "Saved.", instructions="Be brief.")
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
    page.until_address("agents/agent")
    page.until_text("agent", "h1")


def test_an_agent_whose_id_is_a_word_of_the_page_is_reached(service: Service, page: Browser) -> None:
    service.agent("new")
    service.user("new")
    page.open("agents")
    page.click("new")
    page.until("[name=instructions]")
    page.go("people/users/new")
    page.until_text("What new may")


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
