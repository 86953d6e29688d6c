"""`delete` and `show` of users, roles and groups: nothing that was held comes back with the same name."""

from __future__ import annotations


def test_a_deleted_user_loses_its_keys_and_grants_for_good(helper):
    helper.done("grants", "add", "helper", "user:bob", "viewer")
    made = helper.read("keys", "create", "--user", "bob")
    assert helper.read("users", "delete", "--yes", "bob") == {
        "id": "bob",
        "result": "deleted",
        "revoked_keys": [made["id"]],
    }
    assert [user["id"] for user in helper.read("users", "list")] == ["ada"]
    helper.done("users", "put", "bob", "--role", "ADMIN")
    assert [key["state"] for key in helper.read("keys", "list")] == ["revoked"]
    assert helper.read("users", "show", "bob")["agents"] == {}


def test_an_author_cannot_be_deleted(helper):
    assert "author of agent helper: delete" in helper.refused("users", "delete", "--yes", "ada")
    assert "ada" in [user["id"] for user in helper.read("users", "list")]


def test_what_does_not_exist_cannot_be_deleted(helper):
    assert "no user bbo: did you mean bob?" in helper.refused("users", "delete", "--yes", "bbo")
    assert "no role STAF: did you mean STAFF?" in helper.refused("roles", "delete", "--yes", "STAF")
    assert "no group stafff: did you mean staff?" in helper.refused("groups", "delete", "--yes", "stafff")
    assert "no agent helpr: did you mean helper?" in helper.refused("agents", "delete", "--yes", "helpr")


def test_a_role_that_a_user_has_cannot_be_deleted(helper):
    assert "held by 1 user (bob)" in helper.refused("roles", "delete", "--yes", "STAFF")
    helper.done("grants", "add", "helper", "role:STAFF", "viewer")
    helper.done("users", "put", "bob", "--role", "USER")
    assert helper.done("roles", "delete", "--yes", "STAFF") == "deleted  STAFF\n"
    assert [role["id"] for role in helper.read("roles", "list")] == ["ADMIN", "USER"]
    assert [grant["principal"] for grant in helper.read("grants", "list", "helper")] == ["user:ada"]


def test_a_built_in_role_goes_back_to_what_it_was(helper):
    assert "is built in and always exists" in helper.refused("roles", "delete", "--yes", "USER")
    helper.done("roles", "put", "USER", "--permission", "USE")
    assert helper.done("roles", "delete", "--yes", "USER") == "reset  USER\n"
    reset = {"id": "USER", "permissions": [], "manage": [], "limits": {}, "built_in": True, "users": []}
    assert helper.read("roles", "show", "USER") == reset


def test_users_leave_a_deleted_group(helper):
    helper.done("grants", "add", "helper", "group:staff", "viewer")
    assert helper.read("groups", "delete", "--yes", "staff") == {"id": "staff", "result": "deleted", "left": ["bob"]}
    assert helper.read("users", "show", "bob")["groups"] == []
    helper.done("groups", "put", "staff")
    assert [grant["principal"] for grant in helper.read("grants", "list", "helper")] == ["user:ada"]


def test_a_role_is_shown_with_its_limits_and_users(helper, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("providers: [demo]\n")
    helper.done("roles", "put", "STAFF", "--limits", str(limits))
    limited = {"id": "STAFF", "permissions": ["USE"], "manage": [], "limits": {"providers": ["demo"]}}
    shown = {**limited, "built_in": False, "users": ["bob"]}
    assert helper.read("roles", "show", "STAFF") == shown
    assert "no role STAF: did you mean STAFF?" in helper.refused("roles", "show", "STAF")
