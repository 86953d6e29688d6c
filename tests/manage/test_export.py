"""An export has all that is stored about a user, and nothing of another one, in pages of bounded size."""

from __future__ import annotations

import json

import pytest

from antiphon.errors import ApiError
from antiphon.manage.export import AREAS, MAX_BYTES, export_user
from antiphon.records import Budget
from tests.support.deployment import OPERATOR, Deployment
from tests.support.managing import Office, key_id
from tests.support.possessions import CANARY, USER, settle
from tests.support.service import Service


@pytest.fixture(params=["sqlite", "dynamodb"])
async def deployment(request, tmp_path):
    opened = Deployment(tmp_path, request.getfixturevalue("emulator") if request.param == "dynamodb" else None)
    yield opened
    await opened.stores.aclose()


async def exported(services, limit=100, user=USER):
    records, after = [], ""
    while True:
        page = await export_user(services, OPERATOR, user, limit=limit, after=after)
        assert page.records
        assert len(page.records) == 1 or len(json.dumps(page.records)) <= MAX_BYTES * 1.1
        records += page.records
        if not page.more:
            return records
        after = page.records[-1]["id"]


async def test_everything_is_exported_once_and_nothing_of_another_user(deployment):
    ids = await settle(deployment.services)
    records = await exported(deployment.services)
    found = {}
    for each in records:
        found.setdefault(each["kind"], []).append(each)
    counts = {kind: len(of) for kind, of in found.items()}
    assert counts.pop("audit") > 3
    assert counts.pop("audit_about") >= 1
    assert counts == {
        "user": 1,
        "group": 1,
        "key": 1,
        "grant": 2,
        "agent": 2,
        "deleted_agent": 1,
        "usage": 1,
        "response": 2,
        "conversation": 1,
        "conversation_items": 1,
        "approval": 2,
    }
    assert len({each["id"] for each in records}) == len(records)
    assert {each["id"] for each in found["response"]} == {f"response:{ids['response']}", f"response:{ids['large']}"}
    for each in found["response"]:
        assert CANARY in each["record"]["input"][0]["content"]
        assert CANARY in each["record"]["response"]["output"][0]["content"][0]["text"]
    assert CANARY in json.dumps(found["conversation_items"])
    assert {each["record"]["version"] for each in found["agent"]} == {1, 2}
    assert ids["secret"] not in json.dumps(records)
    assert "of Bob" not in json.dumps([each for each in records if not each["kind"].startswith("audit")])


async def test_pages_of_any_size_have_the_same_records(deployment):
    await settle(deployment.services)
    whole = [each for each in await exported(deployment.services) if not each["kind"].startswith("audit")]
    for limit in (1, 4):
        pages = await exported(deployment.services, limit)
        assert [each for each in pages if not each["kind"].startswith("audit")] == whole


async def test_each_page_that_an_operator_reads_is_noted(deployment):
    await settle(deployment.services)
    await exported(deployment.services, 5)
    noted = [each["record"] for each in await exported(deployment.services) if each["kind"] == "audit_about"]
    assert [entry["after"] for entry in noted if entry["action"] == "user.exported"][-1] == {"after": None}
    assert len([entry for entry in noted if entry["action"] == "user.exported"]) > 3


async def test_a_page_that_follows_nothing_is_refused(deployment):
    await settle(deployment.services)
    others = ("conversation:conv_x", "conversation_items:x")
    for after in ("nonsense", "response:resp_x", "agent:x", "agent:a/b", "key:x", ":", *others):
        with pytest.raises(ApiError, match="There is no such record"):
            await export_user(deployment.services, OPERATOR, USER, limit=5, after=after)


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path, cache_seconds=0) as running:
        yield running


@pytest.fixture
def office(service):
    return Office(service)


def test_an_operator_needs_the_right_to_read_each_area(office):
    staged = office.stage()
    for missing in AREAS:
        key = office.operator(*(f"{area}:read" for area in AREAS if area != missing))
        answer = office.ask(key, "GET", f"users/{staged['user']}/export")
        assert answer.status_code == 403, missing
        assert f"{missing}:read" in answer.json()["error"]["message"]
    key = office.operator(*(f"{area}:read" for area in AREAS))
    assert office.ask(key, "GET", f"users/{staged['user']}/export").status_code == 200


def test_users_export_what_is_their_own_without_the_audit_log(office):
    mine, others = office.stage(), office.stage()
    page = office.ask(mine["secret"], "GET", "me/export?limit=100").json()
    assert page["data"][0]["id"] == f"user:{mine['user']}"
    assert f"response:{mine['response']}" in [each["id"] for each in page["data"]]
    assert not [each for each in page["data"] if each["kind"].startswith("audit")]
    assert others["user"] not in json.dumps(page)
    assert office.ask(mine["secret"], "GET", "me/export?after=audit:1").status_code == 400
    assert office.ask(mine["secret"], "GET", f"users/{others['user']}/export").status_code == 403


def test_a_key_that_is_limited_to_agents_exports_nothing(office):
    mine = office.stage()
    limited = office.key(mine["user"], agents=(mine["agent"],))
    answer = office.ask(limited, "GET", "me/export")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    assert mine["response"] not in answer.text


def test_a_user_exports_no_key_that_does_not_exist_for_the_one_they_use(office):
    mine = office.stage()
    management = key_id(office.key(mine["user"], management=True))
    limited = office.key(mine["user"], budget=Budget(tokens_per_day=5))
    for used, shown in ((mine["secret"], {mine["key"], key_id(limited)}), (limited, {key_id(limited)})):
        page = office.ask(used, "GET", "me/export?limit=100").json()
        assert {each["record"]["id"] for each in page["data"] if each["kind"] == "key"} == shown
        listed = office.ask(used, "GET", "me/keys").json()["data"]
        assert {each["id"] for each in listed} == shown
        assert office.ask(used, "GET", f"me/export?after=key:{management}").status_code == 400


def test_a_page_follows_no_key_of_another_user(office):
    mine, others = office.stage(), office.stage()
    assert office.ask(mine["secret"], "GET", f"me/export?after=key:{others['key']}").status_code == 400


def test_a_new_user_with_the_id_of_a_former_one_exports_none_of_its_deleted_agents(office, service):
    mine = office.stage("ann")
    page = office.ask(mine["secret"], "GET", "me/export?limit=100").json()
    assert f"deleted_agent:{mine['deleted']}" in {each["id"] for each in page["data"]}
    service.run(service.directory.delete_agent("default", mine["agent"]))
    root = office.operator("all")
    assert office.ask(root, "DELETE", "users/ann").status_code == 200
    assert office.ask(root, "PUT", "users/ann", {"role": "FREE"}).status_code == 200
    page = office.ask(office.key("ann"), "GET", "me/export?limit=100").json()
    assert [each["id"] for each in page["data"] if each["kind"] == "deleted_agent"] == []
