"""`users`, `roles`, `groups`, `tenants`: what is put can be read, and what is not said stays."""

from __future__ import annotations

import json

import pytest

from antiphon.access.rights import RIGHTS


def test_a_new_user_has_the_role_user_and_no_groups(antiphon):
    antiphon.done("users", "put", "ada", "--name", "Ada Lovelace")
    assert antiphon.read("users", "list") == [{"id": "ada", "name": "Ada Lovelace", "role": "USER", "groups": []}]


def test_putting_a_user_again_keeps_what_is_not_said(staffed):
    staffed.done("users", "put", "bob", "--name", "Bob")
    assert staffed.read("users", "show", "bob")["groups"] == ["staff"]
    assert staffed.read("users", "show", "bob")["role"] == "STAFF"


def test_groups_that_are_said_replace_the_earlier_ones(staffed):
    staffed.done("groups", "put", "math")
    staffed.done("users", "put", "bob", "--group", "math")
    assert staffed.read("users", "show", "bob")["groups"] == ["math"]
    staffed.done("users", "put", "bob", "--no-groups")
    assert staffed.read("users", "show", "bob")["groups"] == []


def test_a_user_cannot_have_a_role_or_group_that_is_not_there(antiphon):
    assert "create it with `antiphon roles put STAFF" in antiphon.refused("users", "put", "a", "--role", "STAFF")
    assert "create it with `antiphon groups put math`" in antiphon.refused("users", "put", "a", "--group", "math")
    assert antiphon.read("users", "list") == []


def test_a_user_that_is_not_there_cannot_be_shown(antiphon):
    assert "create it with `antiphon users put eve`" in antiphon.refused("users", "show", "eve")


def test_a_user_is_shown_with_its_permissions_and_agents(helper):
    helper.done("grants", "add", "helper", "group:staff", "editor")
    assert helper.read("users", "show", "bob") == {
        "id": "bob",
        "name": "",
        "role": "STAFF",
        "groups": ["staff"],
        "permissions": ["USE"],
        "manage": [],
        "limits": {},
        "own_limits": {},
        "used": {"requests_this_month": 0, "tokens_today": 0, "tokens_this_month": 0, "usd_this_month": None},
        "agents": {"helper": "editor"},
        "has_more_agents": False,
    }


@pytest.mark.parametrize("kind", ["users", "roles", "groups", "tenants"])
@pytest.mark.parametrize("id", ["", "-", "a b", "a#b", "a/b", "ä", "a" * 129, "a\n"])
def test_an_id_that_could_not_be_a_key_is_refused(file, kind, id):
    assert "cannot be the id of a" in file.refused(kind, "put", "--", id)


def test_the_built_in_roles_are_always_there(antiphon):
    assert antiphon.read("roles", "list") == [
        {
            "id": "ADMIN",
            "permissions": ["USE", "CREATE", "SHARE", "SHARE_PUBLIC"],
            "manage": list(RIGHTS),
            "limits": {},
            "built_in": True,
        },
        {"id": "USER", "permissions": [], "manage": [], "limits": {}, "built_in": True},
    ]


def test_a_built_in_role_can_be_put_otherwise(antiphon):
    antiphon.done("roles", "put", "USER", "--permission", "USE")
    assert {"id": "USER", "permissions": ["USE"], "manage": [], "limits": {}, "built_in": True} in antiphon.read(
        "roles", "list"
    )


@pytest.mark.parametrize("kind", ["roles", "tenants"])
def test_limits_on_a_provider_that_does_not_exist_are_refused_with_the_likely_one(file, tmp_path, monkeypatch, kind):
    limits = tmp_path / "limits.yaml"
    limits.write_text("providers: [demo, grok]\n")
    monkeypatch.setenv("ANTIPHON_PROVIDERS", '{"groq": {"base_url": "https://api.groq.com/openai/v1"}}')
    line = file.refused(kind, "put", "A", "--limits", str(limits))
    assert "limits.yaml: providers: there is no provider grok in ANTIPHON_PROVIDERS: did you mean groq?" in line
    limits.write_text("providers: [demo, groq]\n")
    file.done(kind, "put", "A", "--limits", str(limits))


def test_a_role_keeps_what_is_not_said(antiphon, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("providers: [demo]\n")
    antiphon.done("roles", "put", "A", "--permission", "USE", "CREATE", "--limits", str(limits))
    antiphon.done("roles", "put", "A", "--no-permissions")
    role = {"id": "A", "permissions": [], "manage": [], "limits": {"providers": ["demo"]}, "built_in": False}
    assert role in antiphon.read("roles", "list")
    antiphon.done("roles", "put", "A", "--permission", "USE", "--manage", "keys:read")
    changed = {**role, "permissions": ["USE"], "manage": ["keys:read"]}
    assert changed in antiphon.read("roles", "list")
    antiphon.done("roles", "put", "A")
    assert changed in antiphon.read("roles", "list")


def test_a_permission_that_does_not_exist_is_wrong_usage(antiphon):
    outcome = antiphon("roles", "put", "A", "--permission", "FLY")
    assert (outcome.code, outcome.out) == (2, "")


def test_groups_have_names(antiphon):
    antiphon.done("groups", "put", "staff", "--name", "Our staff")
    antiphon.done("groups", "put", "staff")
    assert antiphon.read("groups", "list") == [{"id": "staff", "name": "Our staff"}]


def test_a_tenant_that_was_never_put_has_no_limits_of_its_own(antiphon):
    assert antiphon.read("tenants", "show") == {"id": "default", "limits": {}}


def test_a_tenant_keeps_its_limits_until_others_are_said(antiphon, tmp_path):
    limits = tmp_path / "limits.json"
    limits.write_text(json.dumps({"maximums": {"max_output_tokens": 99}}))
    antiphon.done("tenants", "put", "acme", "--limits", str(limits))
    antiphon.done("tenants", "put", "acme")
    assert antiphon.read("tenants", "show", "acme")["limits"] == {"maximums": {"max_output_tokens": 99}}
    limits.write_text("{}")
    antiphon.done("tenants", "put", "acme", "--limits", str(limits))
    assert antiphon.read("tenants", "show", "acme")["limits"] == {}


def test_tenants_do_not_see_each_other(antiphon):
    antiphon.done("--tenant", "acme", "users", "put", "ada")
    assert antiphon.read("users", "list") == []
    assert [user["id"] for user in antiphon.read("users", "list", "--tenant", "acme")] == ["ada"]


def test_text_is_aligned_columns_with_a_dash_for_nothing(staffed):
    assert staffed.done("users", "list").splitlines() == [
        "ID   ROLE   GROUPS  NAME",
        "ada  ADMIN  -       -",
        "bob  STAFF  staff   -",
    ]


def test_an_empty_list_is_no_text_and_an_empty_document(antiphon):
    assert antiphon.done("users", "list") == ""
    assert antiphon.read("users", "list") == []


def test_a_name_cannot_steer_the_terminal_or_break_its_line(antiphon):
    antiphon.done("users", "put", "ada", "--name", "A\x1b[2J\nB")
    assert antiphon.done("users", "list").splitlines()[1] == "ada  USER  -       A [2J B"


def test_the_limits_of_a_user_are_set_from_options_and_a_file_and_removed(helper, tmp_path):
    path = tmp_path / "limits.yaml"
    path.write_text("models: [demo]\ntokens_per_day: 5\n")
    limited = helper.read("users", "limit", "bob", "--tokens-per-day", "200", "--limits", str(path))
    assert limited == {"id": "bob", "limits": {"models": ["demo"], "tokens_per_day": 200}}
    assert helper.read("users", "show", "bob")["own_limits"] == limited["limits"]
    assert "is no limit" in helper.refused("users", "limit", "bob", "--tokens-per-day", "none")
    assert "there is no user nobody" in helper.refused("users", "limit", "nobody")
    assert helper.read("users", "limit", "bob") == limited, "without an option nothing is changed"
    assert "--none removes all limits" in helper.refused("users", "limit", "bob", "--none", "--tokens-per-day", "1")
    assert helper.done("users", "limit", "bob", "--none") == "bob has no limits of its own\n"
    assert helper.read("users", "show", "bob")["own_limits"] == {}


def test_the_limits_of_a_key_are_shown_without_an_option_and_removed_with_one(helper):
    key = helper.read("keys", "create", "--user", "bob", "--tokens-per-day", "200")["id"]
    for _ in range(2):
        assert helper.read("keys", "limit", key)["limits"] == {"tokens_per_day": 200}
    assert "no limits of its own" in helper.done("keys", "limit", key, "--none")
    assert helper.read("keys", "limit", key)["limits"] == {}
