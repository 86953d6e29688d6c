"""What a user may use and has used, on one page with the user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.records import Limits, Role, Tenant, User
from tests.support.managing import Office
from tests.support.service import Service
from tests.support.upstream import Upstream, answer


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Upstream([answer("One two", prompt=5)]) as upstream, Service(tmp_path, upstream) as running:
        yield running


def test_a_user_is_shown_with_the_limits_in_force_and_what_it_used(service: Service) -> None:
    service.put(Tenant("default", Limits(tokens_per_day=900, usd_per_month=5)))
    service.put(Role("default", "STAFF", frozenset({"USE"}), Limits(tokens_per_day=500)))
    service.put(User("default", "bob", role="STAFF"))
    service.agent("bobs", author="bob")
    service.create(service.key("bob"), model="bobs", input="Hi")
    office = Office(service)
    shown = office.ask(office.operator("people:read", "usage:read"), "GET", "users/bob").json()
    assert shown["limits"] == {"tokens_per_day": 500, "usd_per_month": 5}
    used = {"requests_this_month": 1, "tokens_today": 7, "tokens_this_month": 7, "usd_this_month": None}
    assert shown["used"] == used


def test_what_a_user_used_takes_the_right_to_read_usage(service: Service) -> None:
    office = Office(service)
    shown = office.ask(office.operator("people:read"), "GET", "users/ada").json()
    assert (shown["limits"], shown["used"]) == ({}, None)
