"""Users, roles and groups: nobody gives rights, grants or freedom from limits that they may not give."""

from __future__ import annotations

import pytest

from antiphon.records import Grant, Group, Limits, Role, User
from tests.support.caller import refused
from tests.support.command import Antiphon

USE = frozenset({"USE"})
TIGHT = Limits(models=("a", "b"), tokens_per_day=100, maximums={"temperature": 1.0}, defaults={"top_p": 0.5})


@pytest.fixture(autouse=True)
def _people(service):
    for role, limits in (("OPEN", Limits()), ("OTHER", Limits()), ("TIGHT", TIGHT), ("IDLE", TIGHT)):
        service.put(Role("default", role, USE, limits))
    service.put(Group("default", "team"))
    service.put(User("default", "bob", role="OPEN"))
    service.put(User("default", "tim", role="TIGHT", groups=("team",)))


def user(service, name):
    return service.run(service.directory.find(User, "default", name))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("bob", {"groups": ["team"]}),
        ("bob", {"role": "OTHER"}),
        ("tim", {"groups": []}),
        ("new", {"role": "OPEN"}),
        ("new", {"groups": ["team"]}),
        ("themselves", {"groups": ["team"]}),
    ],
)
def test_a_role_and_groups_are_given_with_the_right_to_give_grants(office, service, name, body):
    key = office.operator("people:write", "limits:write", "keys:write")
    name = office.ask(key, "GET", "me").json()["user"] if name == "themselves" else name
    before = user(service, name)
    answer = office.ask(key, "PUT", f"users/{name}", body)
    assert "agents:write" in refused(answer, 403, "permission_denied")["message"]
    assert user(service, name) == before
    both = office.operator("people:write", "agents:write", "limits:write", "keys:write")
    assert office.ask(both, "PUT", f"users/{name}", body).status_code == 200


def test_who_may_change_people_alone_gets_no_bit_on_an_agent_of_others(office, service):
    staged = office.stage()
    service.put(Grant("default", staged["agent"], "group:team", 15))
    service.put(Grant("default", staged["agent"], "role:OTHER", 15))
    key = office.operator("people:write")
    me = office.ask(key, "GET", "me").json()["user"]
    for body in ({"groups": ["team"]}, {"role": "OTHER"}):
        refused(office.ask(key, "PUT", f"users/{me}", body), 403, "permission_denied")
    assert office.ask(key, "DELETE", "groups/team").status_code == 200
    assert office.ask(key, "PUT", "groups/team", {}).status_code == 200
    grants = service.run(service.directory.grants_on("default", staged["agent"]))
    assert "group:team" not in {grant.principal for grant in grants}


def test_people_alone_are_named_and_made_with_the_usual_role(office, service):
    key = office.operator("people:write")
    for name, body in (("fresh", {"name": "Fresh"}), ("fresh", {"role": "USER"}), ("tim", {"name": "Tim"})):
        assert office.ask(key, "PUT", f"users/{name}", body).status_code == 200
    again = office.ask(key, "PUT", "users/tim", {"role": "TIGHT", "groups": ["team", "team"]})
    assert again.status_code == 200
    assert user(service, "tim").groups == ("team",)


def test_limits_are_taken_from_a_user_by_another_role_only_with_the_right_to_limits(office, service):
    key = office.operator("people:write", "agents:write")
    for role in ("OPEN", "USER"):
        answer = office.ask(key, "PUT", "users/tim", {"role": role})
        assert "limits:write" in refused(answer, 403, "permission_denied")["message"]
    tighter = Limits(("demo",), ("b", "a"), {}, {"temperature": 0.5}, tokens_per_day=9)
    service.put(Role("default", "TIGHTER", USE, tighter))
    assert office.ask(key, "PUT", "users/tim", {"role": "TIGHTER"}).status_code == 200
    refused(office.ask(key, "PUT", "users/tim", {"role": "TIGHT"}), 403, "permission_denied")
    free = office.operator("people:write", "agents:write", "limits:write")
    assert office.ask(free, "PUT", "users/tim", {"role": "OPEN"}).status_code == 200


def test_a_new_user_does_not_escape_the_limits_of_the_usual_role(office, service):
    service.put(Role("default", "USER", frozenset(), Limits(tokens_per_day=5)))
    try:
        key = office.operator("people:write", "agents:write")
        refused(office.ask(key, "PUT", "users/late", {"role": "OPEN"}), 403, "permission_denied")
    finally:
        service.put(Role("default", "USER"))


@pytest.mark.parametrize("role", ["IDLE", "USER"])
def test_a_role_with_limits_is_deleted_only_with_the_right_to_limits(office, service, role):
    service.put(Role("default", role, USE, TIGHT))
    answer = office.ask(office.operator("people:write"), "DELETE", f"roles/{role}")
    assert "limits:write" in refused(answer, 403, "permission_denied")["message"]
    assert service.run(service.directory.find(Role, "default", role)).limits == TIGHT
    key = office.operator("people:write", "limits:write")
    assert office.ask(key, "DELETE", f"roles/{role}").status_code == 200


def test_a_role_that_is_made_anew_with_limits_of_its_own_needs_the_right_to_them(office):
    key = office.operator("people:write")
    assert office.ask(key, "PUT", "roles/MADE", {"permissions": ["USE"]}).status_code == 200
    refused(office.ask(key, "PUT", "roles/MADE", {"limits": {}}), 403, "permission_denied")


def test_the_command_line_gives_roles_groups_and_other_limits(service, capsys):
    antiphon = Antiphon(("--database", str(service.settings.database)), capsys.readouterr)
    antiphon.done("users", "put", "bob", "--role", "TIGHT", "--group", "team")
    antiphon.done("users", "put", "bob", "--role", "OPEN", "--no-groups")
    antiphon.done("roles", "delete", "IDLE", "--yes")
    assert (user(service, "bob").role, user(service, "bob").groups) == ("OPEN", ())
