"""The limits of one user on their page in the console."""

from __future__ import annotations

from antiphon.records import Limits, Tenant
from tests.support.browser import PHONE, Browser, ask
from tests.support.service import Service


def test_the_limits_of_a_user_are_set_shown_and_refused_at_their_field(service: Service, page: Browser) -> None:
    service.user("bob")
    service.put(Tenant("default", Limits(tokens_per_day=500)))
    page.look(size=PHONE)
    page.open("people/users/bob")
    page.submit("Save the limits", "They hold within a minute", tokens_per_day="200", usd_per_month="2.5")
    assert page.faults() == []
    assert ask(service, "GET", "users/bob/limits")["limits"] == {"tokens_per_day": 200, "usd_per_month": 2.5}
    page.go("people")
    page.go("people/users/bob")
    page.until_text("0 of 200")
    assert page.value("[name=tokens_per_day]") == "200"
    page.click("Usage")
    page.until_text("0 of 200", ".facts")
    assert page.faults() == []
    page.go("people/users/bob")
    page.until("[name=tokens_per_day]")
    page.fill(tokens_per_day="0.5")
    page.driver.execute_script("document.querySelector('[name=tokens_per_day]').step = 'any'")
    page.click("Save the limits")
    page.until("[name=tokens_per_day][aria-invalid=true]")
    page.complaints()  # the 400
