"""`audit`: who changed what, newest first."""

from __future__ import annotations

import getpass
import json
import re
import socket

import pytest

from antiphon.audit import KINDS
from cli import verbs


def actions(entries):
    return [f"{entry['action']} {entry['target']}" for entry in entries]


def test_it_lists_changes_newest_first_with_who_made_them_and_where(staffed):
    entries = staffed.read("audit")
    assert actions(entries) == [
        "user.created user:bob",
        "user.created user:ada",
        "group.created group:staff",
        "role.created role:STAFF",
    ]
    for entry in entries:
        assert entry["actor"]["via"] == "cli"
        assert entry["actor"]["host"] == socket.gethostname()
    line = staffed.done("audit", "--limit", "1").splitlines()[1]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +\S+ +cli \S+ +user.created +user:bob +role: STAFF", line)


def test_on_a_file_the_account_of_the_machine_is_named_and_on_tables_the_identity_of_aws(file, tables):
    for antiphon in (file, tables):
        antiphon.done("users", "put", "ada")
    assert file.read("audit")[0]["actor"]["user"] == getpass.getuser()
    assert tables.read("audit")[0]["actor"]["user"].startswith("arn:aws:sts::")


def test_it_is_filtered_by_kind_actor_and_target(staffed):
    who = staffed.read("audit")[0]["actor"]["user"]
    assert actions(staffed.read("audit", "--kind", "role")) == ["role.created role:STAFF"]
    assert actions(staffed.read("audit", "--object", "user:ada", "--actor", who)) == ["user.created user:ada"]
    assert staffed.read("audit", "--actor", "nobody") == []
    assert staffed.done("audit", "--actor", "nobody") == ""


def test_it_says_when_there_are_more(staffed):
    outcome = staffed("audit", "--limit", "2")
    assert len(outcome.out.splitlines()) == 3
    assert "there are more" in outcome.err
    for number in range(3):
        staffed.done("groups", "put", f"g{number}")
    assert len(staffed.read("audit", "--limit", "0")) == 7
    assert "there are more" not in staffed("audit", "--limit", "0").err


def test_it_begins_at_a_time(staffed):
    assert len(staffed.read("audit", "--since", "1h")) == 4
    assert len(staffed.read("audit", "--since", "2020-01-01")) == 4
    assert "--since: 2999-01-01 is not past" in staffed.refused("audit", "--since", "2999-01-01")
    assert "neither a span" in staffed.refused("audit", "--since", "yesterday")


def test_a_change_shows_what_was_before(staffed):
    staffed.done("users", "put", "bob", "--role", "ADMIN")
    assert staffed.done("audit", "--limit", "1").splitlines()[1].endswith("role: STAFF -> ADMIN")


@pytest.mark.parametrize("word", ["created", "revoked"])
def test_a_key_is_never_in_it(staffed, word):
    made = staffed.read("keys", "create", "--user", "ada")
    staffed.done("keys", "revoke", "--yes", made["id"])
    out = staffed("audit", "--json").out + staffed.done("audit")
    assert f"key.{word}" in out
    assert made["key"] not in out


def test_the_kinds_that_help_names_are_those_of_the_log():
    assert verbs.KINDS == KINDS


def test_changes_are_shown_in_the_words_of_the_api(staffed, tmp_path):
    path = tmp_path / "agent.yaml"
    for fields in ("temperature: 1", "limits: {tokens_per_day: 5, tokens_per_response: 3}\nshow_tools: none"):
        path.write_text(f"id: helper\nauthor: ada\nprovider: demo\nmodel: demo\n{fields}\n")
        staffed.done("agents", "apply", str(path))
    staffed.done("roles", "put", "STAFF", "--permission", "USE", "CREATE")
    staffed.done("grants", "add", "helper", "group:staff", "editor")
    staffed.done("keys", "create", "--user", "bob", "--tokens-per-day", "7")
    entries = staffed.read("audit")
    found = {entry["action"]: (entry["before"], entry["after"]) for entry in reversed(entries)}
    changed = {"temperature": None, "limits": {"tokens_per_day": 5, "tokens_per_response": 3}, "show_tools": "none"}
    before = {"temperature": 1.0, "limits": None, "show_tools": None}
    assert found["agent.changed"] == ({**before, "version": 1}, {**changed, "version": 2})
    assert found["role.changed"] == ({"permissions": ["USE"]}, {"permissions": ["CREATE", "USE"]})
    assert found["grant.created"][1] == {"agent": "helper", "principal": "group:staff", "level": "editor"}
    assert found["key.created"][1]["limits"] == {"tokens_per_day": 7}
    shown = f"{entries}"
    assert not [name for name in ("remote_agents", "budget", "bits", "parameters") if f"'{name}'" in shown]


def test_an_agent_with_a_long_value_is_shown_with_its_size(staffed, tmp_path):
    path = tmp_path / "agent.yaml"
    text = {"format": {"type": "json_schema", "name": "a", "schema": {"description": "x" * 2000}}}
    path.write_text(json.dumps({"id": "a", "author": "ada", "provider": "demo", "model": "demo", "text": text}))
    staffed.done("agents", "apply", str(path))
    (created,) = staffed.read("audit", "--target", "agent:a", "--kind", "agent")
    assert created["after"]["parameters"]["characters"] > 2000
