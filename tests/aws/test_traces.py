"""Traces of the real functions, as a receiver of OpenTelemetry's protocol gets them."""

import asyncio
import threading
import time

import httpx2
import jsonschema
import pytest

from antiphon.telemetry.post import is_of_aws, signer
from tests.support.collector import Reply, collector, tree
from tests.support.hosted import AWS, UPSTREAM, hosted
from tests.support.keeper import Keeper
from tests.support.upstream import CUT, Gate, Script, answer, finish, text, usage
from tests.support.watching import SUBSEGMENT, daemon, lines_of
from tests.support.websocket import Socket

CANARY = "canary-77aa"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def log(tmp_path):
    return tmp_path / "logs"


@pytest.fixture
def found():
    with collector() as served:
        yield served


def sending(found, **more):
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": found.url, **more}


def ask(host, key, model=UPSTREAM, headers=(), **fields):
    """Ask for a response, and let the function end its invocation."""
    answered = httpx2.post(
        f"{host.rest.root}/v1/responses",
        json={"model": model, "input": CANARY, **fields},
        headers={"authorization": f"Bearer {key}", **dict(headers)},
        timeout=60,
        trust_env=False,
    )
    for environment in host.pools["CreateResponse"].environments:
        assert environment.api.settled(environment.function.concurrency)
    return answered


def served(log, name="CreateResponse"):
    return [line for line in lines_of(log / f"{name}.log") if line.get("message") == "served"]


def one(spans, name):
    [span] = [span for span in spans if span.name == name]
    return span


def test_the_spans_of_an_answer_have_left_when_its_invocation_ends(stored, upstream, log, found):
    upstream.requests.clear()
    upstream.scripts = [Script.error(500), answer("Hello from upstream")]
    with hosted(stored.url, log, upstream, sending(found)) as host:
        answered = ask(host, stored.bob, stream=True, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        spans = found.spans
    assert tree(spans) == {
        "": ["POST /v1/responses"],
        "POST /v1/responses": [f"invoke_agent {UPSTREAM}"],
        f"invoke_agent {UPSTREAM}": ["chat m", "chat m"],
    }
    assert {span.trace for span in spans} == {TRACE}
    request = one(spans, "POST /v1/responses")
    [line] = served(log)
    assert (request.parent, request.kind) == (PARENT, "SERVER")
    assert request.attributes["antiphon.request_id"] == answered.headers["x-request-id"] == line["request_id"]
    assert request.attributes["antiphon.store_calls"] == line["store_calls"] >= 4
    assert request.attributes["user.id"] == "bob"
    failed, answering = [span for span in spans if span.name == "chat m"]
    assert (failed.failed, failed.attributes["error.type"]) == (True, "model_error")
    assert answering.attributes["gen_ai.usage.input_tokens"] == 3
    assert found.resources[0]["faas.name"]
    assert found.resources[0]["cloud.provider"] == "aws"


def test_without_a_callers_trace_the_id_is_the_one_in_the_log(stored, upstream, log, found):
    upstream.scripts = [answer("Hello")]
    with hosted(stored.url, log, upstream, sending(found)) as host:
        ask(host, stored.bob)
        request = one(found.spans, "POST /v1/responses")
    assert served(log)[0]["trace_id"] == f"1-{request.trace[:8]}-{request.trace[8:]}"
    assert request.parent == ""


def test_with_x_rays_own_traces_both_get_each_span_once(stored, upstream, log, found):
    upstream.scripts = [answer("Hello")]
    with daemon() as inbox:
        environ = sending(found, AWS_XRAY_DAEMON_ADDRESS=inbox.address)
        with hosted(stored.url, log, upstream, environ) as host:
            ask(host, stored.bob, stream=True)
            documents = inbox.take("antiphon")
            spans = found.spans
    for document in documents:
        jsonschema.validate(document, SUBSEGMENT)
    ids = {document["id"]: document["parent_id"] for document in documents}
    assert [name for name in ids.values() if name not in ids] == [ids[documents[-1]["id"]]]
    assert {span.id for span in spans} <= set(ids)
    assert tree(spans)["POST /v1/responses"] == [f"invoke_agent {UPSTREAM}"]
    assert {span.trace for span in spans} == {documents[0]["trace_id"][2:].replace("-", "")}


def test_a_background_response_is_in_the_trace_of_the_request_that_created_it(stored, upstream, log, found):
    upstream.scripts = [answer("Hello")]
    with hosted(stored.url, log, upstream, sending(found)) as host:
        ask(host, stored.bob, background=True, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        spans = found.until("POST /v1/responses", f"invoke_agent {UPSTREAM}")
    agent, request = one(spans, f"invoke_agent {UPSTREAM}"), one(spans, "POST /v1/responses")
    assert (agent.trace, agent.parent) == (TRACE, request.id)
    assert one(spans, "chat m").parent == agent.id
    functions = {resource["faas.name"] for resource in found.resources}
    assert len(functions) == 2


def test_a_message_of_a_websocket_api_is_traced_when_it_is_answered(stored, upstream, log, found):
    upstream.scripts = [answer("Hello")]
    with hosted(stored.url, log, upstream, sending(found)) as host:
        with Socket(host.socket.root, stored.bob, "/responses") as socket:
            socket.send(model=UPSTREAM, input="Hi")
            response = socket.events()[-1]["response"]
        spans = found.until(f"invoke_agent {UPSTREAM}")
    assert one(spans, f"invoke_agent {UPSTREAM}").attributes["gen_ai.response.id"] == response["id"]


def test_many_requests_at_once_in_one_environment_are_traces_of_their_own(stored, upstream, log, found):

    upstream.requests.clear()
    gates = [Gate() for _ in range(8)]
    upstream.scripts = [Script.stream(text("Hel"), gate, finish(), usage(3, 3)) for gate in gates]
    with hosted(stored.url, log, upstream, sending(found), concurrency=8) as host:
        threads = [threading.Thread(target=lambda: ask(host, stored.bob, stream=True)) for _ in gates]
        for thread in threads:
            thread.start()
        for gate in gates:
            assert gate.reached.wait(60)
        for gate in gates:
            gate.open()
        for thread in threads:
            thread.join(60)
        spans = found.until(*["POST /v1/responses"] * 8)
    by_trace = {}
    for span in spans:
        by_trace.setdefault(span.trace, []).append(span)
    assert len(by_trace) == 8
    for trace in by_trace.values():
        assert sorted(span.name for span in trace) == ["POST /v1/responses", "chat m", f"invoke_agent {UPSTREAM}"]
        assert len({span.parent for span in trace}) == 3


@pytest.mark.parametrize("replies", [[Reply(hangs=True)] * 9, [Reply(503)] * 9, [Reply(400)] * 9])
def test_a_receiver_in_trouble_holds_up_no_answer_and_the_next_invocation_but_shortly(
    stored, upstream, log, found, replies
):
    upstream.scripts = [answer("Hello")]
    with hosted(stored.url, log, upstream, sending(found)) as host:
        ask(host, stored.bob, stream=True)
        found.replies = replies
        for _ in range(3):
            begun = time.monotonic()
            assert "response.completed" in ask(host, stored.bob, stream=True).text
            assert time.monotonic() - begun < 8
    assert [line for line in lines_of(log / "CreateResponse.log") if line.get("message", "").startswith("spans")]
    assert {line["outcome"] for line in served(log)} == {"completed"}


def test_neither_key_nor_content_leaves(stored, upstream, log, found):
    upstream.requests.clear()
    upstream.scripts = [
        answer(CANARY),
        Script.error(400, CANARY.encode()),
        Script.stream(text(CANARY), CUT, done=False),
    ]
    with hosted(stored.url, log, upstream, sending(found, AWS_LAMBDA_LOG_LEVEL="DEBUG")) as host:
        for _ in range(3):
            ask(host, stored.bob, instructions=CANARY, metadata={CANARY: CANARY}, stream=True)
        ask(host, stored.bob, temperature=CANARY)
    assert len(found.spans) == 10
    for secret in (CANARY, stored.bob):
        assert secret.encode() not in b"".join(found.bodies)
        assert secret not in "".join(path.read_text() for path in log.iterdir())


def test_headers_come_from_a_secret_and_are_logged_nowhere(stored, upstream, log, found):
    upstream.scripts = [answer("Hello")]
    with Keeper() as keeper:
        keeper.put("secret", "otlp", f"authorization=Bearer%20{CANARY}")
        environ = sending(found, AWS_ENDPOINT_URL=keeper.url, ANTIPHON_OTLP_HEADERS_SECRET="otlp")
        with hosted(stored.url, log, upstream, environ) as host:
            ask(host, stored.bob, input="Hi")
            found.until("POST /v1/responses")
    assert found.requests[0][1]["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in "".join(path.read_text() for path in log.iterdir())


def test_a_secret_that_cannot_be_read_costs_no_answer(stored, upstream, log, found):
    upstream.scripts = [answer("Hello")]
    with Keeper() as keeper:
        environ = sending(found, AWS_ENDPOINT_URL=keeper.url, ANTIPHON_OTLP_HEADERS_SECRET="missing")
        with hosted(stored.url, log, upstream, environ) as host:
            assert ask(host, stored.bob).json()["status"] == "completed"
    assert found.requests == []
    [line] = [line for line in lines_of(log / "CreateResponse.log") if line.get("message") == "spans not sent"]
    assert line["code"] in {"provider_auth", "timeout"}  # a slow machine may not have asked for it in time


def test_only_x_rays_own_receiver_gets_signed_requests():
    assert is_of_aws("https://xray.eu-central-1.amazonaws.com/v1/traces")
    assert is_of_aws("https://xray.cn-north-1.amazonaws.com.cn/v1/traces")
    assert not is_of_aws("https://xray.eu-central-1.amazonaws.com.example.com/v1/traces")
    assert not is_of_aws("https://example.com/xray.eu-central-1.amazonaws.com")


def test_a_signature_for_x_ray_is_of_its_region_and_covers_what_is_sent(monkeypatch):
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    sign = signer("https://xray.us-east-2.amazonaws.com/v1/traces")
    headers = asyncio.run(sign("application/x-protobuf", b"spans"))
    assert "/us-east-2/xray/aws4_request, SignedHeaders=content-type;host;x-amz-date," in headers["authorization"]
    assert headers["host"] == "xray.us-east-2.amazonaws.com"
    assert signer("https://collector.example/v1/traces") is None
