"""/v1/admin/webhooks over HTTP: a secret is shown once, a test is sent, and what never arrived is listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from antiphon.manage.webhooks import MAX_WEBHOOKS
from antiphon.records import Webhook, WebhookSecret
from antiphon.webhooks.events import TYPES
from tests.support.answering import Answer, Answering
from tests.support.caller import refused
from tests.support.managing import Office
from tests.support.service import Service


@dataclass
class Desk:
    """An office, and a management key with the rights to webhooks and to the audit log."""

    office: Office
    key: str

    def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        return self.office.ask(self.key, method, path, body)

    def made(self, url: str, **more: Any) -> dict[str, Any]:
        answer = self.ask("POST", "webhooks", {"url": url, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def service(tmp_path: Path, receiver: Answering) -> Iterator[Service]:
    with Service(tmp_path, cache_seconds=0, webhook_hosts=("*", receiver.place)) as running:
        yield running


@pytest.fixture
def desk(service: Service) -> Desk:
    office = Office(service)
    return Desk(office, office.operator("webhooks:write", "audit:read"))


def test_the_secret_is_in_the_answer_that_makes_it_and_nowhere_else(desk: Desk, receiver: Answering) -> None:
    made = desk.made(receiver.url("/hook"), name="ours")
    assert made["event_types"] == list(TYPES)
    rotated = desk.ask("POST", f"webhooks/{made['id']}/rotate", {"keep_old": True}).json()
    secrets = {made["signing_secret"], rotated["signing_secret"]}
    assert len(secrets) == 2
    assert all(secret.startswith("whsec_") for secret in secrets)
    desk.ask("POST", f"webhooks/{made['id']}/test")
    read = [desk.ask("GET", path).text for path in ("webhooks", f"webhooks/{made['id']}", "audit")]
    read.append(desk.ask("DELETE", f"webhooks/{made['id']}").text)
    assert not any(secret in text for secret in secrets for text in read)


def test_each_change_is_noted_with_the_key_that_made_it(desk: Desk, receiver: Answering) -> None:
    made = desk.made(receiver.url("/hook"))
    for method, path, body in (("POST", "/rotate", {}), ("POST", "/test", None), ("DELETE", "", None)):
        assert desk.ask(method, f"webhooks/{made['id']}{path}", body).status_code == 200
    entries = desk.ask("GET", "audit?kind=webhook").json()["data"]
    assert [entry["action"] for entry in entries] == [
        "webhook.deleted",
        "webhook.tested",
        "webhook.rotated",
        "webhook.created",
    ]
    assert {(entry["target"], entry["actor"]["via"]) for entry in entries} == {(f"webhook:{made['id']}", "http")}


def test_a_test_is_signed_with_both_secrets_and_its_failure_is_the_answer(desk: Desk, receiver: Answering) -> None:
    made = desk.made(receiver.url("/hook"))
    desk.ask("POST", f"webhooks/{made['id']}/rotate", {"keep_old": True})
    tested = desk.ask("POST", f"webhooks/{made['id']}/test").json()
    assert (tested["result"], tested["failure"]) == ("arrived", None)
    [asked] = receiver.asked
    client = openai.OpenAI(api_key="none")
    event = client.webhooks.unwrap(asked.body, asked.headers, secret=made["signing_secret"])
    assert (event.type, event.data.id) == ("response.completed", "resp_test")
    receiver.answer = lambda _: Answer(503)
    assert desk.ask("POST", f"webhooks/{made['id']}/test").json()["failure"] == "503"


def test_a_webhook_on_a_host_that_the_deployment_does_not_list_is_refused_by_the_name_of_the_setting(
    desk: Desk,
) -> None:
    for url in ("http://127.0.0.1:9/hook", "https://10.0.0.1/", "http://example.com/", "https://example.com:8443/"):
        answer = desk.ask("POST", "webhooks", {"url": url})
        refused(answer, 400, "invalid_value", "url")
        assert "ANTIPHON_WEBHOOK_HOSTS (on AWS: WebhookHosts)" in answer.json()["error"]["message"]
    assert desk.ask("GET", "webhooks").json()["data"] == []


def test_a_test_reaches_no_host_that_the_deployment_does_not_list(desk: Desk, service: Service) -> None:
    with Answering() as private:
        hook = Webhook("default", "we_before", private.url("/hook"), TYPES, (WebhookSecret("whsec_QQ=="),), 1, 1)
        service.run(service.services.webhooks().put(hook))
        tested = desk.ask("POST", f"webhooks/{hook.id}/test").json()
        assert (tested["result"], tested["failure"]) == ("failed", "not_allowed")
        assert "ANTIPHON_WEBHOOK_HOSTS" in tested["advice"]
        assert private.connections == 0


def test_what_never_arrived_is_listed_page_by_page_and_with_its_webhook(desk: Desk, service: Service) -> None:
    ids = [desk.made(f"https://example.com/{name}")["id"] for name in ("a", "b")]
    values = [("default", ids[number % 2], f"resp_{number}", TYPES[1], "ada", 100 + number) for number in range(5)]
    into = "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, 9, '503', NULL)"
    database = service.services.webhooks()._database  # type: ignore[attr-defined] # SQLite's
    service.run(database.write(lambda db: db.executemany(into, values)))
    seen, after = [], ""
    while True:
        page = desk.ask("GET", f"failed-deliveries?limit=2{after}").json()
        seen += [row["response"] for row in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    assert seen == [f"resp_{number}" for number in reversed(range(5))]
    shown = desk.ask("GET", f"webhooks/{ids[0]}").json()
    assert [(each["response"], each["failure"]) for each in shown["failed"]] == [
        (f"resp_{number}", "503") for number in (4, 2, 0)
    ]


@pytest.mark.parametrize("after", ["x", "1.2.3", "-1.a.b.c", "99999999999999999999.a.b.c"])
def test_a_page_of_deliveries_that_follows_nothing_is_refused(desk: Desk, after: str) -> None:
    refused(desk.ask("GET", f"failed-deliveries?after={after}"), 400, "invalid_value", "after")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_required_parameter", "url"),
        ({"url": "ftp://example.com/"}, "invalid_value", "url"),
        ({"url": "https://user@example.com/"}, "invalid_value", "url"),
        ({"url": "https://example.com/", "event_types": []}, "invalid_value", "event_types"),
        ({"url": "https://example.com/", "event_types": ["response.born"]}, "invalid_value", "event_types"),
        ({"url": "https://example.com/", "secret": "whsec_QQ=="}, "unknown_parameter", "secret"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused_at_its_field(
    desk: Desk, body: dict[str, Any], code: str, param: str
) -> None:
    refused(desk.ask("POST", "webhooks", body), 400, code, param)
    assert desk.ask("GET", "webhooks").json()["data"] == []


def test_a_tenant_has_at_most_so_many_webhooks(desk: Desk) -> None:
    for number in range(MAX_WEBHOOKS):
        desk.made(f"https://example.com/{number}")
    refused(desk.ask("POST", "webhooks", {"url": "https://example.com/more"}), 400, "out_of_range")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "", None), ("DELETE", "", None), ("POST", "/rotate", {}), ("POST", "/test", None)],
)
def test_a_webhook_that_is_not_there_is_not_found(desk: Desk, method: str, path: str, body: Any) -> None:
    refused(desk.ask(method, f"webhooks/we_none{path}", body), 404, "webhook_not_found")


def test_the_url_of_a_webhook_is_in_the_audit_log_without_what_may_be_a_secret(desk: Desk) -> None:
    desk.made("https://example.com/hook?token=abcdef0123456789")
    assert "abcdef0123456789" not in json.dumps(desk.ask("GET", "audit?kind=webhook").json())
