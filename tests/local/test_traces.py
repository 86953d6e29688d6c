"""Traces of the local server, as a receiver of OpenTelemetry's protocol gets them: real processes, real sockets."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from antiphon.bootstrap import build_stores
from antiphon.records import Agent, AgentCompaction, Fallback, Grant
from antiphon.settings import Settings
from tests.support.certificates import self_signed
from tests.support.collector import Collector, Received, Reply, collector, tree
from tests.support.local_server import ROOT, Running, running, start
from tests.support.upstream import CUT, Gate, Script, Upstream, answer, text
from tests.support.websocket import Socket

CANARY = "canary-5d2e"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ASKED = {"model": "pair", "input": f"What time is it in Paris? {CANARY}", "instructions": CANARY}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream([answer("Hello")]) as served:
        yield served


@pytest.fixture
def found() -> Iterator[Collector]:
    with collector() as served:
        yield served


def environ_of(upstream: Upstream, url: str, **more: str) -> dict[str, str]:
    providers = json.dumps({"up": {"base_url": upstream.base_url}})
    return {"ANTIPHON_PROVIDERS": providers, "OTEL_EXPORTER_OTLP_ENDPOINT": url, **more}


def add_agent(state: Path, **fields: object) -> None:
    """Add an agent with the tools of the clock, on the scripted model, with the demo model as its fallback."""

    async def add() -> None:
        stores = build_stores(Settings(database=str(state / "antiphon.db")))
        clock = await stores.directory.find(Agent, "default", "clock")
        assert clock is not None
        made = {"id": "pair", "provider": "up", "model": "m", "fallbacks": (Fallback("demo", "demo"),), **fields}
        await stores.directory.put_agent(replace(clock, **made))
        await stores.directory.put(Grant("default", str(made["id"]), "public", 1))
        await stores.aclose()

    asyncio.run(add())


def post(server: Running, body: dict[str, object], **headers: str) -> httpx2.Response:
    headers = {"authorization": f"Bearer {server.key}", **headers}
    return httpx2.post(f"{server.base_url}/responses", json=body, headers=headers, timeout=60, trust_env=False)


def one(spans: list[Received], name: str) -> Received:
    [span] = [span for span in spans if span.name == name]
    return span


def test_a_stream_with_a_fallback_and_a_tool_is_one_trace_with_all_that_happened(
    tmp_path: Path, upstream: Upstream, found: Collector
) -> None:
    upstream.scripts = [Script.error(401, CANARY.encode())]
    before = time.time()
    with running(tmp_path, **environ_of(upstream, found.url, OTEL_SERVICE_NAME="mine")) as server:
        add_agent(tmp_path, name="Pair of models")
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        answered = post(server, {**ASKED, "stream": True, "temperature": 0.5, "user": CANARY}, **headers)
        assert "response.completed" in answered.text
        key = server.key
    spans = found.until("POST /v1/responses")
    assert tree(spans) == {
        "": ["POST /v1/responses"],
        "POST /v1/responses": ["invoke_agent pair"],
        "invoke_agent pair": ["chat m", "chat demo", "execute_tool time_in", "chat demo"],
    }
    assert {span.trace for span in spans} == {TRACE}
    request, agent = one(spans, "POST /v1/responses"), one(spans, "invoke_agent pair")
    assert request.parent == PARENT
    assert {span.name: span.kind for span in spans} == {
        "POST /v1/responses": "SERVER",
        "invoke_agent pair": "INTERNAL",
        "chat m": "CLIENT",
        "chat demo": "CLIENT",
        "execute_tool time_in": "INTERNAL",
    }
    for span in spans:
        assert before <= request.begun <= span.begun <= span.ended <= request.ended <= time.time()
    response = json.loads(answered.text.split("event: response.completed\ndata: ")[1].split("\n")[0])["response"]
    used = response["usage"]
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["http.route"] == "/v1/responses"
    assert request.attributes["antiphon.request_id"] == answered.headers["x-request-id"]
    assert agent.attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.id": "pair",
        "gen_ai.agent.name": "Pair of models",
        "gen_ai.agent.version": "1",
        "gen_ai.provider.name": "demo",
        "gen_ai.request.model": "demo",
        "gen_ai.response.id": response["id"],
        "gen_ai.usage.input_tokens": used["input_tokens"],
        "gen_ai.usage.output_tokens": used["output_tokens"],
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "user.id": "you",
        "antiphon.outcome": "completed",
        "antiphon.tool_calls": 1,
    }
    failed = one(spans, "chat m")
    host, port = upstream.base_url.removeprefix("http://").partition("/")[0].split(":")
    assert failed.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "up",
        "gen_ai.request.model": "m",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.5,
        "antiphon.provider": "up",
        "server.address": host,
        "server.port": int(port),
        "error.type": "provider_auth",
    }
    assert [span.name for span in spans if span.failed] == ["chat m"]
    first, last = [span for span in spans if span.name == "chat demo"]
    assert first.attributes["gen_ai.response.finish_reasons"] == ["tool_calls"]
    assert last.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert 0 < last.attributes["gen_ai.response.time_to_first_chunk"] < last.ended - last.begun
    counts = [span.attributes["gen_ai.usage.input_tokens"] for span in (first, last)]
    assert sum(counts) == used["input_tokens"]
    tool = one(spans, "execute_tool time_in")
    call = next(item for item in response["output"] if item["type"] == "mcp_call")
    assert tool.attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "time_in",
        "gen_ai.tool.call.id": call["id"],
        "gen_ai.tool.type": "extension",
        "mcp.method.name": "tools/call",
        "antiphon.tool.server": "local",
    }
    assert found.resources[0]["service.name"] == "mine"
    assert found.scopes[0][0] == "antiphon"
    sent = b"".join(found.bodies)
    for secret in (CANARY, key, "Paris", call["output"]):
        assert secret.encode() not in sent
    told = json.dumps([request.headers for request in upstream.requests])
    assert "traceparent" not in told
    assert TRACE not in told


def test_a_stream_that_fails_in_the_middle_is_a_failed_trace(
    tmp_path: Path, upstream: Upstream, found: Collector
) -> None:
    upstream.scripts = [Script.stream(text("Hel"), CUT, done=False)]
    with running(tmp_path, **environ_of(upstream, found.url)) as server:
        add_agent(tmp_path, fallbacks=())
        assert "response.failed" in post(server, {**ASKED, "stream": True}).text
    spans = found.until("POST /v1/responses")
    assert {span.name: span.attributes.get("error.type") for span in spans if span.failed} == {
        "chat m": "model_error",
        "invoke_agent pair": "model_error",
        "POST /v1/responses": "model_error",
    }


def test_a_summary_that_a_model_writes_is_a_call_of_that_model_and_a_conversation_is_named(
    tmp_path: Path, upstream: Upstream, found: Collector
) -> None:
    upstream.scripts = [answer("Hello"), answer("They talked."), answer("Hello again")]
    with running(tmp_path, **environ_of(upstream, found.url)) as server, server.client() as client:
        add_agent(tmp_path, servers=(), fallbacks=(), compaction=AgentCompaction(1000, "small"))
        conversation = client.conversations.create()
        for _ in range(2):
            client.responses.create(model="pair", input="word " * 1500, conversation=conversation.id)
    spans = found.until("POST /v1/responses", "POST /v1/responses")
    agents = [span for span in spans if span.name == "invoke_agent pair"]
    assert {agent.attributes["gen_ai.conversation.id"] for agent in agents} == {conversation.id}
    summary = one(spans, "chat small")
    assert summary.parent == agents[1].id
    assert summary.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert summary.attributes["gen_ai.usage.input_tokens"] == 3


def test_a_refused_request_is_a_span_that_has_not_failed(tmp_path: Path, upstream: Upstream, found: Collector) -> None:
    with running(tmp_path, **environ_of(upstream, found.url)) as server:
        assert post(server, {"model": CANARY, "input": "Hi"}).status_code == 404
        httpx2.get(f"{server.base_url}/{CANARY}", trust_env=False)
    request, unknown = found.until("POST /v1/responses", "GET")
    assert (request.failed, request.attributes["http.response.status_code"]) == (False, 404)
    assert unknown.attributes.keys() & {"http.route", "url.path"} == set()
    assert CANARY.encode() not in b"".join(found.bodies)


def test_a_background_response_belongs_to_the_trace_of_the_request_that_created_it(
    tmp_path: Path, upstream: Upstream, found: Collector
) -> None:
    with running(tmp_path, **environ_of(upstream, found.url)) as server, server.client() as client:
        add_agent(tmp_path)
        created = post(server, {**ASKED, "background": True}).json()
        while client.responses.retrieve(created["id"]).status in {"queued", "in_progress"}:
            time.sleep(0.05)
    spans = [span for span in found.until("invoke_agent pair") if span.name != "GET /v1/responses/{id}"]
    assert tree(spans) == {
        "": ["POST /v1/responses"],
        "POST /v1/responses": ["invoke_agent pair"],
        "invoke_agent pair": ["chat m"],
    }
    assert len({span.trace for span in spans}) == 1


def test_a_background_response_that_another_process_goes_on_with_stays_in_its_trace(
    tmp_path: Path, upstream: Upstream, found: Collector
) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(gate, text("late")), answer("Hello")]
    environ = environ_of(upstream, found.url, ANTIPHON_LEASE_SECONDS="1")
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    with running(tmp_path, **environ) as server:
        add_agent(tmp_path)
        created = post(server, {**ASKED, "background": True}, **headers).json()
        assert gate.reached.wait(20)
        found.until("POST /v1/responses")
        server.process.kill()
    request = one(found.spans, "POST /v1/responses")
    with running(tmp_path, **environ) as server, server.client() as client:
        while client.responses.retrieve(created["id"]).status in {"queued", "in_progress"}:
            time.sleep(0.05)
    agent = one(found.until("invoke_agent pair"), "invoke_agent pair")
    assert (agent.trace, agent.parent) == (TRACE, request.id)
    assert agent.attributes["gen_ai.response.id"] == created["id"]


def test_each_response_of_a_websocket_is_a_trace_of_its_own(
    tmp_path: Path, upstream: Upstream, found: Collector
) -> None:
    with running(tmp_path, **environ_of(upstream, found.url)) as server:
        add_agent(tmp_path)
        with Socket(server.base_url.replace("http", "ws", 1), server.key, "/responses") as socket:
            for _ in range(2):
                socket.send(model="pair", input="Hi")
                assert socket.events()[-1]["type"] == "response.completed"
    spans = found.until("invoke_agent pair", "invoke_agent pair")
    agents = [span for span in spans if span.name == "invoke_agent pair"]
    assert [span.parent for span in agents] == ["", ""]
    assert agents[0].trace != agents[1].trace


def test_a_caller_that_does_not_sample_is_not_traced(tmp_path: Path, upstream: Upstream, found: Collector) -> None:
    with running(tmp_path, **environ_of(upstream, found.url)) as server:
        add_agent(tmp_path)
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
        assert post(server, ASKED, **headers).status_code == 200
        assert post(server, {**ASKED, "background": True}, **headers).status_code == 200
        assert post(server, ASKED).status_code == 200
    assert TRACE not in {span.trace for span in found.until("POST /v1/responses")}


def test_headers_of_the_operator_are_sent_and_shown_nowhere(
    tmp_path: Path, upstream: Upstream, found: Collector
) -> None:
    environ = environ_of(upstream, found.url, OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{CANARY}")
    found.replies = [Reply(401)]
    process = start(tmp_path, **environ)
    server = Running(process)
    add_agent(tmp_path)
    assert post(server, ASKED).status_code == 200
    found.asked(1)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    path, headers = found.requests[0]
    assert (path, headers["authorization"]) == ("/v1/traces", f"Bearer {CANARY}")
    assert "spans refused" in errors
    assert CANARY not in errors


@pytest.mark.parametrize("trouble", ["away", "silent", "busy", "broken", "untrusted"])
def test_a_receiver_in_trouble_costs_no_answer_and_delays_no_end(
    tmp_path: Path, upstream: Upstream, trouble: str
) -> None:
    replies = {"silent": [Reply(hangs=True)], "busy": [Reply(429, {"retry-after": "60"})], "broken": [Reply(503)]}
    certificate = self_signed(tmp_path) if trouble == "untrusted" else None
    with collector(replies.get(trouble, []) * 100, certificate=certificate) as served:
        url = "http://127.0.0.1:1" if trouble == "away" else served.url
        process = start(tmp_path / "state", **environ_of(upstream, url))
        server = Running(process)
        add_agent(tmp_path / "state")
        for _ in range(3):
            begun = time.monotonic()
            assert "response.completed" in post(server, {**ASKED, "stream": True}).text
            assert time.monotonic() - begun < 5
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert "spans dropped" in errors
    assert "count=9" in errors


def test_a_receiver_with_a_certificate_that_the_operator_trusts_gets_spans(tmp_path: Path, upstream: Upstream) -> None:
    certificate = self_signed(tmp_path)
    with collector(certificate=certificate) as served:
        environ = environ_of(upstream, served.url, SSL_CERT_FILE=str(certificate))
        with running(tmp_path / "state", **environ) as server:
            add_agent(tmp_path / "state")
            assert post(server, ASKED).status_code == 200
        served.until("POST /v1/responses", "invoke_agent pair", "chat m")


def test_a_stream_does_not_wait_while_spans_are_sent(tmp_path: Path, upstream: Upstream) -> None:
    with collector([Reply(hangs=True)]) as served, running(tmp_path, **environ_of(upstream, served.url)) as server:
        add_agent(tmp_path)
        post(server, ASKED)
        served.asked(1)
        begun = time.monotonic()
        assert "response.completed" in post(server, {**ASKED, "stream": True}).text
        assert time.monotonic() - begun < 5
        assert served.spans == []


def test_a_wrong_variable_ends_the_start_with_its_name(tmp_path: Path) -> None:
    process = start(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="localhost:4317")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith("OTEL_EXPORTER_OTLP_ENDPOINT: ")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_imported_for_traces_that_are_off(environ: dict[str, str]) -> None:
    code = (
        "import sys; from antiphon import spans; from antiphon.bootstrap import start_tracing; "
        "from antiphon.providers.configured import Providers; from antiphon.settings import Settings; import os; "
        "start_tracing(os.environ, Settings(database='x'), Providers({}, {})); assert spans.tracer() is None; "
        "assert not [name for name in sys.modules if name.startswith('antiphon.telemetry')]"
    )
    path = {"PYTHONPATH": str(ROOT / "layers/antiphon")}
    subprocess.run([sys.executable, "-c", code], env={**path, **environ}, check=True)
