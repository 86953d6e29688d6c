"""A service with a console, and one browser for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from antiphon.records import Grant, Group
from tests.support.browser import TOKEN, Browser, chromium
from tests.support.service import Service
from tests.support.upstream import Upstream


@pytest.fixture
def settings() -> dict[str, Any]:
    """Return settings of the service beside its console; a test module may override this."""
    return {}


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, settings: dict[str, Any]) -> Iterator[Service]:
    with Service(tmp_path, upstream, console=TOKEN, **settings) as running:
        yield running


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def page(driver: Chrome, service: Service) -> Iterator[Browser]:
    """The console in a browser. Whatever a test does, the browser must have nothing to complain of."""
    browser = Browser(driver, service.root, TOKEN)
    browser.look()
    browser.complaints()
    yield browser
    complaints = [each for each in browser.complaints() if " /v1/" not in each and "/v1/" not in each.split(" ")[0]]
    assert complaints == []


@pytest.fixture
def response(service: Service) -> str:
    """Make a key, a group with a grant, and a response. Return the response's id."""
    key = service.key()
    service.put(Group("default", "staff", "Staff"))
    service.put(Grant("default", "agent", "group:staff", 1))
    return str(service.create(key, input="Hi")["id"])
