"""Agents that are tried on the console: a first call, a conversation, its functions and approvals."""

from __future__ import annotations

import json
from pathlib import Path

from selenium.webdriver import Chrome

from tests.support.browser import TOKEN, Browser, ask
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, chunk, finish, text, tool_call, usage


def start(page: Browser) -> None:
    """Start a conversation of ada's with the agent."""
    page.open("agents/agent/try")
    page.fill(user="ada")
    page.click("Start")


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
    secret = page.submit("Make the key", "ap_", ".secret", user="ada", name="first").split()[0]
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
    start(page)
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
    assert "console: try it" in str(ask(service, "GET", "keys"))
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
    start(page)
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
    page.submit("Start", "There is no such user", ".field [role=alert]", user="nobody")
    page.fill(user="ada")
    page.click("Start")
    page.type("textarea", "Hi\n")
    page.until(".failure")
    page.complaints()  # what was refused


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
        start(page)
        page.type("textarea", "Update it\n")
        page.until_text('update {"id":1}', "form")
        page.click("Approve")
        page.until_text("Done", ".talk")
        assert [call.arguments for call in tools.calls] == [{"id": 1}]
        assert page.complaints() == []
