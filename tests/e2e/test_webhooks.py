"""Webhooks of the local server: what a receiver gets when responses end, and what becomes of what it does not take."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from antiphon.bootstrap import deliver_webhooks
from antiphon.errors import ApiError
from antiphon.fetch.posting import webhook_post
from antiphon.manage import webhooks
from antiphon.manage.deliveries import list_failed
from antiphon.manage.forms import WebhookForm
from antiphon.manage.operator import Operator
from antiphon.records import Actor, WebhookSecret
from antiphon.webhooks.delivery import PAUSES, deliver_due
from antiphon.webhooks.events import TYPES
from tests.support.answering import Answer, Answering, Asked
from tests.support.durable import ADA, SOON, held
from tests.support.service import Service
from tests.support.stored import approval
from tests.support.upstream import Script, Upstream, answer, finish, text, usage

OPERATOR = Operator.of_store(Actor("default", "ops", "cli"))


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream, receiver: Answering) -> Iterator[Service]:
    with Service(tmp_path, upstream, webhook_hosts=(receiver.place,), **SOON) as running:
        yield running


def made(service: Service, url: str, *types: str, operator: Operator = OPERATOR) -> tuple[str, str]:
    """Make a webhook; return its id and secret."""
    create = webhooks.create_webhook(service.services, operator, WebhookForm(url=url, event_types=list(types or TYPES)))
    secret, document = service.run(create)
    return document["id"], secret


def deliver(service: Service) -> int:
    """Send what is due."""

    async def send() -> int:
        post = webhook_post(service.settings.webhook_hosts)
        try:
            return await deliver_due(service.services.webhooks(), post, service.clock)  # type: ignore[arg-type] # SQLite's
        finally:
            await post.aclose()

    sent: int = service.run(send())
    return sent


def unwrapped(asked: Asked, secret: str) -> Any:
    """Verify and read a request as its receiver does, with OpenAI's package."""
    return openai.OpenAI(api_key="none").webhooks.unwrap(asked.body, asked.headers, secret=secret)


def failed(service: Service) -> list[dict[str, Any]]:
    return list(service.run(list_failed(service.services, OPERATOR, limit=100)).records)


def test_each_ending_of_a_response_is_an_event_that_openais_package_verifies(
    service: Service, key: str, upstream: Upstream, receiver: Answering
) -> None:
    """OpenAI's webhook events (platform.openai.com/docs/api-reference/webhook-events): the id of a response alone."""
    _, secret = made(service, receiver.url("/hook"))
    cut = Script.stream(text("cut"), finish("length"), usage(1, 1))
    upstream.scripts = [answer("Done"), cut, Script.error(400), held(text("Long"))[0]]
    ids = [service.stream(key, input="x")[0]["response"]["id"] for _ in range(3)]
    running = service.create(key, input="x", background=True)["id"]
    service.client.post(f"/v1/responses/{running}/cancel", headers={"authorization": f"Bearer {key}"})
    assert deliver(service) == 4
    events = {event.data.id: event for event in (unwrapped(asked, secret) for asked in receiver.asked)}
    endings = ("completed", "incomplete", "failed", "cancelled")
    assert [events[response].type for response in (*ids, running)] == [f"response.{ending}" for ending in endings]
    assert {asked.path for asked in receiver.asked} == {"/hook"}
    assert deliver(service) == 0


def test_an_event_has_nothing_of_the_content(service: Service, key: str, receiver: Answering) -> None:
    made(service, receiver.url())
    response = service.create(key, input="canary-in")
    deliver(service)
    [asked] = receiver.asked
    assert set(asked.json) == {"id", "object", "created_at", "type", "data"}
    assert asked.json["data"] == {"id": response["id"]}


def test_a_changed_body_or_another_secret_is_refused_by_the_receiver(
    service: Service, key: str, receiver: Answering
) -> None:
    _, secret = made(service, receiver.url())
    service.create(key, input="x")
    deliver(service)
    [asked] = receiver.asked
    with pytest.raises(openai.InvalidWebhookSignatureError):
        openai.OpenAI(api_key="none").webhooks.unwrap(asked.body + b" ", asked.headers, secret=secret)
    with pytest.raises(openai.InvalidWebhookSignatureError):
        unwrapped(asked, "whsec_" + "A" * 43 + "=")


def test_a_webhook_gets_only_the_events_that_it_asked_for_and_those_of_its_tenant(
    service: Service, key: str, upstream: Upstream, receiver: Answering
) -> None:
    made(service, receiver.url("/failures"), "response.failed")
    made(service, receiver.url("/other"), operator=Operator.of_store(Actor("other", "ops", "cli")))
    upstream.scripts = [answer("Done"), Script.error(400)]
    service.create(key, input="x")
    second = service.stream(key, input="x")[0]["response"]["id"]
    deliver(service)
    assert [(asked.path, asked.json["data"]["id"]) for asked in receiver.asked] == [("/failures", second)]


def test_after_a_rotation_the_old_secret_signs_for_a_day_if_it_is_kept(
    service: Service, key: str, receiver: Answering
) -> None:
    webhook, old = made(service, receiver.url())
    rotate = webhooks.rotate_secret(service.services, OPERATOR, webhook, keep_old=True)
    new, _ = service.run(rotate)
    service.create(key, input="x")
    deliver(service)
    for secret in (old, new):
        assert unwrapped(receiver.asked[-1], secret).type == "response.completed"
    service.clock.ahead += 86_401
    service.create(service.key(), input="x")
    deliver(service)
    assert len(receiver.asked[-1].headers["webhook-signature"].split()) == 1


@pytest.mark.parametrize(
    ("given", "failure"),
    [(Answer(500), "500"), (Answer(307, headers={"location": "/else"}), "redirect"), (Answer(404), "404")],
)
def test_an_answer_that_is_no_success_is_tried_again_with_the_same_id_and_a_redirect_is_not_followed(
    service: Service, key: str, receiver: Answering, given: Answer, failure: str
) -> None:
    _, secret = made(service, receiver.url())
    receiver.answer = lambda _: given
    service.create(key, input="x")
    deliver(service)
    assert deliver(service) == 0
    receiver.answer = lambda _: Answer()
    service.clock.ahead += PAUSES[0] + 1
    assert deliver(service) == 1
    first, second = receiver.asked
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == first.json["id"]
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert secret not in str(receiver.asked)
    assert failed(service) == []


def test_what_never_arrives_is_tried_nine_times_in_thirty_hours_and_then_shown(
    service: Service, key: str, receiver: Answering
) -> None:
    webhook, _ = made(service, receiver.url())
    receiver.answer = lambda _: Answer(503)
    response = service.create(key, input="x")
    for pause in PAUSES:
        assert deliver(service) == 1
        service.clock.ahead += pause + 1
    assert deliver(service) == 1
    service.clock.ahead += 10 * 86_400
    assert deliver(service) == 0
    [shown] = failed(service)
    assert (shown["webhook"], shown["response"], shown["attempts"], shown["failure"]) == (
        webhook,
        response["id"],
        len(PAUSES) + 1,
        "503",
    )
    assert len(receiver.asked) == len(PAUSES) + 1


def test_a_private_host_that_the_operator_has_not_listed_is_not_called_and_logged_once(
    tmp_path: Path, upstream: Upstream, receiver: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    urls = (receiver.url(), f"https://localhost:{receiver.port}/")
    with Service(tmp_path, upstream, webhook_hosts=(receiver.place, f"localhost:{receiver.port}")) as service:
        ids = [made(service, url)[0] for url in urls]
    with Service(tmp_path, upstream) as service:
        for url in urls:
            with pytest.raises(ApiError, match=r"ANTIPHON_WEBHOOK_HOSTS.*WebhookHosts"):
                made(service, url)
        key = service.key()
        for _ in range(2):
            service.create(key, input="x")
        assert deliver(service) == 4
        warned = [record for record in caplog.records if "ANTIPHON_WEBHOOK_HOSTS" in record.getMessage()]
        assert sorted(record.__dict__["webhook"] for record in warned) == sorted(ids)
        for hook in ids:
            last = service.run(webhooks.show_webhook(service.services, OPERATOR, hook))["last_failure"]
            assert (last["type"], last["attempts"], last["failure"]) == ("response.completed", 1, "not_allowed")
            assert "ANTIPHON_WEBHOOK_HOSTS" in last["advice"]
    assert receiver.connections == 0


def test_a_slow_receiver_is_given_up_and_delays_no_response_and_no_other_receiver(
    service: Service, key: str, receiver: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.webhooks.delivery.SECONDS", 2)
    hold = threading.Event()
    made(service, receiver.url("/slow"))
    made(service, receiver.url("/quick"))

    def answered(asked: Asked) -> Answer:
        if asked.path == "/slow":
            hold.wait(30)
        return Answer()

    receiver.answer = answered
    service.create(key, input="x")
    sending = threading.Thread(target=deliver, args=(service,))
    sending.start()
    assert service.create(key, input="y")["status"] == "completed"
    sending.join()
    hold.set()
    assert {asked.path for asked in receiver.asked} == {"/slow", "/quick"}
    service.clock.ahead += PAUSES[0] + 1
    assert deliver(service) == 3  # the slow one again, and both of the second response


def test_what_ended_before_a_crash_is_delivered_by_the_next_process(
    tmp_path: Path, upstream: Upstream, receiver: Answering
) -> None:
    hosts = {"webhook_hosts": (receiver.place,)}
    with Service(tmp_path, upstream, **hosts) as service:
        made(service, receiver.url())
        response = service.create(service.key(), input="x")
    assert receiver.asked == []
    with Service(tmp_path, upstream, **hosts) as service:
        deliver(service)
    assert [asked.json["data"]["id"] for asked in receiver.asked] == [response["id"]]


def test_a_response_whose_worker_was_lost_is_an_event_too(
    service: Service, key: str, upstream: Upstream, receiver: Answering
) -> None:
    made(service, receiver.url())
    upstream.scripts = [held(text("Half"))[0]]
    service.has_workers = False
    response = service.create(key, input="x", background=True)
    service.client.post(f"/v1/responses/{response['id']}/cancel", headers={"authorization": f"Bearer {key}"})
    deliver(service)
    assert [asked.json["type"] for asked in receiver.asked] == ["response.cancelled"]


def test_a_call_that_waits_for_an_approval_is_an_event_once(service: Service, receiver: Answering) -> None:
    made(service, receiver.url())
    asked = approval(owner=ADA)
    service.run(service.services.approvals.save(asked))
    denied = replace(asked, state="denied", revision=1)
    service.run(service.services.approvals.save(denied))
    deliver(service)
    assert [(each.json["type"], each.json["data"]) for each in receiver.asked] == [
        ("approval.requested", {"id": asked.id})
    ]


def test_a_server_sends_events_by_itself(service: Service, key: str, receiver: Answering) -> None:
    made(service, receiver.url())
    arrived = threading.Event()

    def answered(_: Asked) -> Answer:
        arrived.set()
        return Answer()

    receiver.answer = answered
    sending = asyncio.run_coroutine_threadsafe(deliver_webhooks(service.settings, service.services), service._loop)
    service.create(key, input="x")
    assert arrived.wait(20)
    sending.cancel()
    with contextlib.suppress(BaseException):
        sending.result(5)


def test_without_a_webhook_the_end_of_a_response_writes_nothing_more(service: Service, key: str) -> None:
    service.create(key, input="x")
    with contextlib.closing(sqlite3.connect(str(service.settings.database))) as file:
        triggers = file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    assert ("response_ended",) not in triggers
    assert deliver(service) == 0


def test_a_webhook_that_cannot_be_used_at_all_stops_no_other(service: Service, key: str, receiver: Answering) -> None:
    broken, _ = made(service, receiver.url("/broken"))
    made(service, receiver.url("/well"))
    found = service.run(service.services.webhooks().get("default", broken))
    service.run(service.services.webhooks().put(replace(found, secrets=(WebhookSecret("whsec_\N{SNOWMAN}"),))))
    service.create(key, input="x")
    assert deliver(service) == 2
    assert [asked.path for asked in receiver.asked] == ["/well"]
    service.clock.ahead += PAUSES[0] + 1
    assert deliver(service) == 1


def test_a_deleted_webhook_gets_nothing_more(service: Service, key: str, receiver: Answering) -> None:
    webhook, _ = made(service, receiver.url())
    service.create(key, input="x")
    service.run(webhooks.delete_webhook(service.services, OPERATOR, webhook))
    service.create(key, input="x")
    assert deliver(service) == 0
    assert receiver.asked == []


def test_no_secret_is_in_the_log_or_in_a_list(
    service: Service, key: str, receiver: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    _, secret = made(service, receiver.url())
    receiver.answer = lambda _: Answer(500)
    service.create(key, input="x")
    deliver(service)
    listed = json.dumps(service.run(webhooks.list_webhooks(service.services, OPERATOR, limit=100)).records)
    assert secret not in listed + caplog.text
