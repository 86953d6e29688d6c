"""Whatever way a change comes, the audit log has who made it; and it has no secrets."""

from __future__ import annotations

import argparse
import getpass
import json
import socket

import pytest

from antiphon.audit import KINDS
from antiphon.records import RUNNING, User
from cli import verbs
from tests.support.caller import refused
from tests.support.command import Antiphon
from tests.support.managing import AGENT, OPERATIONS, key_id

NAMES = [operation.name for operation in OPERATIONS]
NOTED_READS = {"read what a response says", "export a user"}
NOTHING_TO_DO = {"cancel a response"}
"""What was staged has ended, so this changes nothing; it has a test of its own."""


@pytest.fixture
def entries(service):
    """Return the entries since the last call, newest first."""
    seen = ""

    def entries():
        nonlocal seen
        found = service.run(service.services.audit.some("default", 500)).entries
        new = [entry for entry in found if entry.id > seen]
        seen = found[0].id if found else seen
        return new

    entries()
    return entries


def is_noted(operation):
    if operation.name in NOTHING_TO_DO:
        return False
    return operation.method != "GET" or operation.name in NOTED_READS


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_every_change_over_http_is_noted_with_its_user_key_and_address(office, entries, operation):
    staged, key = office.stage(), office.operator("all")
    entries()
    answer = office.do(operation, key, staged)
    assert answer.status_code == 200, answer.text
    found = entries()
    assert bool(found) == is_noted(operation)
    for entry in found:
        assert entry.actor.user.startswith("holder-")
        assert (entry.actor.via, entry.actor.key_id, entry.actor.address) == ("http", key_id(key), "127.0.0.1")
        assert entry.kind in KINDS
        assert entry.target.partition(":")[0] in KINDS
        assert entry.before != entry.after


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.own], ids=lambda each: each.name)
def test_what_users_do_to_what_is_their_own_is_noted_with_their_key(office, entries, operation):
    staged = office.stage()
    entries()
    answer = office.do(operation, staged["secret"], staged)
    assert answer.status_code == 200, answer.text
    found = entries()
    assert bool(found) == (is_noted(operation) and operation.name not in NOTED_READS)
    assert {(entry.actor.user, entry.actor.key_id) for entry in found} <= {(staged["user"], staged["key"])}


@pytest.fixture
def antiphon(service, capsys):
    return Antiphon(("--database", str(service.settings.database), "--json"), capsys.readouterr)


def commands_of(parser, words=()):
    """Yield the words and the parser of every command on a deployment."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from commands_of(child, (*words, name))
            return
    if "run" in parser._defaults:
        yield words, parser


COMMANDS = {words: parser for words, parser in commands_of(verbs.parser()) if words != ("console",)}
"""All but the one that serves the operations as a page."""

SAMPLES = {
    **{operation.command[:2]: operation.command for operation in OPERATIONS if operation.command},
    ("audit",): ("audit",),
    ("agents", "show"): ("agents", "show", "{agent}"),
    ("agents", "list"): ("agents", "list"),
    ("agents", "compare"): ("agents", "compare", "{agent}"),
    ("agents", "apply"): ("agents", "apply", "{file}", "--author", "{user}"),
    ("agents", "diff"): ("agents", "diff", "{file}", "--author", "{user}"),
    ("tenants", "put"): ("tenants", "put", "default", "--limits", "{limits}"),
    ("keys", "limit"): ("keys", "limit", "{key}", "--tokens-per-day", "1000"),
    ("usage",): ("usage",),
    ("webhooks", "test"): ("webhooks", "test", "{webhook}"),
    ("tools", "diff"): ("tools", "diff", "{agent}"),
    ("tools", "test"): ("tools", "test", "{agent}"),
    ("user-responses", "show"): ("user-responses", "show", "{user}", "{response}"),
}
"""The words of each command, which ``stage`` fills in."""


def test_there_is_a_sample_of_every_command():
    assert {words for words in COMMANDS if words not in SAMPLES} == set()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_that_changes_something_is_noted_and_no_other(office, entries, antiphon, words, tmp_path):
    staged = {**office.stage(), "file": str(tmp_path / "new.json"), "limits": str(tmp_path / "limits.json")}
    (tmp_path / "new.json").write_text(json.dumps({**AGENT, "id": f"new-{staged['agent']}"}))
    (tmp_path / "limits.json").write_text(json.dumps({"retention_days": 7}))
    entries()
    antiphon(*(word.format_map(staged) for word in SAMPLES[words]))
    found = entries()
    changes = COMMANDS[words]._defaults["changes"] and words != ("user-responses", "cancel")
    assert bool(found) == changes
    for entry in found:
        assert (entry.actor.user, entry.actor.via) == (getpass.getuser(), "cli")
        assert (entry.actor.host, entry.actor.key_id, entry.actor.address) == (socket.gethostname(), "", "")


def test_reading_what_a_response_says_on_the_command_line_is_noted(office, entries, antiphon):
    staged = office.stage()
    entries()
    antiphon.done("user-responses", "show", staged["user"], staged["response"], "--content")
    assert [entry.action for entry in entries()] == ["response.read"]


def test_cancelling_a_response_that_runs_is_noted(office, entries):
    staged = office.stage()
    running = office.running(staged["user"])
    assert running.status in RUNNING
    entries()
    answer = office.ask(office.operator("all"), "POST", f"users/{staged['user']}/responses/{running.id}/cancel")
    assert answer.status_code == 200, answer.text
    cancelled = next(entry for entry in entries() if entry.kind == "response")
    assert (cancelled.action, cancelled.target) == ("response.cancelled", f"response:{running.id}")


def test_no_entry_has_a_key_or_its_digest(office, service, entries):
    key = office.operator("all")
    service.put(User("default", "ada", role="ADMIN"))
    made = office.ask(key, "POST", "keys", {"user": "ada", "name": "laptop"}).json()
    office.ask(key, "DELETE", f"keys/{made['id']}")
    revoked, created, *_ = [entry for entry in entries() if entry.kind == "key"]
    assert (revoked.action, created.action) == ("key.revoked", "key.created")
    assert created.after["prefix"] in made["key"]
    for entry in (revoked, created):
        text = f"{entry.before}{entry.after}"
        assert made["key"] not in text
        assert "digest" not in text


def test_the_log_is_read_by_its_right_page_by_page_and_filtered(office, service):
    key = office.operator("audit:read")
    operator = office.operator("people:write")
    for number in range(3):
        assert office.ask(operator, "PUT", f"groups/g-{number}", {"name": "x"}).status_code == 200
    first = office.ask(key, "GET", "audit?kind=group&limit=2").json()
    assert [entry["target"] for entry in first["data"]] == ["group:g-2", "group:g-1"]
    assert first["has_more"]
    second = office.ask(key, "GET", f"audit?kind=group&limit=2&after={first['last_id']}").json()
    assert second["data"][0]["target"] == "group:g-0"
    entry = office.ask(key, "GET", "audit?target=group:g-1").json()["data"][0]
    assert entry["actor"]["key_id"] == key_id(operator)
    assert (entry["before"], entry["after"]) == (None, {"id": "g-1", "name": "x"})
    by = office.ask(key, "GET", f"audit?actor={entry['actor']['user']}&limit=100").json()["data"]
    assert {each["target"] for each in by} == {"group:g-0", "group:g-1", "group:g-2"}
    later = int(service.clock()) + 3600
    assert office.ask(key, "GET", f"audit?since={later}").json()["data"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("kind=planet", "unsupported_value"),
        ("since=yesterday", "invalid_type"),
        ("after=x", "invalid_value"),
        ("object=group:g", "unknown_parameter"),
    ],
)
def test_a_list_that_cannot_be_is_refused(office, query, code):
    refused(office.ask(office.operator("audit:read"), "GET", f"audit?{query}"), 400, code)
