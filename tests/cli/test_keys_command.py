"""`keys`: a key is shown once, listed without its secret, and ends when it is revoked."""

from __future__ import annotations

import pytest

from antiphon.access.keys import digest, is_key
from cli.keys import found_id
from cli.output import Refused
from tests.support.counting import Counting


def test_the_key_alone_is_on_stdout(helper):
    outcome = helper("keys", "create", "--user", "ada")
    assert outcome.code == 0
    assert is_key(outcome.out.removesuffix("\n"))
    assert "shown this once" in outcome.err


def test_a_key_is_never_shown_again(helper):
    key = helper.done("keys", "create", "--user", "ada", "--name", "laptop").strip()
    for shown in (helper.done("keys", "list"), helper.done("keys", "list", "--json")):
        assert "laptop" in shown
        assert key not in shown
        assert digest(key) not in shown
        assert key[-49:] not in shown


def test_a_key_is_made_with_what_it_is_limited_to(helper):
    made = helper.read(
        "keys", "create", "--user", "bob", "--name", "ci", "--expires", "90d", "--agent", "helper", "--read-only"
    )
    assert is_key(made["key"])
    assert abs(made["expires_at"] - made["created_at"] - 90 * 86_400) <= 5, "the command began a moment before"
    (listed,) = helper.read("keys", "list")
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert (listed["agents"], listed["read_only"], listed["state"]) == (["helper"], True, "active")


def test_a_key_carries_the_environment(helper, monkeypatch):
    assert helper.done("keys", "create", "--user", "ada").startswith("ap_dev_")
    monkeypatch.setenv("ANTIPHON_ENVIRONMENT", "prod")
    assert helper.done("keys", "create", "--user", "ada").startswith("ap_prod_")


def test_a_key_is_for_a_user_that_is_there(antiphon):
    assert "create it with `antiphon users put ada`" in antiphon.refused("keys", "create", "--user", "ada")
    assert antiphon.read("users", "list") == []
    assert antiphon.read("keys", "list") == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--agent", "absent"), "no agent absent"),
        (("--expires", "soon"), "neither a span"),
        (("--expires", "2001-01-01"), "is past"),
    ],
)
def test_a_key_that_could_not_be_used_is_not_made(helper, options, problem):
    assert problem in helper.refused("keys", "create", "--user", "ada", *options)
    assert helper.read("keys", "list") == []


def test_whoever_gets_a_key_that_is_of_no_use_yet_is_told_why(staffed):
    staffed.done("users", "put", "eve")
    advice = staffed("keys", "create", "--user", "eve").err
    assert "antiphon roles put ROLE --permission USE" in advice
    assert "antiphon users put eve --role ROLE" in advice
    assert "antiphon grants add AGENT user:eve viewer" in advice


def test_whoever_gets_a_key_that_can_be_used_needs_no_advice(helper):
    assert helper("keys", "create", "--user", "ada").err.count("note:") == 1


def test_keys_are_listed_by_user(helper):
    helper.done("keys", "create", "--user", "ada")
    helper.done("keys", "create", "--user", "bob")
    assert len(helper.read("keys", "list")) == 2
    assert [key["user"] for key in helper.read("keys", "list", "--user", "bob")] == ["bob"]


def test_a_revoked_key_stays_listed_and_stays_revoked(helper):
    made = helper.read("keys", "create", "--user", "ada")
    first = helper.read("keys", "revoke", "--yes", made["id"])
    assert first["state"] == "revoked"
    assert helper.read("keys", "revoke", "--yes", made["id"]) == first
    assert [key["state"] for key in helper.read("keys", "list")] == ["revoked"]


def test_a_key_is_revoked_by_the_beginning_of_its_id_or_its_shown_beginning(helper):
    first, second = (helper.read("keys", "create", "--user", "ada") for _ in range(2))
    assert helper.read("keys", "revoke", "--yes", first["id"][:12])["id"] == first["id"]
    assert helper.read("keys", "revoke", "--yes", second["prefix"] + "...")["id"] == second["id"]
    assert [key["state"] for key in helper.read("keys", "list")] == ["revoked", "revoked"]


def test_a_beginning_that_means_no_key_or_too_little_is_refused(helper):
    made = helper.read("keys", "create", "--user", "ada")
    for text in ("key_", made["id"][:7], "", "ap_", "key_0000zzzz"):
        assert "there is no key" in helper.refused("keys", "revoke", "--yes", "--", text)
    assert [key["state"] for key in helper.read("keys", "list")] == ["active"]


def test_a_beginning_that_means_two_keys_is_refused_with_both():
    keys = [{"id": f"key_abcd{n}", "user": "ada", "prefix": f"ap_dev_{n}"} for n in range(2)]
    with pytest.raises(Refused, match="abcd means 2 keys: key_abcd0 of user ada, key_abcd1 of user ada"):
        found_id("abcd", keys)
    assert found_id("key_abcd1", keys) == "key_abcd1"


def test_a_key_of_another_tenant_cannot_be_revoked(helper):
    made = helper.read("keys", "create", "--user", "ada")
    assert "no key" in helper.refused("--tenant", "acme", "keys", "revoke", "--yes", made["id"])
    assert [key["state"] for key in helper.read("keys", "list")] == ["active"]


def test_a_key_is_listed_in_columns(helper):
    made = helper.read("keys", "create", "--user", "ada", "--agent", "helper", "--read-only")
    header, row = helper.done("keys", "list").splitlines()
    assert header.split() == ["ID", "KEY", "USER", "STATE", "CREATED", "EXPIRES", "LAST", "USED", "SCOPE", "NAME"]
    assert row.split()[:4] == [made["id"], made["prefix"] + "...", "ada", "active"]
    assert "helper,read-only" in row


def test_a_key_that_is_named_by_its_id_is_found_without_reading_all_keys(tables, emulator):
    tables.done("users", "put", "ada")
    ids = [tables.read("keys", "create", "--user", "ada")["id"] for _ in range(2)]
    counter = Counting(emulator)
    tables.done("keys", "revoke", "--yes", ids[0])
    by_id = len(counter.operations)
    tables.done("keys", "revoke", "--yes", ids[1][:-1])
    counter.stop()
    assert by_id < len(counter.operations) - by_id
