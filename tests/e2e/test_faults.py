"""When something breaks, as far as one process can show it, over a real socket."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from antiphon.errors import SettingsError
from antiphon.settings import read_settings
from tests.support.caller import refused
from tests.support.durable import watch
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, usage

CANARY = b"<html>canary-9c1e</html>"


@pytest.mark.parametrize("mode", ["json", "stream"])
@pytest.mark.parametrize(
    ("status", "code", "answered"),
    [
        (401, "provider_auth", 500),
        (403, "provider_auth", 500),
        (400, "provider_refused_request", 500),
        (429, "provider_rate_limited", 429),
        (500, "model_error", 500),
    ],
)
def test_a_refusal_of_the_provider_has_a_stable_code_and_its_text_is_never_relayed(
    service: Service, key: str, upstream: Upstream, mode: str, status: int, code: str, answered: int
) -> None:
    upstream.scripts = [Script.error(status, CANARY, retry_after="0")]
    if mode == "json":
        reply = service.post(key, model="agent", input="Hi")
        refused(reply, answered, code)
        content = reply.content
    else:
        reply = service.post(key, model="agent", input="Hi", stream=True)
        content = reply.content
        assert f'"code":"{code}"'.encode() in content
    assert b"canary" not in content


def test_a_provider_that_recovers_is_asked_again_before_the_first_delta(
    service: Service, key: str, upstream: Upstream
) -> None:
    busy = Script.error(503, retry_after="0")
    upstream.scripts = [busy, busy, answer("Back again")]
    assert service.create(key, input="Hi")["output"][0]["content"][0]["text"] == "Back again"
    assert len(upstream.requests) == 3


def test_a_provider_that_does_not_recover_is_asked_three_times_at_most(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [Script.error(503, retry_after="0")]
    refused(service.post(key, model="agent", input="Hi"), 500, "model_error")
    assert len(upstream.requests) == 3


def test_a_failed_response_is_stored_as_failed(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(400, CANARY)]
    failed = service.stream(key, input="Hi")[-1]["response"]
    stored = service.retrieve(key, failed["id"])
    assert stored["status"] == "failed"
    assert stored["error"]["code"] == "provider_refused_request"


def test_an_agent_on_an_unknown_provider_says_so(service: Service, key: str) -> None:
    service.agent("agent", provider="nowhere")
    refused(service.post(key, model="agent", input="Hi"), 500, "provider_not_configured")


def test_a_client_that_leaves_does_not_end_the_run(service: Service, key: str, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Before "), gate, text("after"), finish(), usage(1, 2))]
    response_id = ""
    with service.streaming(key, input="Hi") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: ") and '"response.created"' in line:
                response_id = line.split('"id":"')[1].split('"')[0]
            if '"delta":"Before "' in line:
                break
    committed = watch(service, "commit")
    gate.open()
    assert committed.wait(10)
    stored = service.retrieve(key, response_id)
    assert stored["status"] == "completed"
    assert stored["output"][0]["content"][0]["text"] == "Before after"


@pytest.mark.parametrize(
    ("store", "method"), [("keys", "get"), ("directory", "account"), ("directory", "agent"), ("responses", "claim")]
)
def test_a_throttled_store_before_the_model_is_503_and_no_model_is_called(
    service: Service, key: str, upstream: Upstream, store: str, method: str
) -> None:
    getattr(service, store).broken.add(method)
    reply = service.post(key, model="agent", input="Hi")
    refused(reply, 503, "storage_unavailable")
    assert int(reply.headers["retry-after"]) >= 1
    assert upstream.requests == []


def test_a_store_throttled_while_the_conversation_is_read_is_503(
    service: Service, key: str, upstream: Upstream
) -> None:
    first = service.create(key, input="Hi")
    service.responses.broken.add("chain")
    refused(service.post(key, model="agent", input="Hi", previous_response_id=first["id"]), 503, "storage_unavailable")
    assert len(upstream.requests) == 1


def test_a_throttled_read_is_503_and_never_404(service: Service, key: str) -> None:
    first = service.create(key, input="Hi")
    service.responses.broken.add("get")
    refused(service.get(f"/v1/responses/{first['id']}", key), 503, "storage_unavailable")


def test_a_commit_that_is_throttled_for_a_while_still_completes(service: Service, key: str) -> None:
    service.responses.failing["commit"] = 2
    response = service.stream(key, input="Hi")[-1]["response"]
    assert response["status"] == "completed"
    assert service.retrieve(key, response["id"]) == response


def test_a_commit_that_stays_throttled_never_says_completed(service: Service, key: str) -> None:
    service.responses.broken.add("commit")
    events = service.stream(key, input="Hi")
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert events[-1]["response"]["error"]["code"] == "storage_unavailable"
    refused(service.post(key, model="agent", input="Hi"), 503, "storage_unavailable")


def test_a_get_right_after_completed_succeeds_from_any_instance(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream) as one, Service(tmp_path, upstream) as other:
        key = one.key()
        response = one.stream(key, input="Hi")[-1]["response"]
        assert other.retrieve(key, response["id"]) == response
        second = other.create(key, input="On", previous_response_id=response["id"])
        assert one.retrieve(key, second["id"]) == second


def test_continuing_a_response_that_still_runs_is_409(service: Service, key: str, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Slow"), gate, finish(), usage(1, 1))]
    with service.streaming(key, input="Hi") as stream:
        lines = stream.iter_lines()
        created = next(line for line in lines if line.startswith("data: "))
        response_id = created.split('"id":"')[1].split('"')[0]
        assert gate.reached.wait(10)
        reply = service.post(key, model="agent", input="On", previous_response_id=response_id)
        refused(reply, 409, "response_in_progress", "previous_response_id")
        assert int(reply.headers["retry-after"]) >= 1
        assert service.retrieve(key, response_id)["status"] == "in_progress"
        gate.open()
        assert any("response.completed" in line for line in lines)


def test_two_continuations_of_one_response_at_once_both_succeed_as_branches(
    service: Service, key: str, upstream: Upstream
) -> None:
    gate = Gate()
    slow = Script.stream(gate, text("Slow"), finish(), usage(1, 1))
    upstream.scripts = [answer("Root"), slow, slow]
    first = service.create(key, input="root")
    results: list[dict[str, Any]] = []
    threads = [
        threading.Thread(
            target=lambda side=side: results.append(service.create(key, input=side, previous_response_id=first["id"]))
        )
        for side in ("left", "right")
    ]
    for thread in threads:
        thread.start()
    while len(upstream.requests) < 3:
        assert gate.reached.wait(10)
    gate.open()
    for thread in threads:
        thread.join()
    assert len({response["id"] for response in results}) == 2
    asked = {tuple(m["content"] for m in r.body["messages"] if m["role"] == "user") for r in upstream.requests[1:]}
    assert asked == {("root", "left"), ("root", "right")}


def test_a_response_whose_worker_was_lost_counts_as_failed_once_its_lease_has_ended(
    service: Service, key: str, upstream: Upstream
) -> None:
    service.responses.broken.add("commit")
    failed = service.stream(key, input="Hi")[-1]["response"]
    assert service.retrieve(key, failed["id"])["status"] == "in_progress"
    service.clock.ahead = 100_000
    key = service.key()
    lost = service.retrieve(key, failed["id"])
    assert (lost["status"], lost["error"]["code"]) == ("failed", "worker_lost")
    service.responses.broken.clear()
    second = service.create(key, input="Again", previous_response_id=failed["id"])
    assert second["status"] == "completed"


def test_a_response_past_its_retention_is_absent(service: Service, key: str) -> None:
    response = service.create(key, input="Hi")
    service.clock.ahead = 31 * 86_400
    key = service.key()
    refused(service.get(f"/v1/responses/{response['id']}", key), 404, "response_not_found")
    reply = service.post(key, model="agent", input="Hi", previous_response_id=response["id"])
    refused(reply, 404, "previous_response_not_found")


def test_a_run_that_reaches_its_deadline_ends_with_a_terminal_event(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(text("Half"), Gate(), finish())]
    with Service(tmp_path, upstream, run_seconds=1.5, reserve_seconds=1.0) as service:
        response = service.stream(service.key(), input="Hi")[-1]["response"]
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "deadline"}
    assert response["output"][0]["status"] == "incomplete"
    assert upstream.closed_early.wait(10)


def test_silence_is_filled_with_comments(tmp_path: Path, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("A"), gate, text("B"), finish(), usage(1, 2))]
    with Service(tmp_path, upstream, ping_seconds=0.05) as service, service.streaming(service.key(), input="Hi") as sse:
        lines = sse.iter_lines()
        assert ": ping" in lines
        gate.open()
        assert any("response.completed" in line for line in lines)


def test_a_shutdown_ends_every_open_stream_with_a_terminal_event(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(text("A"), Gate(), finish())]
    with Service(tmp_path, upstream) as service, service.streaming(service.key(), input="Hi") as stream:
        lines = stream.iter_lines()
        assert any('"delta":"A"' in line for line in lines)
        service.settle(0)
        rest = list(lines)
    assert any('"code":"shutting_down"' in line for line in rest)
    assert rest[-2:] == ["data: [DONE]", ""] or rest[-1] == "data: [DONE]"


def test_a_conversation_over_the_turn_limit_is_refused(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream, max_chain_turns=2) as service:
        key = service.key()
        first = service.create(key, input="1")
        second = service.create(key, input="2", previous_response_id=first["id"])
        service.forget_calls()
        reply = service.post(key, model="agent", input="3", previous_response_id=second["id"])
        refused(reply, 400, "context_length_exceeded", "previous_response_id")
        assert service.responses.calls == {}


def test_a_conversation_over_the_size_limit_is_refused(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream, max_chain_bytes=2_000) as service:
        key = service.key()
        response = service.create(key, input="1")
        second = service.create(key, input="2", previous_response_id=response["id"])
        reply = service.post(key, model="agent", input="3", previous_response_id=second["id"])
        refused(reply, 400, "context_length_exceeded", "previous_response_id")


def test_a_large_answer_is_kept_to_the_byte(service: Service, key: str, upstream: Upstream) -> None:
    word = "x\u00e9\U0001f600\0" * 10_000
    upstream.scripts = [Script.stream(*[text(word)] * 60, finish(), usage(1, 2))]
    response = service.create(key, input="Write")
    assert service.retrieve(key, response["id"]) == response
    assert response["output"][0]["content"][0]["text"] == word * 60


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({}, "DATABASE"),
        ({"ANTIPHON_CORE_TABLE": "canary"}, "RESPONSES_TABLE"),
        ({"ANTIPHON_DATABASE": "x", "ANTIPHON_RETENTION_DAYS": "canary"}, "ANTIPHON_RETENTION_DAYS"),
        ({"ANTIPHON_DATABASE": "x", "ANTIPHON_PROVIDERS": "{canary"}, "ANTIPHON_PROVIDERS"),
        ({"ANTIPHON_DATABASE": "x", "ANTIPHON_ENVIRONMENT": "Canary!"}, "ANTIPHON_ENVIRONMENT"),
    ],
)
def test_an_unusable_environment_fails_at_start_by_name_and_never_by_value(
    environ: dict[str, str], variable: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(environ)
    assert variable in str(caught.value)
    assert "canary" not in str(caught.value).lower()
