"""Attacks on management from outside: with revoked keys, deleted users and odd requests, and through the audit log."""

from __future__ import annotations

import json
import re
import secrets
import socket
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from antiphon.access import keys
from antiphon.records import Grant, Role, User
from tests.support.caller import refused
from tests.support.command import Antiphon
from tests.support.managing import AGENT, OPERATIONS, key_id
from tests.support.service import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Return a service that trusts what it read for a minute, as the functions do."""
    with Service(tmp_path_factory.mktemp("state"), cache_seconds=60) as running:
        yield running


def ready(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_key_that_is_revoked_manages_nothing_from_then_on(office, service):
    boss = office.operator("all")
    for key in (office.operator("keys:read"), office.stage()["secret"]):
        ready(office.ask(key, "GET", "me"))
        ready(office.ask(boss, "DELETE", f"keys/{key_id(key)}"))
        refused(office.ask(key, "GET", "me"), 401, "key_revoked")


def test_a_right_that_is_taken_away_ends_at_once(office, service):
    key = office.operator("audit:read")
    ready(office.ask(key, "GET", "audit"))
    role = ready(office.ask(key, "GET", "me"))["role"]
    service.put(Role("default", role, frozenset({"USE"})))
    refused(office.ask(key, "GET", "audit"), 403, "permission_denied")


def test_a_new_user_does_not_restore_what_a_deleted_one_of_the_same_name_made(office, service):
    staged = office.stage()
    boss = office.operator("all")
    ready(office.ask(staged["secret"], "DELETE", f"agents/{staged['agent']}"))
    ready(office.ask(boss, "DELETE", f"users/{staged['user']}"))
    service.put(User("default", staged["user"], role="FREE"))
    key = office.key(staged["user"])
    for agent in (staged["agent"], staged["deleted"]):
        refused(office.ask(key, "POST", f"deleted-agents/{agent}/restore"), 404, "agent_not_found")
    ready(office.ask(boss, "POST", f"deleted-agents/{staged['agent']}/restore"))
    refused(office.ask(key, "PUT", f"agents/{staged['agent']}", AGENT), 403, "permission_denied")


def test_a_user_restores_no_agent_of_another(office, service):
    staged, other = office.stage(), office.stage()
    absent = office.ask(other["secret"], "POST", "deleted-agents/nothing/restore")
    hidden = office.ask(other["secret"], "POST", f"deleted-agents/{staged['deleted']}/restore")
    assert (hidden.status_code, hidden.content) == (404, absent.content)
    body = {**AGENT, "id": staged["deleted"]}
    refused(office.ask(other["secret"], "POST", "agents", body), 409, "in_use", "id")
    ready(office.ask(staged["secret"], "POST", f"deleted-agents/{staged['deleted']}/restore"))


def test_of_two_users_who_make_an_agent_of_one_id_at_once_one_gets_it_and_the_other_nothing(office, service):
    both = [office.stage() for _ in range(2)]

    def make(number, each):
        grants = [{"principal": f"user:{each['idle']}", "level": "owner"}]
        body = {**AGENT, "id": f"raced-{number}", "instructions": f"Of {each['user']}.", "grants": grants}
        return office.ask(each["secret"], "POST", "agents", body)

    with ThreadPoolExecutor(2) as threads:
        for number in range(40):
            statuses = [answer.status_code for answer in threads.map(partial(make, number), both)]
            assert sorted(statuses) == [200, 409]
            winner = both[statuses.index(200)]
            agent, _ = service.run(service.directory.agent("default", f"raced-{number}", []))
            assert (agent.author, agent.instructions) == (winner["user"], f"Of {winner['user']}.")
            grants = service.run(service.directory.grants_on("default", agent.id))
            assert {grant.principal for grant in grants} == {f"user:{winner['user']}", f"user:{winner['idle']}"}


def test_a_rollback_brings_no_grant_back_and_no_tool_of_a_server(office, service):
    staged, other = office.stage(), office.stage()
    path = f"agents/{staged['agent']}"
    principal = f"user:{other['user']}"
    ready(office.ask(staged["secret"], "PUT", f"{path}/grants/{principal}", {"level": "editor"}))
    ready(office.ask(staged["secret"], "DELETE", f"{path}/grants/{principal}"))
    ready(office.ask(staged["secret"], "POST", f"{path}/rollback", {"version": 1}))
    grants = ready(office.ask(staged["secret"], "GET", f"{path}/grants"))["data"]
    assert principal not in {grant["principal"] for grant in grants}
    refused(office.ask(other["secret"], "POST", f"{path}/rollback", {"version": 1}), 403, "permission_denied")


TOOLS = [
    {"mcp": {"label": "m", "url": "https://mcp.example.com/mcp"}, "auth": {"bearer": {"env": "TOOL_KEY"}}},
    {"http": {"label": "h", "openapi": "https://api.example.com/openapi.json"}},
    {"function": {"name": "f", "description": "", "parameters": {}}, "run": {"lambda": "arn:aws:lambda:x"}},
    {"lambda": {"function": "arn:aws:lambda:eu-central-1:123456789012:function:f"}},
    {"knowledge_base": {"id": "ABCDEFGHIJ"}},
    {"web_search": {}},
]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: next(iter(tool)))
def test_a_user_gives_an_agent_no_tool_that_reaches_secrets_or_functions(office, service, tool):
    staged, editor = office.stage(), office.stage()
    service.put(Grant("default", staged["agent"], f"user:{editor['user']}", 15))
    for key in (staged["secret"], editor["secret"]):
        for method, path in (("POST", "agents"), ("PUT", f"agents/{staged['agent']}")):
            answer = office.ask(key, method, path, {**AGENT, "tools": [tool]})
            assert answer.status_code in {400, 403}, answer.text
    assert "tools" not in ready(office.ask(staged["secret"], "GET", f"agents/{staged['agent']}"))


def test_nobody_decides_as_an_operator_on_what_they_asked_for(office, service):
    key = office.operator("approvals:write")
    me = ready(office.ask(key, "GET", "me"))["user"]
    asked = office.response(me)["approval"]
    refused(office.ask(key, "POST", f"approvals/{asked}", {"decision": "approve"}), 403, "permission_denied")
    reader = office.operator("approvals:read")
    refused(office.ask(reader, "POST", f"approvals/{asked}", {"decision": "deny"}), 403, "permission_denied")
    refused(office.ask(office.stage()["secret"], "GET", f"approvals/{asked}"), 403, "permission_denied")
    ready(office.ask(office.operator("approvals:write"), "POST", f"approvals/{asked}", {"decision": "deny"}))


def test_the_log_shows_no_secret_that_somebody_writes_into_a_record(office, service, capsys):
    boss = office.operator("all")
    managing = keys.make_management_key("test", secrets.token_bytes)
    calling = keys.make_key("test", secrets.token_bytes)
    webhook = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFS+/A="
    staged = office.stage()
    for hidden in (managing, calling, webhook):
        ready(office.ask(boss, "PUT", f"users/{staged['idle']}", {"name": hidden[:250]}))
        ready(office.ask(boss, "POST", "keys", {"user": staged["user"], "name": f"for {hidden}"}))
        body = {**AGENT, "instructions": f"Call with Bearer {hidden}."}
        ready(office.ask(boss, "PUT", f"agents/{staged['agent']}", body))
    antiphon = Antiphon(("--database", str(service.settings.database), "--json"), capsys.readouterr)
    addresses = ("https://hooks.example/a?sig=abc123&x=1", "https://hooks.example/a?X-Amz-Signature=abc123")
    for address in addresses:
        made = antiphon.done("webhooks", "create", address)
    log = json.dumps(ready(office.ask(boss, "GET", "audit?limit=100"))["data"])
    assert "hooks.example" in log
    for hidden in (managing, calling, webhook, "abc123", re.findall(r"whsec_[\w+/=]+", made)[0]):
        assert hidden not in log


ODD = [
    "%00",
    "%FF%FE",
    "%2e%2e",
    "%2F",
    "a%2Fb",
    "%0d%0aX-A:b",
    "x" * 3000,
    "%F0%9F%92%A9",
    "a%23b",
    "+",
    "%25",
    ";",
    "a b",
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd[:12])
def test_no_operation_fails_or_finds_anything_by_an_odd_id(office, odd):
    keys_of = (office.operator("all"), office.stage()["secret"])
    for operation in OPERATIONS:
        for field in re.findall(r"{(\w+)}", operation.path):
            names = defaultdict(lambda: "x", {field: odd.replace(" ", "%20")})
            for key in keys_of:
                path = operation.path.format_map(names).removeprefix("/v1/admin/")
                body = {} if operation.body is None else json.loads(json.dumps(operation.body).replace("{user}", "x"))
                answer = office.ask(key, operation.method, path, body if operation.body is not None else None)
                is_empty = operation.name == "show the usage of a user" and answer.json().get("requests") == 0
                assert 400 <= answer.status_code < 500 or is_empty, (operation.name, field, answer.text)


def test_raw_bytes_in_a_path_are_answered_and_never_served(office, service):
    key = office.operator("all")
    host, port = service.client.base_url.host, service.client.base_url.port
    for raw in (
        b"/v1/admin/users/\xff",
        b"/v1/admin/../admin/me",
        b"/v1/admin/keys\x00",
        b"//v1/admin/me",
        b"/V1/admin/me",
    ):
        with socket.create_connection((host, port), timeout=10) as connection:
            head = b"GET " + raw + b" HTTP/1.1\r\nhost: h\r\nconnection: close\r\nauthorization: Bearer "
            connection.sendall(head + key.encode() + b"\r\n\r\n")
            status = connection.makefile("rb").readline().split(b" ")[1]
        assert status in {b"400", b"404"}, (raw, status)
