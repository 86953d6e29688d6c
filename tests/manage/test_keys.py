"""What a key may do with other keys, and what one that is limited sees of its user."""

from __future__ import annotations

import secrets

import pytest

from antiphon.access import keys
from antiphon.records import Actor, Budget, Grant, Owner, Role, User
from tests.support.caller import refused
from tests.support.command import Antiphon
from tests.support.managing import key_id

DAY = 86_400


def ready(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def two(service, office):
    """Make a user with responses of two agents, and a key for one of them alone."""
    here = office.stage()
    there = office.stage(here["user"])
    return here, there, office.key(here["user"], agents=(here["agent"],))


def test_a_key_for_some_agents_lists_the_responses_of_these_alone(office, two):
    here, there, key = two
    for path in ("me/responses", f"users/{here['user']}/responses"):
        listed = ready(office.ask(key, "GET", path))
        assert ([each["id"] for each in listed["data"]], listed["has_more"]) == ([here["response"]], False)
        whole = ready(office.ask(here["secret"], "GET", path))
        assert {each["id"] for each in whole["data"]} == {here["response"], there["response"]}


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("GET", "/content"), ("POST", "/cancel"), ("DELETE", "")])
def test_a_response_of_another_agent_is_for_a_limited_key_as_if_it_were_absent(office, service, two, method, end):
    here, there, key = two
    running = office.running(here["user"], there["agent"])
    path = f"users/{here['user']}/responses"
    absent = office.ask(key, method, f"{path}/{here['response'][:-1]}~{end}")
    for hidden in (there["response"], running.id):
        answer = office.ask(key, method, f"{path}/{hidden}{end}")
        assert (answer.status_code, answer.content) == (404, absent.content)
        stored = service.run(service.responses.get(Owner("default", here["user"]), hidden, service.clock()))
        assert stored.status == ("in_progress" if hidden == running.id else "completed")
    cursors = [office.ask(key, "GET", f"{path}?after={after}") for after in (there["response"], "none")]
    assert [answer.status_code for answer in cursors] == [400, 400]
    assert cursors[0].content == cursors[1].content


def test_pages_of_the_responses_that_a_key_is_for_are_full(office, service):
    staged = office.stage()
    other = office.stage()["agent"]
    key = office.key(staged["user"], agents=(staged["agent"],))
    for agent in [other, other, staged["agent"]] * 3:
        office.running(staged["user"], agent)
    found, after = [], ""
    for more in (True, False):
        page = ready(office.ask(key, "GET", f"me/responses?limit=2{after}"))
        assert (len(page["data"]), page["has_more"]) == (2, more)
        found += [each["id"] for each in page["data"]]
        after = f"&after={page['last_id']}"
    assert len(set(found)) == 4


def test_a_response_of_an_agent_that_a_user_may_not_use_any_more_is_hidden_from_them(office, service, two):
    here, _, _ = two
    other, user = office.stage(), here["user"]
    turn = office.running(user, other["agent"])
    path = f"users/{user}/responses/{turn.id}"
    assert office.ask(here["secret"], "GET", path).status_code == 200
    service.put(Grant("default", other["agent"], "public", 0))
    refused(office.ask(here["secret"], "GET", f"{path}/content"), 404, "response_not_found")
    assert turn.id not in office.ask(here["secret"], "GET", "me/responses").text
    assert office.ask(office.operator("responses:read"), "GET", path).status_code == 200


def test_a_key_for_some_agents_sees_and_revokes_no_key_for_more(office, service, two):
    here, there, key = two
    wider = [here["key"], key_id(office.key(here["user"], agents=(there["agent"],)))]
    wider.append(key_id(office.key(here["user"], agents=(here["agent"], there["agent"]))))
    same = key_id(office.key(here["user"], agents=(here["agent"],)))
    absent = office.ask(key, "DELETE", "me/keys/key_0123456789abcdef")
    for hidden in wider:
        for method, path in (("DELETE", "me/keys/"), ("DELETE", "keys/"), ("GET", "keys/")):
            answer = office.ask(key, method, path + hidden)
            assert (answer.status_code, answer.content) == (404, absent.content)
        refused(office.ask(key, "GET", f"usage/days?by=key&of={hidden}"), 404, "key_not_found")
        refused(office.ask(key, "GET", f"usage/limits?by=key&of={hidden}"), 404, "key_not_found")
        refused(office.ask(key, "GET", f"me/keys?after={hidden}"), 400, "invalid_value")
        refused(office.ask(key, "PUT", f"keys/{hidden}/limits", {}), 403, "permission_denied")
        assert service.run(service.keys.find("default", hidden)).revoked_at is None
    for path in ("me/keys", f"keys?user={here['user']}"):
        assert {each["id"] for each in ready(office.ask(key, "GET", path))["data"]} == {same, key_id(key)}
    assert ready(office.ask(key, "DELETE", f"me/keys/{same}"))["state"] == "revoked"


def test_a_key_with_limits_sees_and_revokes_itself_alone(office, two):
    here, _, _ = two
    key = office.key(here["user"], budget=Budget(tokens_per_day=9))
    assert [each["id"] for each in ready(office.ask(key, "GET", "me/keys"))["data"]] == [key_id(key)]
    refused(office.ask(key, "DELETE", f"me/keys/{here['key']}"), 404, "key_not_found")
    assert ready(office.ask(key, "DELETE", f"me/keys/{key_id(key)}"))["state"] == "revoked"


def test_an_api_key_sees_and_revokes_no_management_key(office, two):
    here, _, _ = two
    managing = key_id(office.key(here["user"], management=True))
    assert managing not in office.ask(here["secret"], "GET", "me/keys").text
    refused(office.ask(here["secret"], "GET", f"keys/{managing}"), 404, "key_not_found")
    refused(office.ask(here["secret"], "DELETE", f"me/keys/{managing}"), 404, "key_not_found")
    assert managing in office.ask(office.operator("keys:read"), "GET", f"keys?user={here['user']}").text


def test_a_key_for_some_agents_reads_its_own_use_and_not_that_of_its_user(office, two):
    here, _, key = two
    refused(office.ask(key, "GET", "me/usage"), 403, "permission_denied")
    refused(office.ask(key, "GET", f"usage/days?by=user&of={here['user']}"), 403, "permission_denied")
    assert ready(office.ask(key, "GET", f"usage/days?by=key&of={key_id(key)}"))["id"] == key_id(key)
    ready(office.ask(here["secret"], "GET", "me/usage"))


def test_a_key_for_some_agents_sees_no_approval_of_another(office, service, two):
    here, there, key = two
    asked = there["approval"]
    absent = service.get("/v1/approvals/mcpr_none", key)
    hidden = service.get(f"/v1/approvals/{asked}", key)
    assert (hidden.status_code, hidden.content) == (404, absent.content)
    assert asked not in service.get("/v1/approvals?limit=100", key).text
    assert service.get(f"/v1/approvals?after={asked}", key).status_code == 400
    assert service.get(f"/v1/approvals/{asked}", here["secret"]).status_code == 200


def test_a_key_that_expires_makes_none_that_lasts_longer_whoever_it_is_for(office, service):
    soon = int(service.clock()) + DAY
    staged = office.stage()
    key = office.operator("keys:write", "keys:read", expires_at=soon)
    service.put(Role("default", "NOBODY", frozenset({"USE"}), manage=frozenset({"keys:read"})))
    service.put(User("default", "kim", role="NOBODY"))
    for body in ({"user": staged["user"]}, {"user": "kim", "management": True}):
        refused(office.ask(key, "POST", "keys", body), 403, "permission_denied", "expires_at")
        later = {**body, "expires_at": soon + 1}
        refused(office.ask(key, "POST", "keys", later), 403, "permission_denied", "expires_at")
        assert ready(office.ask(key, "POST", "keys", {**body, "expires_at": soon}))["expires_at"] == soon


def test_a_management_key_for_some_agents_makes_none_for_more(office, service):
    staged = office.stage()
    key = office.operator("keys:write", agents=(staged["agent"],))
    refused(office.ask(key, "POST", "keys", {"user": staged["user"]}), 403, "permission_denied", "agents")
    more = {"user": staged["user"], "agents": [staged["agent"], "agent"]}
    refused(office.ask(key, "POST", "keys", more), 403, "permission_denied", "agents")
    ready(office.ask(key, "POST", "keys", {"user": staged["user"], "agents": [staged["agent"]]}))


@pytest.mark.parametrize("more", [{"agents": ["agent"]}, {"limits": {"tokens_per_day": 5}}])
def test_a_management_key_is_limited_to_nothing_that_it_does_not_do(office, service, more, capsys):
    service.agent("agent")
    staged = office.stage()
    body = {"user": staged["user"], "management": True, **more}
    refused(office.ask(office.operator("all"), "POST", "keys", body), 400, "invalid_value", "management")
    antiphon = Antiphon(("--database", str(service.settings.database)), capsys.readouterr)
    options = ("--agent", "agent") if "agents" in more else ("--tokens-per-day", "5")
    assert "management" in antiphon.refused("keys", "create", "--user", staged["user"], "--management", *options)


@pytest.mark.parametrize("body", [{"user": "{}"}, {"agents": ["{}"]}])
def test_making_a_key_does_not_show_a_user_who_or_what_exists(office, service, body):
    mine, others = office.stage(), office.stage()
    hidden = "concealed"
    service.agent(hidden)
    service.put(Grant("default", hidden, "public", 0))
    there = {"user": others["user"]} if "user" in body else {"agents": [hidden]}
    absent = {"user": "nobody"} if "user" in body else {"agents": ["nothing"]}
    found, missing = (office.ask(mine["secret"], "POST", "keys", each) for each in (there, absent))
    assert (found.status_code, found.content) == (missing.status_code, missing.content)
    assert found.status_code in {403, 404}


def test_all_keys_of_a_user_count_however_old_they_are(office, service):
    staged = office.stage()
    now = int(service.clock())

    def keep(number, **more):
        text = keys.make_key("test", secrets.token_bytes)
        record = keys.record(text, tenant="default", user=staged["user"], now=now - 1000 + number, **more)
        service.run(service.keys.add(record, Actor("default", "test", "cli")))
        return record

    for number in range(49):
        keep(number)
    for number in range(120):
        spent = keep(100 + number)
        service.run(service.keys.revoke("default", spent.id, now))
    refused(office.ask(staged["secret"], "POST", "me/keys", {}), 400, "out_of_range")
    ready(office.ask(staged["secret"], "DELETE", f"me/keys/{keep(0, expires_at=now + DAY).id}"))
    listed = ready(office.ask(staged["secret"], "GET", "me/keys?limit=100"))
    assert (len(listed["data"]), listed["has_more"]) == (100, True)
