"""Erasing a user leaves nothing of it but the audit log, whatever it had and wherever an earlier run was cut off."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import replace

import pytest

from antiphon.access import keys
from antiphon.errors import ApiError, StorageUnavailable
from antiphon.ids import first_response_id, next_response_id
from antiphon.manage.erase import ERASED, erase_user
from antiphon.manage.forms import EraseForm
from antiphon.ports import AuditFilter
from antiphon.records import Agent, Grant, Limits, Owner, StoredResponse, User
from antiphon.run import cancel
from antiphon.store.sqlite.usage import SQLiteUsage
from tests.support.deployment import OPERATOR, Deployment
from tests.support.managing import Office
from tests.support.possessions import (
    CANARY,
    OTHER,
    TENANT,
    USER,
    bytes_of_file,
    needs,
    rows_of_file,
    settle,
)
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, text

DELETE = EraseForm(agents="delete")
STORES = ("keys", "directory", "responses", "meter", "runs", "approvals", "usage", "audit")


@pytest.fixture(params=["sqlite", "dynamodb"])
async def deployment(request, tmp_path):
    opened = Deployment(tmp_path, request.getfixturevalue("emulator") if request.param == "dynamodb" else None)
    yield opened
    await opened.stores.aclose()


async def test_nothing_is_left_of_a_user_who_had_everything_and_all_of_another_one(deployment):
    ids = await settle(deployment.services)
    words = (USER, CANARY, *ids.values())
    theirs = {"theirs", "gone"}  # agents, whose grants go with them
    gone = {row for row in deployment.rows() if theirs & set(row[1].replace("#", " ").split())}
    kept = set(deployment.naming("bob", "of Bob")) - set(deployment.naming(*words)) - gone
    assert len(deployment.naming(USER)) > 10
    assert len(deployment.naming(CANARY)) > 5
    done = await erase_user(deployment.services, OPERATOR, USER, DELETE)
    assert (done["result"], done["keys"], done["agents"]) == ("erased", 1, 2)
    assert deployment.naming(*words) == []
    assert len(kept) > 10
    assert kept <= set(deployment.rows())


async def test_what_it_said_is_in_no_byte_of_the_file_and_its_id_only_where_the_audit_log_is(tmp_path):
    deployment = Deployment(tmp_path)
    await settle(deployment.services)
    assert CANARY.encode() in bytes_of_file(deployment.file)
    await erase_user(deployment.services, OPERATOR, USER, DELETE)
    await deployment.stores.aclose()
    copied = tmp_path / "copy.db"
    shutil.copy(deployment.file, copied)
    with closing(sqlite3.connect(copied)) as database:
        database.execute("PRAGMA secure_delete = ON")
        database.execute("DROP TRIGGER audit_is_kept")
        database.execute("DELETE FROM audit")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert CANARY.encode() not in bytes_of_file(copied)
    assert USER.encode() not in bytes_of_file(copied)


async def test_the_audit_log_has_what_was_erased_and_by_whom(deployment):
    await settle(deployment.services)
    await erase_user(deployment.services, OPERATOR, USER, DELETE)
    page = await deployment.services.audit.some(TENANT, 100, AuditFilter(target=f"user:{USER}"))
    assert [entry.action for entry in page.entries] == ["user.deleted", "user.erased", "user.created"]
    assert page.entries[1].actor.user == "root"


class Counted:
    """Passes calls on to a store, and fails at the last that it may make, as a process that dies does."""

    def __init__(self, inner, budget):
        self._inner = inner
        self._budget = budget

    def __getattr__(self, name):
        method = getattr(self._inner, name)

        async def call(*args, **more):
            self._budget["left"] -= 1
            if self._budget["left"] < 0:
                raise StorageUnavailable(name)
            return await method(*args, **more)

        return call


def dying(services, calls):
    """Return services whose process dies after so many calls of stores."""
    budget = {"left": calls}
    wrapped = {name: Counted(getattr(services, name), budget) for name in STORES}
    personal = Counted(services.personal(), budget)
    return replace(services, **wrapped, personal=lambda: personal)


async def test_a_run_that_died_after_any_call_is_finished_by_a_second_one(deployment):
    step = 3 if deployment.kind == "sqlite" else 9
    for calls in range(0, 1000, step):
        user = f"{USER}-{calls}"
        ids = await settle(deployment.services, user)
        try:
            await erase_user(dying(deployment.services, calls), OPERATOR, user, DELETE)
        except StorageUnavailable:
            done = await erase_user(deployment.services, OPERATOR, user, DELETE)
            assert done["result"] == "erased"
            assert deployment.naming(user, CANARY, *ids.values()) == [], calls
        else:
            break
    assert calls > 20


async def test_an_erased_user_can_be_erased_again(deployment):
    await settle(deployment.services)
    for _ in range(2):
        done = await erase_user(deployment.services, OPERATOR, USER, DELETE)
        assert done["result"] == "erased"
    assert (done["responses"], done["keys"], done["agents"]) == (0, 0, 0)


async def test_a_user_with_agents_is_erased_only_if_it_is_said_what_becomes_of_them(deployment):
    await settle(deployment.services)
    before = deployment.rows()
    with pytest.raises(ApiError) as refused:
        await erase_user(deployment.services, OPERATOR, USER, EraseForm())
    assert (refused.value.code, refused.value.param) == ("in_use", "agents")
    assert deployment.rows() == before


async def test_agents_are_given_to_another_user_in_all_their_versions(deployment):
    await settle(deployment.services)
    await erase_user(deployment.services, OPERATOR, USER, EraseForm(agents_to=OTHER))
    assert deployment.naming(USER) == []
    versions = await deployment.services.directory.agent_versions(TENANT, "theirs")
    assert [(each.version, each.author) for each in versions] == [(2, OTHER), (1, OTHER)]
    _, bits = await deployment.services.directory.agent(TENANT, "theirs", [f"user:{OTHER}"])
    assert bits == 15


async def test_nobody_is_erased_who_decides_on_calls_of_anothers_agent(deployment):
    await settle(deployment.services)
    await deployment.services.directory.put_agent(
        Agent(TENANT, "asks", "demo", "demo", author=OTHER, servers=needs(USER))
    )
    with pytest.raises(ApiError, match="decides on calls of tools of 1 agent \\(asks\\)"):
        await erase_user(deployment.services, OPERATOR, USER, DELETE)


async def test_decisions_on_calls_of_others_stay_without_the_name_and_what_waited_for_it_is_denied(deployment):
    await settle(deployment.services)
    services = deployment.services
    waiting = [each for each in (await services.approvals.pending(TENANT, 100)).records if each.by == f"user:{USER}"]
    await erase_user(services, OPERATOR, USER, DELETE)
    [denied] = [await services.approvals.get(TENANT, each.id) for each in waiting]
    assert (denied.state, denied.by, denied.decided_by) == ("denied", f"user:{ERASED}", "root")
    done = [row for row in deployment.rows() if f'"decided_by":"{ERASED}"' in row[1]]
    assert len(done) == 1


def test_a_running_response_is_cancelled_and_the_keys_are_refused_at_once(tmp_path):
    gate = Gate()
    scripts = [Script.stream(text("Hel"), gate)]
    with Upstream(scripts) as upstream, Service(tmp_path, upstream, cache_seconds=0) as service:
        service.user("ann")
        service.put(Grant(TENANT, "agent", "user:ann", 1))
        key = service.key("ann")
        running = service.create(key, input=CANARY, background=True)
        assert gate.reached.wait(10)
        done = service.run(erase_user(service.services, OPERATOR, "ann", EraseForm()))
        assert (done["result"], done["responses"], done["wait_seconds"]) == ("in_progress", 1, 5)
        done = service.run(erase_user(service.services, OPERATOR, "ann", EraseForm()))
        assert (done["result"], done["responses"]) == ("erased", 0)
        assert service.post(key, model="agent", input="Hi").status_code == 401
        assert service.get(f"/v1/responses/{running['id']}", key).status_code == 401
        service.settle(5)
        rows = list(rows_of_file(tmp_path / "antiphon.db"))
        assert [row for row in rows if "ann" in row[1].split() or CANARY in row[1] or running["id"] in row[1]] == []


async def test_while_functions_may_take_its_keys_the_user_is_not_erased_to_the_end(deployment):
    await settle(deployment.services)
    done = await erase_user(deployment.services, OPERATOR, USER, DELETE, cache_seconds=60)
    assert done["result"] == "in_progress"
    assert 58 <= done["wait_seconds"] <= 60
    assert await deployment.services.directory.find(User, TENANT, USER) is None
    later = replace(deployment.services, clock=lambda: deployment.services.clock() + 61)
    assert (await erase_user(later, OPERATOR, USER, DELETE, cache_seconds=60))["result"] == "erased"
    assert deployment.naming(USER, CANARY) == []


async def test_a_name_that_nobody_ever_had_is_refused_and_leaves_no_entry(deployment):
    await settle(deployment.services)
    before = deployment.rows()
    with pytest.raises(ApiError) as refused:
        await erase_user(deployment.services, OPERATOR, f"{USER}x", DELETE)
    assert (refused.value.code, refused.value.status) == ("user_not_found", 404)
    assert deployment.rows() == before


def test_nobody_erases_the_user_of_the_key_that_they_use_or_one_who_may_more(tmp_path):
    with Service(tmp_path, cache_seconds=0) as service:
        office = Office(service)
        root = office.operator("all")
        me = office.ask(root, "GET", "me").json()["user"]
        answer = office.ask(root, "POST", f"users/{me}/erase", {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "in_use")
        less = office.operator("people:write", "responses:write")
        answer = office.ask(less, "POST", f"users/{me}/erase", {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


def test_what_a_response_used_that_ran_in_another_process_is_erased_too(tmp_path, monkeypatch):
    add = SQLiteUsage.add

    async def add_late(*args):
        await asyncio.sleep(1)
        await add(*args)

    monkeypatch.setattr(SQLiteUsage, "add", add_late)
    monkeypatch.setattr(cancel, "running", lambda _: None)  # as in a process that does not run it
    gate = Gate()
    with Upstream([Script.stream(text("Hel"), gate)]) as upstream, Service(tmp_path, upstream) as service:
        service.user("ann")
        service.put(Grant(TENANT, "agent", "user:ann", 1))
        running = service.create(service.key("ann"), input=CANARY, background=True)
        assert gate.reached.wait(10)
        done = {"result": "in_progress", "wait_seconds": 0}
        while done["result"] == "in_progress":
            time.sleep(done["wait_seconds"])
            done = service.run(erase_user(service.services, OPERATOR, "ann", EraseForm(), cache_seconds=0))
        service.settle(5)
        rows = list(rows_of_file(tmp_path / "antiphon.db"))
        assert [row for row in rows if "ann" in row[1].split() or CANARY in row[1] or running["id"] in row[1]] == []


async def test_nothing_of_a_conversation_goes_while_a_response_in_it_cannot_be_ended(deployment, monkeypatch):
    monkeypatch.setattr(cancel, "PATIENCE", 0.3)
    services = deployment.services
    await services.directory.put(User(TENANT, USER))
    ended = await stored_turn(services, first_response_id(secrets.token_bytes), "completed")
    running = await stored_turn(services, next_response_id(ended, secrets.token_bytes), "in_progress")
    other = await stored_turn(services, first_response_id(secrets.token_bytes), "completed")
    done = await erase_user(services, OPERATOR, USER, EraseForm())
    assert (done["result"], done["responses"]) == ("in_progress", 1)
    owner, now = Owner(TENANT, USER), services.clock()
    left = [await services.responses.get(owner, each, now) is not None for each in (ended, running, other)]
    assert left == [True, True, False]


async def test_responses_that_run_are_ended_at_once(deployment, monkeypatch):
    monkeypatch.setattr(cancel, "PATIENCE", 0.5)
    services = deployment.services
    await services.directory.put(User(TENANT, USER))
    for _ in range(20):
        await stored_turn(services, first_response_id(secrets.token_bytes), "in_progress")
    begun = services.steady()
    done = await erase_user(services, OPERATOR, USER, EraseForm())
    assert (done["result"], done["responses"]) == ("in_progress", 0)
    assert services.steady() - begun < 8, "one after the other they would be waited for 10 seconds and more"


async def stored_turn(services, response_id, status):
    """Store a response of the user whose writer does not answer, and return its id."""
    now = int(services.clock())
    resource = {"id": response_id, "status": status, "previous_response_id": None, "output": [], "background": True}
    turn = StoredResponse(
        Owner(TENANT, USER), response_id, "theirs", "in_progress", now, now + 600, "l", now + 60, (), [], resource
    )
    await services.responses.claim(turn)
    if status != "in_progress":
        await services.responses.commit(replace(turn, status=status))
    return response_id


@pytest.mark.parametrize(
    ("wanted", "limits"), [("limits:write", Limits(requests_per_minute=1)), ("agents:write", Limits())]
)
def test_who_erases_limits_or_agents_that_were_deleted_needs_the_right_to_write_them(tmp_path, wanted, limits):
    with Service(tmp_path, cache_seconds=0) as service:
        office = Office(service)
        service.put(User(TENANT, "ann", limits=limits))
        if wanted == "agents:write":
            service.agent("old", "ann")
            service.run(service.directory.delete_agent(TENANT, "old"))
        less = office.operator("people:write", "responses:write")
        answer = office.ask(less, "POST", "users/ann/erase", {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
        assert wanted in answer.json()["error"]["message"]
        enough = office.operator("people:write", "responses:write", wanted)
        assert office.ask(enough, "POST", "users/ann/erase", {}).json()["result"] == "erased"
        assert service.run(service.directory.deleted_agent(TENANT, "old")) is None


async def test_what_a_request_makes_while_the_user_is_erased_is_erased_too(deployment):
    services = deployment.services
    late = keys.record(keys.make_key("test", secrets.token_bytes), tenant=TENANT, user=USER, now=int(services.clock()))

    class Raced:
        def __getattr__(self, name):
            return getattr(services.directory, name)

        async def delete(self, *args):
            await services.keys.add(late)
            await services.directory.put_agent(Agent(TENANT, "late", "demo", "demo", author=USER))
            await services.directory.delete(*args)

    await settle(services)
    await erase_user(replace(services, directory=Raced()), OPERATOR, USER, DELETE)
    assert deployment.naming(USER, late.id, late.digest) == []
