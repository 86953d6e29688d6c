"""An agent's fallbacks and the circuit breakers, through the whole service over sockets."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from antiphon.ports import ReasoningDelta, ReasoningStateDelta, StopDelta, TextDelta, UsageDelta
from antiphon.records import Fallback, Limits, Tenant
from antiphon.settings import ProviderEndpoint
from tests.support.caller import TENANT, refused
from tests.support.ports import free_port
from tests.support.protocols import PROTOCOLS
from tests.support.service import Service
from tests.support.streams import assert_stream
from tests.support.upstream import CUT, Gate, Script, Upstream, answer, finish, frame, text, usage

CHAT, MESSAGES, RESPONSES, CONVERSE = PROTOCOLS
MODES = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
STAND_IN = Fallback("backup", "m2")
BACKUP = MESSAGES.script([TextDelta("From the backup"), UsageDelta(5, 3), StopDelta("stop")])
BUSY = Script.error(503, retry_after="0")
CANARY = b"canary-4f2c"


@pytest.fixture
def backup() -> Iterator[Upstream]:
    with Upstream([BACKUP]) as server:
        yield server


@contextlib.contextmanager
def serve(state: Path, upstream: Upstream, backup: Upstream | None = None, **settings: Any) -> Iterator[Service]:
    """Serve an agent whose model is upstream's, and whose fallback another provider's of another protocol."""
    providers = settings.pop("providers", {})
    if backup is not None:
        providers["backup"] = ProviderEndpoint(kind="anthropic", base_url=backup.base_url)
    with Service(state, upstream, providers=providers, **settings) as service:
        service.agent("agent", fallbacks=(STAND_IN,))
        yield service


def said(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def ask(service: Service, key: str, *, stream: bool, **fields: Any) -> dict[str, Any]:
    """Ask for a response, and require that what is stored is what was said."""
    if stream:
        response = service.stream(key, input="Hi", **fields)[-1]["response"]
    else:
        response = service.create(key, input="Hi", **fields)
    assert service.retrieve(key, response["id"]) == response
    return response


def nowhere() -> str:
    """Return a base URL that nobody listens at."""
    return f"http://127.0.0.1:{free_port()}/v1"


def one(provider: str, model: str, read: int, written: int, error: str | None) -> dict[str, Any]:
    return {"provider": provider, "model": model, "input_tokens": read, "output_tokens": written, "error": error}


# who answers


@MODES
@pytest.mark.parametrize(
    ("script", "code", "calls"),
    [
        (Script.error(429, CANARY, retry_after="0"), "provider_rate_limited", 3),
        (Script.error(429, CANARY, retry_after="60"), "provider_rate_limited", 1),
        (Script.error(500, CANARY, retry_after="0"), "model_error", 3),
        (Script.error(529, CANARY, retry_after="0"), "model_error", 3),
        (Script.error(401, CANARY), "provider_auth", 1),
        (Script.error(404, CANARY), "provider_model_not_found", 1),
        (Script.error(400, b'{"error":{"code":"model_not_found"}}'), "provider_model_not_found", 1),
        (Script.cut_after(9, text("never")), "model_error", 3),
        (Script([b"HTTP/1.1 what\r\n\r\n"], raw=True), "model_error", 3),
    ],
)
def test_where_the_model_fails_before_its_first_token_the_fallback_answers(
    tmp_path: Path, upstream: Upstream, backup: Upstream, stream: bool, script: Script, code: str, calls: int
) -> None:
    upstream.scripts = [script]
    with serve(tmp_path, upstream, backup) as service:
        response = ask(service, service.key(), stream=stream)
    assert said(response) == "From the backup"
    assert response["model"] == "agent"
    assert response["usage"]["total_tokens"] == 8
    assert response["usage"]["antiphon"] == {
        "provider": "backup",
        "model": "m2",
        "models": [one("up", "m", 0, 0, code), one("backup", "m2", 5, 3, None)],
    }
    assert (len(upstream.requests), len(backup.requests)) == (calls, 1)
    assert backup.requests[0].body["model"] == "m2"


@MODES
def test_a_model_that_cannot_be_reached_has_its_fallback(tmp_path: Path, backup: Upstream, stream: bool) -> None:
    gone = ProviderEndpoint(base_url=nowhere())
    with Upstream() as unused, serve(tmp_path, unused, backup, providers={"gone": gone}) as service:
        service.agent("agent", provider="gone", fallbacks=(STAND_IN,))
        response = ask(service, service.key(), stream=stream)
    assert said(response) == "From the backup"
    assert response["usage"]["antiphon"]["models"][0]["error"] == "provider_unreachable"


@MODES
def test_a_model_that_stays_silent_leaves_half_of_the_time_to_its_fallback(
    tmp_path: Path, upstream: Upstream, backup: Upstream, stream: bool
) -> None:
    upstream.scripts = [Script.stream(Gate())]
    with serve(tmp_path, upstream, backup, run_seconds=4.0, reserve_seconds=0.5) as service:
        response = ask(service, service.key(), stream=stream)
    assert said(response) == "From the backup"
    assert response["usage"]["antiphon"]["models"][0] == one("up", "m", 0, 0, "provider_timeout")
    assert len(upstream.requests) == 1
    assert upstream.closed_early.wait(10)


def test_a_model_that_has_begun_is_given_all_the_time(tmp_path: Path, upstream: Upstream, backup: Upstream) -> None:
    upstream.scripts = [Script.stream(text("Half"), Gate())]
    with serve(tmp_path, upstream, backup, run_seconds=3.0, reserve_seconds=0.5) as service:
        response = ask(service, service.key(), stream=True)
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "deadline"})
    assert backup.requests == []


@MODES
def test_fallbacks_are_asked_in_their_order_and_across_protocols(
    tmp_path: Path, upstream: Upstream, backup: Upstream, stream: bool
) -> None:
    upstream.scripts, backup.scripts = [Script.error(401)], [Script.error(403)]
    with serve(tmp_path, upstream, backup) as service:
        service.agent("agent", fallbacks=(STAND_IN, Fallback("demo", "demo")))
        response = ask(service, service.key(), stream=stream)
    told = response["usage"]["antiphon"]
    assert (told["provider"], told["model"]) == ("demo", "demo")
    assert [(model["provider"], model["error"]) for model in told["models"]] == [
        ("up", "provider_auth"),
        ("backup", "provider_auth"),
        ("demo", None),
    ]
    assert response["usage"]["output_tokens"] == told["models"][2]["output_tokens"] > 0


@MODES
def test_where_nobody_answers_the_first_models_error_is_told(
    tmp_path: Path, upstream: Upstream, backup: Upstream, stream: bool
) -> None:
    upstream.scripts, backup.scripts = [Script.error(429, CANARY, retry_after="77")], [Script.error(401, CANARY)]
    with serve(tmp_path, upstream, backup) as service:
        key = service.key()
        reply = service.post(key, model="agent", input="Hi", stream=stream)
        if stream:
            failed = assert_stream(reply.content)[-1]["response"]
            assert (failed["status"], failed["usage"]) == ("failed", None)
            assert failed["error"]["code"] == "provider_rate_limited"
            assert service.retrieve(key, failed["id"]) == failed
        else:
            refused(reply, 429, "provider_rate_limited")
            assert reply.headers["retry-after"] == "77"
    assert (len(upstream.requests), len(backup.requests)) == (1, 1)
    assert CANARY not in reply.content


def test_the_model_itself_answers_while_it_can_and_is_shown(
    tmp_path: Path, upstream: Upstream, backup: Upstream
) -> None:
    upstream.scripts = [BUSY, answer("Back again")]
    with serve(tmp_path, upstream, backup) as service:
        response = ask(service, service.key(), stream=False)
    assert said(response) == "Back again"
    assert response["usage"]["antiphon"] == {"provider": "up", "model": "m", "models": [one("up", "m", 3, 2, None)]}
    assert backup.requests == []


def test_an_agent_without_fallbacks_shows_nothing_of_them(service: Service, key: str) -> None:
    assert "antiphon" not in ask(service, key, stream=False)["usage"]


# who is not asked


@MODES
@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script.error(400, CANARY), "provider_refused_request"),
        (Script.error(422, CANARY), "provider_refused_request"),
        (Script.error(400, b'{"error":{"code":"context_length_exceeded"}}'), "context_length_exceeded"),
        (Script([frame(text("Half")), CUT]), "model_error"),
    ],
)
def test_what_another_model_could_not_mend_ends_the_response(
    tmp_path: Path, upstream: Upstream, backup: Upstream, stream: bool, script: Script, code: str
) -> None:
    upstream.scripts = [script]
    with serve(tmp_path, upstream, backup) as service:
        reply = service.post(service.key(), model="agent", input="Hi", stream=stream)
    seen = assert_stream(reply.content)[-1]["response"]["error"] if stream else reply.json()["error"]
    assert seen["code"] == code
    assert len(upstream.requests) == 1
    assert backup.requests == []


def test_a_content_filter_is_an_answer(tmp_path: Path, upstream: Upstream, backup: Upstream) -> None:
    upstream.scripts = [Script.stream(finish("content_filter"), usage(3, 0))]
    with serve(tmp_path, upstream, backup) as service:
        response = ask(service, service.key(), stream=True)
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert backup.requests == []


def test_a_fallback_that_cannot_carry_the_request_is_skipped(
    tmp_path: Path, upstream: Upstream, backup: Upstream
) -> None:
    upstream.scripts = [Script.error(401)]
    with serve(tmp_path, upstream, backup) as service:
        key = service.key()
        refused(service.post(key, model="agent", input="Hi", **MESSAGES.impossible), 500, "provider_auth")
        service.agent("agent", fallbacks=(STAND_IN, Fallback("demo", "demo")))
        response = ask(service, key, stream=False, **MESSAGES.impossible)
    assert [model["provider"] for model in response["usage"]["antiphon"]["models"]] == ["up", "demo"]
    assert backup.requests == []


def test_what_the_agents_own_model_cannot_carry_is_the_callers_to_mend(
    tmp_path: Path, upstream: Upstream, backup: Upstream
) -> None:
    with serve(tmp_path, upstream, backup) as service:
        service.agent("agent", provider="backup", fallbacks=(Fallback("up", "m"),))
        reply = service.post(service.key(), model="agent", input="Hi", **MESSAGES.impossible)
    refused(reply, 400, "unsupported_parameter", "presence_penalty")
    assert upstream.requests == backup.requests == []


@pytest.mark.parametrize("limits", [Limits(providers=("up",)), Limits(models=("m",))])
def test_a_fallback_that_the_configuration_forbids_is_never_asked(
    tmp_path: Path, upstream: Upstream, backup: Upstream, limits: Limits
) -> None:
    upstream.scripts = [Script.error(401)]
    with serve(tmp_path, upstream, backup) as service:
        service.put(Tenant(TENANT, limits))
        refused(service.post(service.key(), model="agent", input="Hi"), 500, "provider_auth")
    assert backup.requests == []


@MODES
@pytest.mark.parametrize("provider", ["unknown", "keyless"])
def test_a_model_that_is_not_set_up_here_has_its_fallback(
    tmp_path: Path, upstream: Upstream, backup: Upstream, stream: bool, provider: str
) -> None:
    keyless = ProviderEndpoint(base_url=upstream.base_url, api_key_env="NO_SUCH_VARIABLE")
    with serve(tmp_path, upstream, backup, providers={"keyless": keyless}) as service:
        key = service.key()
        service.agent("agent", provider=provider)
        refused(service.post(key, model="agent", input="Hi"), 500, "provider_not_configured")
        service.agent("agent", provider=provider, fallbacks=(STAND_IN,))
        assert said(ask(service, key, stream=stream)) == "From the backup"
        refused(service.post(key, model="agent", input="x", **MESSAGES.impossible), 500, "provider_not_configured")
        service.agent("agent", fallbacks=(Fallback(provider, "m"), STAND_IN))
        upstream.scripts = [Script.error(401)]
        assert said(ask(service, key, stream=stream)) == "From the backup"


# what a fallback is sent, and what is counted


def test_a_reasonings_state_goes_to_the_model_that_made_it_and_to_no_other(tmp_path: Path) -> None:
    assert MESSAGES.state is not None
    thought = [ReasoningDelta("Hm."), ReasoningStateDelta(MESSAGES.state), TextDelta("So."), StopDelta("stop")]
    again = MESSAGES.script([TextDelta("Well."), StopDelta("stop")])
    broken = Script.error(401)
    with Upstream([MESSAGES.script(thought), broken, again]) as upstream, Upstream([BACKUP]) as backup:
        own = ProviderEndpoint(kind="anthropic", base_url=upstream.base_url)
        with serve(tmp_path, upstream, backup, providers={"own": own}) as service:
            service.agent(
                "agent", provider="own", model=MESSAGES.model, fallbacks=(Fallback("backup", MESSAGES.model),)
            )
            key = service.key()
            first = service.create(key, input="One")
            second = service.create(key, input="Two", previous_response_id=first["id"])
            service.create(key, input="Three", previous_response_id=second["id"])
    assert MESSAGES.secret not in json.dumps(backup.requests[0].body)
    assert "So." in json.dumps(backup.requests[0].body)
    assert MESSAGES.secret in json.dumps(upstream.requests[2].body)
    assert "From the backup" in json.dumps(upstream.requests[2].body)


def test_all_that_was_used_is_in_the_sum_and_counts_against_the_budget(tmp_path: Path) -> None:
    failing = RESPONSES.failing([])
    counted = b'"usage":{"input_tokens":7,"output_tokens":0,"total_tokens":7}'
    failed = b'event: response.failed\ndata: {"type":"response.failed","response":{"status":"failed","output":[],'
    failed += b'"error":{"code":"invalid_api_key","message":"x"},' + counted + b"}}\n\n"
    script = Script([failed], headers=failing.headers)
    with Upstream([script]) as upstream, Upstream([BACKUP]) as backup:
        own = ProviderEndpoint(kind="openai_responses", base_url=upstream.base_url)
        with serve(tmp_path, upstream, backup, providers={"own": own}, cache_seconds=0) as service:
            service.put(Tenant(TENANT, Limits(tokens_per_day=15)))
            service.agent("agent", provider="own", fallbacks=(STAND_IN,))
            key = service.key()
            response = ask(service, key, stream=False)
            service.settle(5)
            reply = service.post(key, model="agent", input="More")
    assert response["usage"]["antiphon"]["models"] == [
        one("own", "m", 7, 0, "provider_auth"),
        one("backup", "m2", 5, 3, None),
    ]
    assert (response["usage"]["input_tokens"], response["usage"]["total_tokens"]) == (12, 15)
    assert reply.json()["error"]["code"] == "insufficient_quota"


@MODES
def test_the_openai_sdk_shows_who_answered(tmp_path: Path, upstream: Upstream, backup: Upstream, stream: bool) -> None:
    upstream.scripts = [Script.error(401)]
    with serve(tmp_path, upstream, backup) as service:
        sdk = openai.OpenAI(base_url=service.base_url, api_key=service.key(), max_retries=0)
        with sdk:
            if stream:
                with sdk.responses.stream(model="agent", input="Hi") as events:
                    response = events.get_final_response()
            else:
                response = sdk.responses.create(model="agent", input="Hi")
            assert sdk.responses.retrieve(response.id).usage == response.usage
    assert response.output_text == "From the backup"
    assert response.usage is not None
    assert response.usage.to_dict()["antiphon"]["provider"] == "backup"


# waiting


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_retry_after_beyond_the_time_left_is_not_waited_for(tmp_path: Path, upstream: Upstream, form: str) -> None:
    header = "8" if form == "seconds" else formatdate(time.time() + 8, usegmt=True)
    upstream.scripts = [Script.error(429, retry_after=header)]
    with Service(tmp_path, upstream, run_seconds=3.0, reserve_seconds=1.0) as service:
        reply = service.post(service.key(), model="agent", input="Hi")
    refused(reply, 429, "provider_rate_limited")
    assert 2 < int(reply.headers["retry-after"]) <= 8
    assert len(upstream.requests) == 1


def test_a_retry_after_that_is_a_date_gone_by_is_no_wait(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(503, retry_after=formatdate(0, usegmt=True)), answer("Back")]
    with Service(tmp_path, upstream) as service:
        assert said(service.create(service.key(), input="Hi")) == "Back"


# circuits


def many(service: Service, key: str, count: int = 64, *, stream: bool = False) -> Iterator[httpx2.Response]:
    """Ask that often at once. Yield the answers as they come."""
    with ThreadPoolExecutor(count) as threads:
        asked = [threads.submit(service.post, key, model="agent", input="Hi", stream=stream) for _ in range(count)]
        for done in as_completed(asked):
            yield done.result()


def test_a_circuit_opens_tries_and_closes_under_many_streams(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(401)]
    with Service(tmp_path, upstream) as service:
        key = service.key()
        for _ in range(5):
            refused(service.post(key, model="agent", input="Hi"), 500, "provider_auth")
        assert [reply.status_code for reply in many(service, key)] == [500] * 64
        assert len(upstream.requests) == 5
        service.clock.ahead += 15
        gate = Gate()
        upstream.scripts = [Script.stream(gate, text("Back"), finish(), usage(1, 1))]
        replies = many(service, key, stream=True)
        failed = [assert_stream(next(replies).content)[-1]["response"]["error"] for _ in range(63)]
        assert {error["code"] for error in failed} == {"provider_auth"}
        assert len(upstream.requests) == 6
        gate.open()
        assert said(assert_stream(next(replies).content)[-1]["response"]) == "Back"
        assert {reply.status_code for reply in many(service, key)} == {200}


def test_failures_at_once_open_a_circuit_and_no_retry_passes_it(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(503, retry_after="30")]
    with Service(tmp_path, upstream) as service:
        key = service.key()
        assert {reply.status_code for reply in many(service, key)} == {500}
        asked = len(upstream.requests)
        assert asked <= 64
        reply = service.post(key, model="agent", input="Hi")
        refused(reply, 500, "model_error")
        assert 1 <= int(reply.headers["retry-after"]) <= 30
        assert len(upstream.requests) == asked


def test_while_a_circuit_is_open_the_fallback_answers_without_a_wait(
    tmp_path: Path, upstream: Upstream, backup: Upstream
) -> None:
    upstream.scripts = [Script.error(429, retry_after="100")]
    with serve(tmp_path, upstream, backup, circuit_failures=1) as service:
        key = service.key()
        assert said(ask(service, key, stream=False)) == "From the backup"
        assert {reply.status_code for reply in many(service, key)} == {200}
        response = ask(service, key, stream=True)
        assert response["usage"]["antiphon"]["models"][0] == one("up", "m", 0, 0, "provider_rate_limited")
        assert len(upstream.requests) == 1
        service.clock.ahead += 50
        ask(service, key, stream=True)
        assert len(upstream.requests) == 1
        service.clock.ahead += 51
        upstream.scripts = [answer("Back")]
        assert said(ask(service, key, stream=True)) == "Back"
        assert said(ask(service, key, stream=True)) == "Back"


def test_an_open_circuit_says_when_to_come_again_as_the_provider_said(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(429, retry_after="100")]
    with Service(tmp_path, upstream, circuit_failures=1) as service:
        key = service.key()
        refused(service.post(key, model="agent", input="Hi"), 429, "provider_rate_limited")
        service.clock.ahead += 60
        reply = service.post(key, model="agent", input="Hi")
        refused(reply, 429, "provider_rate_limited")
        assert 30 <= int(reply.headers["retry-after"]) <= 40


def test_a_trial_that_is_cancelled_lets_the_next_one_try(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(401)]
    with Service(tmp_path, upstream, circuit_failures=1) as service:
        key = service.key()
        service.post(key, model="agent", input="Hi")
        service.clock.ahead += 15
        gate = Gate()
        upstream.scripts = [Script.stream(gate)]
        with service.streaming(key, input="Hi") as stream:
            created = next(line for line in stream.iter_lines() if line.startswith("data: "))
            assert gate.reached.wait(10)
            response_id = created.split('"id":"')[1].split('"')[0]
            own = {"authorization": f"Bearer {key}"}
            assert service.client.post(f"/v1/responses/{response_id}/cancel", headers=own).status_code == 200
        upstream.scripts = [answer("Back")]
        assert said(service.create(key, input="Hi")) == "Back"


def test_a_request_that_was_refused_for_what_it_holds_opens_no_circuit(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(400)]
    with Service(tmp_path, upstream, circuit_failures=1) as service:
        key = service.key()
        for _ in range(3):
            refused(service.post(key, model="agent", input="Hi"), 500, "provider_refused_request")
    assert len(upstream.requests) == 3


def test_a_silence_until_the_deadline_counts_as_a_failure(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(Gate())]
    with Service(tmp_path, upstream, circuit_failures=1, run_seconds=1.5, reserve_seconds=1.0) as service:
        key = service.key()
        first = service.post(key, model="agent", input="Hi").json()["error"]["code"]
        assert first in ("deadline_exceeded", "provider_timeout")
        refused(service.post(key, model="agent", input="Hi"), 500, "provider_timeout")
    assert len(upstream.requests) == 1
