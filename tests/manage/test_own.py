"""What users do for themselves with an ordinary key: keys, agents, sharing; and what they cannot."""

from __future__ import annotations

import pytest

from antiphon.access.keys import is_key, is_management_key
from antiphon.records import Grant, Group, Limits, Role, User
from tests.support.caller import refused
from tests.support.managing import AGENT, Office, key_id
from tests.support.service import Service

NONE = Limits()
NOT_PUT = {"object", "version", "digest", "created_at", "updated_at"}


def ready(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def user(service, request):
    """Return what makes a user with some permissions, and a key of theirs."""
    office = Office(service)

    def user(*permissions, limits=NONE, **key):
        name = f"{request.node.name[:80]}-{'-'.join(permissions)}".replace("[", "-").replace("]", "")
        role = f"R{'-'.join(permissions)}{'L' if limits is not NONE else ''}"
        service.put(Role("default", role, frozenset({"USE", *permissions}), limits))
        service.put(User("default", name, role=role))
        return office.key(name, **key)

    return user


def test_a_key_says_who_it_stands_for_and_what_it_may(office, user):
    mine = ready(office.ask(user("CREATE"), "GET", "me"))
    assert (mine["permissions"], mine["manage"], mine["object"]) == (["USE", "CREATE"], [], "admin.me")
    managing = ready(office.ask(office.operator("keys:read", "usage:read"), "GET", "me"))
    assert managing["manage"] == ["keys:read", "usage:read"]
    assert managing["limits"] is None


def test_a_user_makes_lists_and_revokes_keys_of_their_own(office, user):
    first = user()
    made = ready(office.ask(first, "POST", "me/keys", {"name": "laptop"}))
    assert is_key(made["key"])
    assert not is_management_key(made["key"])
    listed = ready(office.ask(made["key"], "GET", "me/keys"))["data"]
    assert {key["id"] for key in listed} == {key_id(first), made["id"]}
    assert all("key" not in key for key in listed)
    assert ready(office.ask(first, "DELETE", f"me/keys/{made['id']}"))["state"] == "revoked"
    refused(office.ask(made["key"], "GET", "me"), 401, "key_revoked")


def test_a_key_makes_no_key_that_may_more_or_lasts_longer(office, service, user):
    soon = int(service.clock()) + 1000
    agent, other = office.stage()["agent"], office.stage()["agent"]
    limited = user(agents=(agent,))
    refused(office.ask(limited, "POST", "me/keys", {}), 403, "permission_denied", "agents")
    refused(office.ask(limited, "POST", "me/keys", {"agents": [agent, other]}), 403, "permission_denied")
    assert ready(office.ask(limited, "POST", "me/keys", {"agents": [agent]}))["agents"] == [agent]
    refused(office.ask(user(read_only=True), "POST", "me/keys", {}), 403, "read_only_key")
    expiring = user(expires_at=soon)
    refused(office.ask(expiring, "POST", "me/keys", {}), 403, "permission_denied", "expires_at")
    refused(office.ask(expiring, "POST", "me/keys", {"expires_at": soon + 1}), 403, "permission_denied", "expires_at")
    assert ready(office.ask(expiring, "POST", "me/keys", {"expires_at": soon}))["expires_at"] == soon
    refused(office.ask(user(), "POST", "me/keys", {"management": True}), 403, "permission_denied", "management")


def test_a_user_makes_only_so_many_keys(office, user):
    key = user()
    for _ in range(49):
        ready(office.ask(key, "POST", "me/keys", {}))
    refused(office.ask(key, "POST", "me/keys", {}), 400, "out_of_range")


def test_a_management_key_is_of_no_use_for_agents_and_for_what_is_ones_own(office, service):
    key = office.operator("all")
    for answer in (service.get("/v1/models", key), service.post(key, model="agent", input="Hi")):
        refused(answer, 403, "management_key")
    refused(office.ask(key, "GET", "me/keys"), 403, "permission_denied")
    refused(office.ask(key, "POST", "me/keys", {}), 403, "permission_denied")


def test_a_management_key_makes_keys_only_for_users_who_may_no_more(office, service):
    key = office.operator("keys:write", "people:write")
    refused(office.ask(key, "POST", "keys", {"user": "ada", "management": True}), 403, "permission_denied")
    service.put(Role("default", "KEYS", frozenset({"USE"}), manage=frozenset({"keys:read"})))
    service.put(User("default", "kim", role="KEYS"))
    made = ready(office.ask(key, "POST", "keys", {"user": "kim", "management": True}))
    assert is_management_key(made["key"])
    assert ready(office.ask(made["key"], "GET", "keys"))["object"] == "list"
    refused(office.ask(key, "PUT", "users/kim", {"role": "ADMIN"}), 403, "permission_denied")
    refused(office.ask(key, "PUT", "roles/KEYS", {"manage": ["audit:read"]}), 403, "permission_denied")
    refused(office.ask(key, "PUT", "users/ada", {"role": "USER"}), 403, "permission_denied")
    refused(office.ask(key, "DELETE", "users/ada"), 403, "permission_denied")


def test_a_user_with_create_makes_changes_and_deletes_agents_of_their_own(office, user):
    key = user("CREATE")
    made = ready(office.ask(key, "POST", "agents", AGENT))
    assert made["result"] == "created"
    path = f"agents/{made['id']}"
    assert ready(office.ask(key, "PUT", path, {**AGENT, "name": "Mine"}))["result"] == "updated"
    shown = ready(office.ask(key, "GET", path))
    assert shown["name"] == "Mine"
    assert {**AGENT, "name": "Mine"}.items() <= shown.items()
    again = {name: value for name, value in shown.items() if name not in NOT_PUT}
    assert ready(office.ask(key, "PUT", path, again))["result"] == "unchanged"
    ready(office.ask(key, "DELETE", path))
    refused(office.ask(key, "GET", path), 404, "agent_not_found")


def test_a_user_without_create_makes_no_agent(office, user):
    assert "CREATE" in refused(office.ask(user(), "POST", "agents", AGENT), 403, "permission_denied")["message"]


def test_a_key_that_is_limited_makes_no_agent(office, user):
    for scope in ({"read_only": True}, {"agents": ("agent",)}):
        refused(office.ask(user("CREATE", **scope), "POST", "agents", AGENT), 403, "read_only_key")


def test_a_user_takes_no_id_that_is_taken_and_makes_no_agent_for_another(office, service, user):
    service.agent("unseen")
    seen, key = office.stage()["agent"], user("CREATE")
    for method, path, agent in (("POST", "agents", "unseen"), ("PUT", "agents/unseen", "unseen")):
        refused(office.ask(key, method, path, {**AGENT, "id": agent}), 409, "in_use", "id")
    for method, path in (("POST", "agents"), ("PUT", f"agents/{seen}")):
        refused(office.ask(key, method, path, {**AGENT, "id": seen}), 403, "permission_denied")
    refused(office.ask(key, "POST", "agents", {**AGENT, "author": "ada"}), 403, "permission_denied", "author")


def test_an_agent_of_a_users_own_stays_within_their_limits_and_has_functions_alone(office, user):
    key = user("CREATE", limits=Limits(models=("small",)))
    refused(office.ask(key, "POST", "agents", AGENT), 403, "permission_denied", "model")
    assert ready(office.ask(key, "POST", "agents", {**AGENT, "model": "small"}))["result"] == "created"


def test_sharing_takes_the_permissions_of_the_role(office, service, user):
    service.put(Group("default", "team"))
    for permissions, group, public in ((("CREATE",), 403, 403), (("CREATE", "SHARE"), 200, 403)):
        key = user(*permissions)
        agent = ready(office.ask(key, "POST", "agents", AGENT))["id"]
        for principal, status in (("group:team", group), ("public", public), ("role:USER", public)):
            answer = office.ask(key, "PUT", f"agents/{agent}/grants/{principal}", {"level": "viewer"})
            assert answer.status_code == status, (permissions, principal, answer.text)
    key = user("CREATE", "SHARE", "SHARE_PUBLIC")
    shared = ready(office.ask(key, "POST", "agents", {**AGENT, "grants": [{"principal": "public", "level": "viewer"}]}))
    grants = ready(office.ask(key, "GET", f"agents/{shared['id']}/grants"))["data"]
    assert "public" in {grant["principal"] for grant in grants}
    ready(office.ask(key, "DELETE", f"agents/{shared['id']}/grants/public"))


def test_a_grant_in_a_new_agent_needs_the_same_permissions(office, user):
    body = {**AGENT, "grants": [{"principal": "public", "level": "viewer"}]}
    refused(office.ask(user("CREATE", "SHARE"), "POST", "agents", body), 403, "permission_denied")


def test_an_editor_changes_an_agent_of_another_and_neither_shares_nor_deletes_it(office, service, user):
    staged = office.stage()
    key = user("CREATE", "SHARE")
    me = ready(office.ask(key, "GET", "me"))["user"]
    path = f"agents/{staged['agent']}"
    refused(office.ask(key, "GET", path), 403, "permission_denied")
    service.put(Grant("default", staged["agent"], f"user:{me}", 3))
    assert ready(office.ask(key, "PUT", path, {**AGENT, "name": "Changed"}))["result"] == "updated"
    refused(office.ask(key, "DELETE", path), 403, "permission_denied")
    refused(office.ask(key, "PUT", f"{path}/grants/user:ada", {"level": "viewer"}), 403, "permission_denied")


def test_nobody_gives_more_than_they_have(office, service, user):
    staged = office.stage()
    key = user("SHARE")
    me = ready(office.ask(key, "GET", "me"))["user"]
    service.put(Grant("default", staged["agent"], f"user:{me}", 1 | 8))
    path = f"agents/{staged['agent']}/grants/user:ada"
    refused(office.ask(key, "PUT", path, {"level": "owner"}), 403, "permission_denied", "level")
    assert ready(office.ask(key, "PUT", path, {"level": "viewer"}))["bits"] == 1


def test_a_hidden_agent_does_not_exist_for_a_user(office, service, user):
    service.agent("hidden")
    key = user("CREATE")
    for method, path in (("GET", "agents/hidden"), ("DELETE", "agents/hidden"), ("GET", "agents/hidden/grants")):
        refused(office.ask(key, method, path), 404, "agent_not_found")
    assert "hidden" not in {agent["id"] for agent in ready(office.ask(key, "GET", "agents"))["data"]}


@pytest.mark.parametrize("path", ["keys", "users", "roles", "groups", "agents", "users/ada/responses"])
def test_a_page_follows_another_by_the_name_of_its_last_record(office, path):
    for _ in range(3):
        office.stage("ada")
    key = office.operator("all")
    whole = ready(office.ask(key, "GET", f"{path}?limit=100"))
    first = ready(office.ask(key, "GET", f"{path}?limit=2"))
    second = ready(office.ask(key, "GET", f"{path}?limit=2&after={first['last_id']}"))
    assert (first["object"], first["has_more"], len(first["data"])) == ("list", True, 2)
    names = [record["id"] for record in whole["data"]]
    assert [record["id"] for record in (*first["data"], *second["data"])] == names[:4]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=101", "surprise=1", "after=a&after=b"])
def test_a_query_that_cannot_be_honoured_is_refused(office, query):
    assert office.ask(office.operator("all"), "GET", f"users?{query}").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("PUT", "users/x", {"role": 7}, "invalid_type"),
        ("PUT", "users/x", {"rôle": "USER"}, "unknown_parameter"),
        ("PUT", "users/a b", {}, "invalid_value"),
        ("PUT", "users/x", {"role": "NONE"}, "role_not_found"),
        ("PUT", "users/x", {"groups": ["none"]}, "group_not_found"),
        ("PUT", "roles/x", {"permissions": ["FLY"]}, "invalid_value"),
        ("PUT", "roles/x", {"manage": ["all"]}, "invalid_value"),
        ("PUT", "roles/x", {"limits": {"providers": ["nobody"]}}, "invalid_value"),
        ("PUT", "tenant", {"limits": {"retention_days": 0}}, "out_of_range"),
        ("POST", "keys", {}, "missing_required_parameter"),
        ("POST", "keys", {"user": "nobody"}, "user_not_found"),
        ("POST", "keys", {"user": "ada", "agents": ["none"]}, "agent_not_found"),
        ("POST", "keys", {"user": "ada", "expires_at": 5}, "invalid_value"),
        ("POST", "agents", {"id": "a/b", **AGENT, "author": "ada"}, "invalid_value"),
        ("POST", "agents", {**AGENT, "author": "nobody"}, "user_not_found"),
        ("POST", "agents", {**AGENT, "provider": "nobody", "author": "ada"}, "invalid_value"),
        ("POST", "agents", {**AGENT, "author": "ada", "temperature": 9}, "out_of_range"),
        ("PUT", "agents/x", {**AGENT, "id": "y"}, "invalid_value"),
        ("PUT", "agents/agent/grants/nobody", {"level": "viewer"}, "invalid_value"),
        ("PUT", "agents/agent/grants/public", {"level": "king"}, "invalid_value"),
        ("PUT", "agents/agent/grants/user:ada", {"level": "viewer"}, "in_use"),
        ("GET", "keys?after=none", None, "invalid_value"),
        ("GET", "users/ada/responses?after=none", None, "invalid_value"),
        ("GET", "agents/agent/why", None, "missing_required_parameter"),
        ("DELETE", "users/ada", None, "in_use"),
        ("DELETE", "roles/USER", None, "in_use"),
        ("DELETE", "roles/ADMIN", None, "in_use"),
    ],
)
def test_what_cannot_be_done_is_refused_in_the_one_envelope_and_leaves_nothing(office, method, path, body, code):
    key = office.operator("all")
    before = listed(office, key)
    answer = office.ask(key, method, path, body)
    refused(answer, answer.status_code, code)
    assert answer.status_code in {400, 404, 409}
    assert listed(office, key) == before


def listed(office, key):
    return [ready(office.ask(key, "GET", f"{kind}?limit=100"))["data"] for kind in ("users", "roles", "agents")]


def test_where_management_is_not_served_its_paths_are_unknown(tmp_path):
    with Service(tmp_path, manages=False) as service:
        office = Office(service)
        key = office.operator("all")
        for method, path in (("GET", "me"), ("POST", "keys"), ("PUT", "users/x"), ("DELETE", "agents/agent")):
            error = refused(office.ask(key, method, path, {}), 404, "route_not_found")
            assert "not served here" in error["message"]
