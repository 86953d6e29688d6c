"""A user is exported into a file and erased from its page."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import SOON, Browser
from tests.support.service import Service

SAID = "the-canary-sings-at-noon"


@pytest.fixture
def settings() -> dict[str, Any]:
    """Keep nothing of a key in memory, so an erasure need not wait."""
    return {"cache_seconds": 0}


def test_a_user_is_exported_into_a_file(service: Service, page: Browser, tmp_path: Path) -> None:
    service.user("ann")
    service.agent("hers", author="ann")
    key = service.key("ann")
    for number in range(3):
        service.create(key, model="hers", input=f"{SAID} {number}")
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.open("people/users/ann")
    page.click("Export")
    page.until_text("Exported")
    file = tmp_path / "ann.jsonl"
    until = time.monotonic() + SOON
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert f"Exported {len(records)} records." in page.text()
    assert [each["record"]["id"] for each in records if each["kind"] == "user"] == ["ann"]
    said = [each["record"]["input"][0]["content"] for each in records if each["kind"] == "response"]
    assert sorted(json.dumps(said).count(f"{SAID} {number}") for number in range(3)) == [1, 1, 1]


def test_a_user_is_erased_after_its_id_was_written_and_its_agents_given_away(service: Service, page: Browser) -> None:
    service.user("ann")
    service.agent("hers", author="ann")
    key = service.key("ann")
    response = service.create(key, model="hers", input=SAID)["id"]
    page.open("people/users/ann")
    page.click("Erase …")
    page.click("Erase it")
    page.until_text("Write ann to erase it.", "dialog")
    page.submit("Erase it", "is the author of 1 agent (hers)", "dialog", typed="ann")
    page.driver.execute_script(
        "const s = document.querySelector('[name=agents]'); s.value = 'give';"
        "s.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    page.submit("Erase it", "ada", "table", agents_to="ada")
    assert "ann" not in page.text("table")
    assert service.post(key, model="hers", input="Hi").status_code == 401
    found = service.run(service.directory.agent("default", "hers", []))
    assert found[0].author == "ada"
    page.complaints()  # the refusal
    assert service.get(f"/v1/responses/{response}", service.key("ada")).status_code == 404


def test_the_dialog_has_no_fault_of_access(service: Service, page: Browser) -> None:
    service.user("ann")
    page.open("people/users/ann")
    page.click("Erase …")
    page.until("dialog")
    assert page.faults() == []
