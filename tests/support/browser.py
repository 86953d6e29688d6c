"""Headless Chromium on the console: finds what a person would find, and holds what the browser complains of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.caller import Caller

ROOT = Path(__file__).parents[2]
SOON = 15
"""Seconds in which a page shows what it is waited for."""

FEW = 30
"""More stops than any page has before what is on it."""

DESKTOP = (1280, 860)
TOKEN = "a-token-of-the-tests"
"""The token of a console in tests."""

PHONE = (390, 844)


NAMED = """
return [...document.querySelectorAll(arguments[1])].find((each) => each.checkVisibility() && !each.disabled
  && [each.innerText.trim(), each.getAttribute("aria-label")].includes(arguments[0])) ?? null"""
"""Finds a button or link by its text or name."""


COUNTED = """
const done = arguments[0];
if (!window.requests) {
  const send = window.fetch;
  const requests = window.requests = {sent: [], waiting: 0, last: performance.now()};
  window.fetch = async (...given) => {
    requests.sent.push(String(given[0]));
    requests.waiting += 1;
    try {
      return await send(...given);
    } finally {
      requests.waiting -= 1;
      requests.last = performance.now();
    }
  };
}
const ended = () => !window.requests.waiting && performance.now() - window.requests.last > 200;
const look = () => ended() ? done(window.requests.sent.splice(0)) : setTimeout(look, 20);
look();
"""
"""Returns the requests that the page has sent since this ran last, as soon as all are answered and none follows (an
effect of Preact runs up to 100 ms after what it follows)."""


class Browser:
    """One browser; its waits end as soon as the page shows what they wait for."""

    def __init__(self, driver: Chrome, root: str, token: str) -> None:
        self.driver = driver
        self._root = root
        self._token = token

    def open(self, path: str = "") -> None:
        """Open the console as its address does, then go to one of its pages."""
        self.driver.get("about:blank")
        self.driver.get(f"{self._root}/console/#token={self._token}")
        self.until("nav[aria-label=Pages]")
        if path:
            self.go(path)

    def go(self, path: str) -> None:
        """Go to a page of the console, as a link does."""
        self.driver.execute_script("location.hash = arguments[0]", f"#/{path}")
        self.until_gone(".loading")

    def until_address(self, path: str) -> None:
        """Wait until the console has gone to one of its pages."""
        shown = "return location.hash === arguments[0]"
        self._wait(lambda: self.driver.execute_script(shown, f"#/{path}"), path)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def until(self, selector: str) -> None:
        """Wait for an element."""
        self._wait(lambda: self.all(selector), selector)

    def until_gone(self, selector: str) -> None:
        """Wait until there is no such element."""
        self._wait(lambda: not self.all(selector), selector)

    def until_text(self, text: str, selector: str = "body") -> str:
        """Wait for a text in an element; return all of the element's text."""
        self._wait(lambda: text in self.text(selector), f"{text} in {selector}")
        return self.text(selector)

    def text(self, selector: str = "body") -> str:
        script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText).join('\\n')"
        return str(self.driver.execute_script(script, selector))

    def click(self, text: str, selector: str = "button, a, summary") -> None:
        """Click the button or link with a text, or with a name that a reader of the screen reads."""
        self._wait(lambda: self._clicked(text, selector), text)

    def click_on(self, selector: str) -> None:
        """Click the first element of a selector."""
        self._with_first(selector, WebElement.click)

    def type(self, selector: str, text: str) -> None:
        """Press the keys of a text in an element."""
        self._with_first(selector, lambda element: element.send_keys(text))

    def value(self, selector: str, name: str = "value") -> str:
        """Return a property of an element."""
        self.until(selector)
        script = "return String(document.querySelector(arguments[0])[arguments[1]])"
        return str(self.driver.execute_script(script, selector, name))

    def _with_first(self, selector: str, act: Callable[[WebElement], Any]) -> None:
        def acted() -> bool:
            found = self.all(selector)
            if found:
                act(found[0])
            return bool(found)

        self._wait(acted, selector)

    def _clicked(self, text: str, selector: str) -> bool:
        found: WebElement | None = self.driver.execute_script(NAMED, text, selector)
        if found is not None:
            found.click()
        return found is not None

    def _wait(self, holds: Callable[[], Any], message: str) -> None:
        """Wait until something holds. The page may be drawn anew meanwhile."""
        passing = (StaleElementReferenceException, ElementClickInterceptedException)
        wait = WebDriverWait(self.driver, SOON, poll_frequency=0.05, ignored_exceptions=passing)
        wait.until(lambda _: holds(), message)

    def fill(self, **fields: str) -> None:
        """Write into fields by their names, in place of what they hold."""
        for name, value in fields.items():
            self._with_first(f"[name={name}]", partial(_write, text=value))

    def submit(self, button: str, shown: str, selector: str = "body", /, **fields: str) -> str:
        """Fill in a form, press its button and wait for a text in an element; return all of the element's text."""
        self.fill(**fields)
        self.click(button)
        return self.until_text(shown, selector)

    def check(self, name: str, value: str = "on") -> None:
        """Click a box."""
        self.click_on(f"[name={name}]" if value == "on" else f"[name={name}][value='{value}']")

    @contextmanager
    def counting_requests(self) -> Iterator[list[str]]:
        """Yield a list that gets the paths of the requests which the page sends meanwhile; earlier ones end first."""
        self.driver.execute_async_script(COUNTED)
        sent: list[str] = []
        yield sent
        sent += self.driver.execute_async_script(COUNTED)

    def press_tab_to(self, text: str) -> list[str]:
        """Move the focus on until it is on a text; return all that had it."""
        reached: list[str] = []
        while text not in reached and len(reached) < FEW:
            self.press(Keys.TAB)
            reached.append(self.focused())
        return reached

    def press(self, key: str) -> None:
        """Press a key where the focus is."""
        self.driver.switch_to.active_element.send_keys(key)

    def focused(self) -> str:
        """Return the text of what has the focus."""
        return str(self.driver.execute_script("return document.activeElement.innerText")).strip()

    def look(self, *, dark: bool = False, size: tuple[int, int] = DESKTOP) -> None:
        """Show the page in a colour scheme and size."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def complaints(self) -> list[str]:
        """Return and clear the errors and warnings of the browser's log: CSP violations, errors of scripts."""
        log: list[dict[str, Any]] = self.driver.get_log("browser")
        return [entry["message"] for entry in log if entry["level"] in {"SEVERE", "WARNING"}]

    def faults_of(self, paths: Iterable[str]) -> dict[str, list[str]]:
        """Open pages; return their faults of access, also that one is wider than the window, by path."""
        faults = {}
        for path in paths:
            self.go(path)
            self.until("h1")
            width = self.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
            found = self.faults() + (["wider than the window"] if width[0] > width[1] else [])
            if found:
                faults[path] = found
        return faults

    def faults(self) -> list[str]:
        """Return what axe finds that is serious or worse."""
        if not self.driver.execute_script("return 'axe' in window"):
            self.driver.execute_script(axe())
        found = self.driver.execute_async_script("axe.run().then(arguments[0])")
        return [
            f"{each['id']}: {each['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for each in found["violations"]
            if each["impact"] in {"serious", "critical"}
            for node in each["nodes"]
        ]


def _write(element: WebElement, text: str) -> None:
    element.send_keys(Keys.CONTROL, "a")
    element.send_keys(Keys.DELETE, text)


def ask(service: Caller, method: str, path: str, body: Any = None) -> Any:
    """Send a request of management with the console's token, which must succeed; return the answer's JSON."""
    headers = {"x-antiphon-console": TOKEN}
    answer = service.client.request(method, f"/v1/admin/{path}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def axe() -> str:
    """Return the source of axe-core."""
    file = ROOT / "tests/console/node/node_modules/axe-core/axe.min.js"
    if not os.environ.get("CI") and not file.exists():
        pytest.skip("needs axe: `make install-browser`")
    return file.read_text(encoding="utf-8")


@contextmanager
def chromium(profile: Path) -> Iterator[Chrome]:
    """Start a browser; skip if there is no Chromium with its driver, unless this is CI."""
    driver = shutil.which("chromedriver")
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    if not os.environ.get("CI") and not (driver and binary):
        pytest.skip("needs Chromium and its driver: `make install-browser`")
    options = ChromeOptions()
    options.binary_location = binary or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = Chrome(options=options, service=ChromeService(executable_path=driver))
    try:
        started.set_window_size(*DESKTOP)
        yield started
    finally:
        started.quit()
