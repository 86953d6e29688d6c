"""/v1/admin/usage over HTTP: who reads what, and what a page costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.records import Budget, Limits, Tenant
from antiphon.run.tally import day_of
from tests.support.caller import TENANT, refused
from tests.support.managing import Office
from tests.support.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path, cache_seconds=0) as running:
        yield running


def test_an_operator_reads_use_by_model_and_by_day(service: Service) -> None:
    service.create(service.key(), input="Hi")
    service.settle(5)
    reader = Office(service).operator("usage:read")
    (model,) = service.get("/v1/admin/usage?by=model", reader).json()["data"]
    assert (model["id"], model["requests"], model["usd"], model["errors"]) == ("demo/m", 1, 0.0, {})
    whole = service.get("/v1/admin/usage/days", reader).json()
    assert (whole["id"], [day["day"] for day in whole["days"]]) == (TENANT, [day_of(service.clock())])
    days = service.get("/v1/admin/usage/days?by=model&of=demo/m", reader).json()
    assert {name: days[name] for name in days if name != "id"} == {name: whole[name] for name in whole if name != "id"}


def test_pages_follow_each_other_by_their_last_id(service: Service) -> None:
    names = ["ada", "bob", "eve"]
    for name in names:
        service.user(name)
        service.agent(f"agent-of-{name}", name)
        service.create(service.key(name), input="Hi", model=f"agent-of-{name}")
    service.settle(5)
    reader, found, after = Office(service).operator("usage:read"), [], ""
    while True:
        page = service.get(f"/v1/admin/usage?limit=1{after}", reader).json()
        found += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    assert found == names


def test_users_read_their_own_use_and_that_of_their_keys_alone(service: Service) -> None:
    service.user("bob")
    key, others = service.key(), service.key("bob")
    service.create(key, input="Hi")
    service.settle(5)
    ids = {found.user: found.id for found in service.run(service.keys.list(TENANT))}
    for path in ("me/usage", "usage/days?by=user&of=ada", f"usage/days?by=key&of={ids['ada']}"):
        assert service.get(f"/v1/admin/{path}", key).json()["requests"] == 1
    refused(service.get("/v1/admin/usage/days?by=user&of=ada", others), 403, "permission_denied")
    refused(service.get(f"/v1/admin/usage/days?by=key&of={ids['ada']}", others), 404, "key_not_found")
    refused(service.get("/v1/admin/usage", key), 403, "permission_denied")
    refused(service.get("/v1/admin/usage/days?by=model&of=demo/m", key), 403, "permission_denied")


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("?by=colour", "unsupported_value", "by"),
        ("?from=yesterday", "invalid_value", "from"),
        ("?to=20261129", "invalid_value", "to"),
        ("?from=2026-11-02&to=2026-11-01", "invalid_value", "from"),
        ("/days?by=user", "missing_required_parameter", "of"),
        ("/days?of=ada", "missing_required_parameter", "by"),
        ("/days?limit=3", "unknown_parameter", "limit"),
    ],
)
def test_a_wrong_query_is_refused_with_its_place(service: Service, query: str, code: str, param: str) -> None:
    reader = Office(service).operator("usage:read")
    refused(service.get(f"/v1/admin/usage{query}", reader), 400, code, param)


def test_limits_are_read_with_what_is_used_of_them(service: Service) -> None:
    service.put(Tenant(TENANT, Limits(tokens_per_day=10**6, requests_per_minute=50)))
    service.agent("agent", budget=Budget(usd_per_month=2.5))
    key = service.key(budget=Budget(tokens_per_month=10**7))
    tokens = service.create(key, input="Hi")["usage"]["total_tokens"]
    service.settle(5)
    (found,) = service.run(service.keys.list(TENANT))
    reader = Office(service).operator("usage:read")

    def limits(by: str, of: str) -> list[tuple[str, float, float | None]]:
        answer = service.get(f"/v1/admin/usage/limits?by={by}&of={of}", reader)
        return [(each["name"], each["limit"], each["used"]) for each in answer.json()["limits"]]

    day = ("tokens_per_day", 10**6, tokens)
    assert limits("user", "ada") == [day, ("requests_per_minute", 50, None)]
    assert limits("key", found.id) == [("tokens_per_month", 10**7, tokens)]
    assert limits("agent", "agent") == [("usd_per_month", 2.5, 0.0)]
    mine = service.get("/v1/admin/me/limits", key).json()["limits"]
    assert (mine[0]["used"], mine[0]["resets_at"] % 86_400) == (tokens, 0)
    limited = service.get("/v1/admin/me/limits", service.key(agents=("agent",))).json()["limits"]
    assert limited == [{**mine[0], "used": None}, mine[1]]
    refused(service.get("/v1/admin/usage/limits?by=model&of=demo/m", reader), 400, "invalid_value", "by")
    refused(service.get("/v1/admin/usage/limits?by=agent&of=nobodys", reader), 404, "agent_not_found")
