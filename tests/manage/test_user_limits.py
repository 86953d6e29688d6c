"""Limits of one user: they narrow those of deployment, tenant and role, and a refusal names the user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from antiphon.access.configuration import resolve
from antiphon.records import Grant, Limits, Role, Tenant, User
from tests.support.caller import TENANT, refused
from tests.support.managing import Office
from tests.support.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path, cache_seconds=0) as running:
        yield running


def limited(service: Service, user: str, **limits: Any) -> None:
    office = Office(service)
    answer = office.ask(office.operator("all"), "PUT", f"users/{user}/limits", limits)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"object": "admin.user.limits", "id": user, "limits": limits}


def test_a_user_can_have_less_than_tenant_and_role_and_never_more() -> None:
    deployment, tenant, role = Limits(tokens_per_day=100), Limits(models=("a", "b")), Limits(tokens_per_month=50)
    less = resolve(deployment, tenant, role, Limits(tokens_per_day=10, models=("b", "c"), tokens_per_month=5))
    assert (less.tokens_per_day, less.models, less.tokens_per_month) == (10, ("b",), 5)
    more = resolve(deployment, tenant, role, Limits(tokens_per_day=1000, tokens_per_month=500, usd_per_month=1.0))
    assert (more.tokens_per_day, more.models, more.tokens_per_month, more.usd_per_month) == (100, ("a", "b"), 50, 1.0)


def test_a_user_whose_budget_is_used_up_is_refused_by_name_and_another_goes_on(service: Service) -> None:
    service.user("bob")
    service.put(Grant(TENANT, "agent", "user:bob", 1))
    keys = {user: service.key(user) for user in ("ada", "bob")}
    limited(service, "ada", tokens_per_day=1)
    for user, key in keys.items():
        service.create(key, input="Hi")
        service.settle(5)
        again = service.post(key, model="agent", input="Hi")
        if user == "ada":
            error = again.json()["error"]
            assert (again.status_code, error["code"]) == (429, "insufficient_quota")
            assert "`tokens_per_day` of user `ada` is 1 and used up" in error["message"]
        else:
            assert again.status_code == 200


def test_a_rate_and_the_models_of_a_user_are_narrowed(service: Service) -> None:
    key = service.key()
    limited(service, "ada", requests_per_minute=1)
    service.create(key, input="Hi")
    refused(service.post(key, model="agent", input="Hi"), 429, "rate_limit_exceeded")
    limited(service, "ada", models=["another"])
    assert service.post(key, model="agent", input="Hi").status_code in {400, 403, 404}


def test_the_limits_in_force_and_those_of_the_user_alone_are_shown(service: Service) -> None:
    service.put(Tenant(TENANT, Limits(tokens_per_day=500)))
    key = service.key()
    limited(service, "ada", tokens_per_day=1000, usd_per_month=2.5)
    office = Office(service)
    reader = office.operator("people:read", "usage:read", "limits:read")
    shown = office.ask(reader, "GET", "users/ada").json()
    assert shown["limits"] == {"tokens_per_day": 500, "usd_per_month": 2.5}
    assert shown["own_limits"] == {"tokens_per_day": 1000, "usd_per_month": 2.5}
    used = office.ask(reader, "GET", "usage/limits?by=user&of=ada").json()["limits"]
    assert {each["name"]: each["limit"] for each in used} == {"tokens_per_day": 500, "usd_per_month": 2.5}
    assert service.get("/v1/admin/me", key).json()["limits"]["usd_per_month"] == 2.5


def test_other_changes_of_a_user_keep_its_limits_and_an_empty_object_removes_them(service: Service) -> None:
    service.user("bob")
    limited(service, "bob", tokens_per_day=7)
    office = Office(service)
    key = office.operator("all")
    office.ask(key, "PUT", "users/bob", {"name": "Bob"})
    assert office.ask(key, "GET", "users/bob/limits").json()["limits"] == {"tokens_per_day": 7}
    office.ask(key, "PUT", "users/bob/limits", {})
    assert office.ask(key, "GET", "users/bob/limits").json()["limits"] == {}
    newest = office.ask(key, "GET", "audit?target=user:bob&limit=1").json()["data"][0]
    assert (newest["action"], list(newest["after"])) == ("user.changed", ["limits"])


def test_who_may_not_change_limits_frees_nobody_by_deleting_and_making_a_user_anew(service: Service) -> None:
    service.put(replace(User(TENANT, "bob"), limits=Limits(tokens_per_day=7)))
    office = Office(service)
    refused(
        office.ask(office.operator("people:write", "agents:write"), "DELETE", "users/bob"), 403, "permission_denied"
    )
    assert office.ask(office.operator("people:write", "limits:write"), "DELETE", "users/bob").status_code == 200


def test_nobody_changes_the_limits_of_a_user_who_may_more(service: Service) -> None:
    service.put(Role(TENANT, "BOSS", frozenset({"USE"}), manage=frozenset({"keys:write"})))
    service.put(User(TENANT, "boss", role="BOSS"))
    office = Office(service)
    refused(office.ask(office.operator("limits:write"), "PUT", "users/boss/limits", {}), 403, "permission_denied")
    refused(office.ask(office.operator("limits:write"), "PUT", "users/nobody/limits", {}), 404, "user_not_found")
    refused(office.ask(office.operator("all"), "PUT", "users/boss/limits", {"tokens": 1}), 400, "unknown_parameter")
