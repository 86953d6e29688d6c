"""What functions tell of each request, through the real functions: a line of the log, metrics, traces."""

import json
import re
import threading
import time

import httpx2
import jsonschema
import pytest

from local.lambda_host.layers import ROOT
from tests.support.hosted import AGENT, UPSTREAM, hosted
from tests.support.upstream import CUT, Gate, Script, answer, finish, text, usage
from tests.support.watching import SUBSEGMENT, check_metrics, daemon, lines_of
from tests.support.websocket import Socket

NAMESPACE = {"POWERTOOLS_METRICS_NAMESPACE": "antiphon-test"}
STREAMS = 64
CANARY = "canary-8f1c"


def ask(host, key, model=UPSTREAM, **fields):
    """Create a response, and wait for the function's logs and metrics, which follow the last byte."""
    answered = post(host, key, {"model": model, "input": "Hi", **fields})
    settle(host)
    return answered


def post(host, key, body):
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.post(f"{host.rest.root}/v1/responses", json=body, headers=headers, timeout=60, trust_env=False)


def settle(host):
    for environment in host.pools["CreateResponse"].environments:
        assert environment.api.settled(environment.function.concurrency)


def read(host, key, path):
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.get(f"{host.rest.root}{path}", headers=headers, timeout=30, trust_env=False)


def served(log, name="CreateResponse"):
    return [line for line in lines_of(log / f"{name}.log") if line.get("message") == "served"]


def metrics(log, name="CreateResponse"):
    return [line for line in lines_of(log / f"{name}.log") if "_aws" in line]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "logs"


@pytest.fixture
def metered(stored, upstream, log):
    with hosted(stored.url, log, upstream, NAMESPACE) as host:
        yield host


def test_a_request_is_one_line_with_what_happened_in_it(metered, stored, upstream, log):
    upstream.scripts = [Script.error(500), answer("Hello from upstream")]
    upstream.requests.clear()
    asked = ask(metered, stored.bob, stream=True)
    [line] = served(log)
    assert line["correlation_id"] == line["request_id"] == asked.headers["x-request-id"]
    assert f'"id":"{line["response_id"]}"' in asked.text
    told = {name: line.get(name) for name in ("level", "method", "route", "status", "code", "outcome", "broken")}
    assert told == {
        "level": "INFO",
        "method": "POST",
        "route": "/v1/responses",
        "status": 200,
        "code": None,
        "outcome": "completed",
        "broken": False,
    }
    assert (line["agent"], line["user"], line["provider"], line["model"]) == (UPSTREAM, "bob", "up", "m")
    assert (line["input_tokens"], line["output_tokens"], line["provider_retries"]) == (3, 3, 1)
    assert 0 < line["ttft_ms"] < line["duration_ms"]
    assert line["store_calls"] >= 4
    assert line["trace_id"].startswith("1-")


def test_a_refused_request_is_a_line_with_its_code_and_no_word_of_its_caller(metered, stored, log):
    ask(metered, "ap_dev_nobody")
    read(metered, stored.ada, f"/v1/models/{CANARY}")
    read(metered, stored.ada, f"/{CANARY}")
    [refused] = served(log)
    assert (refused["status"], refused["code"], refused["route"]) == (401, "invalid_api_key", "/v1/responses")
    lines = served(log, "ListModels")
    assert [(line["status"], line["code"], line.get("route")) for line in lines] == [
        (404, "model_not_found", "/v1/models/{id}"),
        (404, "route_not_found", None),
    ]
    assert CANARY not in json.dumps(lines)


WORDS = {"fields", "filter", "stats", "sort", "limit", "and", "by", "desc", "count", "sum", "pct", "ispresent"}


def test_the_queries_and_the_table_of_the_runbook_name_fields_that_exist(metered, stored, upstream, log):
    upstream.requests.clear()
    upstream.scripts = [answer("Hello"), Script.error(401)]
    for _ in range(2):
        ask(metered, stored.bob, stream=True)
    logged = {name for line in lines_of(log / "CreateResponse.log") if "_aws" not in line for name in line}
    runbook = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    queries = re.findall(r"```\n((?:fields|filter) .*?)```", runbook, re.DOTALL)
    named = {name for query in queries for name in re.findall(r"@?[a-z_]+", re.sub('"[^"]*"', "", query))} - WORDS
    assert len(queries) == 5
    assert named - {"@timestamp"} <= logged
    table = runbook.split("| field | what it is |\n|---|---|\n")[1].split("\n\n")[0]
    told = {name for row in table.splitlines() for name in re.findall("`(\\w+)`", row.split("|")[1])}
    always = {"level", "location", "message", "timestamp", "service", "correlation_id"}
    [whole, failed] = served(log)
    assert set(whole) | set(failed) == told | always


def test_metrics_leave_with_the_last_byte_in_the_embedded_metric_format(metered, stored, upstream, log):
    upstream.scripts = [answer("Hello from upstream")]
    ask(metered, stored.bob, stream=True)
    ask(metered, stored.bob)
    first, second = metrics(log)
    streamed, whole = check_metrics(first), check_metrics(second)
    assert set(streamed) - set(whole) == {"TimeToFirstToken"}
    assert set(whole) == {"ResponseTime", "DynamoDBCalls", "InputTokens", "OutputTokens"}
    assert (whole["InputTokens"], whole["OutputTokens"]) == (3, 3)
    assert 0 < streamed["TimeToFirstToken"] < streamed["ResponseTime"]
    assert [document["cold_start"] for document in (first, second)] == [True, False]
    [directive] = first["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("antiphon-test", [["service"]])
    assert (first["service"], first["agent"], first["model"]) == ("create-response", UPSTREAM, "m")
    assert [line["store_calls"] for line in served(log)] == [streamed["DynamoDBCalls"], whole["DynamoDBCalls"]]


def test_a_message_of_a_websocket_api_has_metrics_as_a_request_has(metered, stored, upstream, log):
    upstream.scripts = [answer("Hello from upstream")]
    with Socket(metered.socket.root, stored.bob, "/responses") as socket:
        socket.send(model=UPSTREAM, input="Hi")
        response = socket.events()[-1]["response"]
    settle(metered)
    [message] = metrics(log)
    assert set(check_metrics(message)) == {
        "ResponseTime",
        "TimeToFirstToken",
        "DynamoDBCalls",
        "InputTokens",
        "OutputTokens",
    }
    assert (message["service"], message["response_id"]) == ("create-response", response["id"])


@pytest.mark.parametrize("stream", [True, False])
def test_an_error_is_counted_by_its_code_whether_it_is_a_status_or_an_event(metered, stored, upstream, log, stream):
    upstream.scripts = [Script.stream(text("Hel"), CUT, done=False)]
    ask(metered, stored.bob, stream=stream)
    request, error = metrics(log)
    assert check_metrics(error) == {"Errors": 1}
    assert [set(names) for names in error["_aws"]["CloudWatchMetrics"][0]["Dimensions"]] == [{"service", "code"}]
    assert (error["code"], error["service"]) == ("model_error", "create-response")
    assert "Errors" not in check_metrics(request)
    assert request["outcome"] == "failed"


def test_the_functions_that_read_are_measured_too(metered, stored, log):
    created = ask(metered, stored.ada, AGENT).json()
    read(metered, stored.ada, f"/v1/responses/{created['id']}")
    read(metered, stored.ada, "/v1/models")
    [got], [listed] = metrics(log, "GetResponse"), metrics(log, "ListModels")
    assert set(check_metrics(got)) == set(check_metrics(listed)) == {"ResponseTime", "DynamoDBCalls"}
    assert (got["service"], listed["service"]) == ("get-response", "list-models")
    assert served(log, "GetResponse")[0]["response_id"] == created["id"]


def test_a_background_response_is_measured_by_the_worker_that_ran_it(metered, stored, upstream, log):
    upstream.scripts = [answer("Hello")]
    assert ask(metered, stored.bob, background=True).json()["status"] == "queued"
    end = time.monotonic() + 30
    while not metrics(log, "RunResponse"):
        assert time.monotonic() < end
        time.sleep(0.05)
    [done] = metrics(log, "RunResponse")
    assert set(check_metrics(done)) == {"ResponseTime", "DynamoDBCalls", "InputTokens", "OutputTokens"}
    assert (done["service"], done["outcome"]) == ("run-response", "completed")


def test_metrics_pass_a_log_level_that_lets_nothing_else_through(stored, upstream, log):
    upstream.scripts = [answer("Hello")]
    with hosted(stored.url, log, upstream, NAMESPACE | {"AWS_LAMBDA_LOG_LEVEL": "ERROR"}) as host:
        ask(host, stored.bob)
    [document] = lines_of(log / "CreateResponse.log")
    assert check_metrics(document)
    assert document["level"] == "ERROR"
    assert document["timestamp"].endswith("+00:00")


def test_nothing_is_measured_where_it_is_not_asked_for(stored, upstream, log):
    upstream.scripts = [answer("Hello")]
    with hosted(stored.url, log, upstream) as host:
        ask(host, stored.bob)
    assert len(served(log)) == 1
    assert metrics(log) == []


def test_sixty_four_streams_at_once_in_one_process_do_not_mix(stored, upstream, log):
    gates = [Gate() for _ in range(STREAMS)]
    upstream.requests.clear()
    upstream.scripts = [
        Script.stream(text("Hel"), gate, finish(), usage(1000 + at, at)) for at, gate in enumerate(gates)
    ]
    bodies, asked = [], {"model": UPSTREAM, "input": "Hi", "stream": True}
    with hosted(stored.url, log, upstream, NAMESPACE, concurrency=STREAMS) as host:
        threads = [
            threading.Thread(target=lambda: bodies.append(post(host, stored.bob, asked).text)) for _ in range(STREAMS)
        ]
        for thread in threads:
            thread.start()
        for gate in gates:
            assert gate.reached.wait(60)
        for gate in reversed(gates):
            gate.open()
        for thread in threads:
            thread.join(60)
        settle(host)
    told = {}
    for body in bodies:
        ending = json.loads(body.split("event: response.completed\ndata: ")[1].split("\n")[0])["response"]
        told[ending["id"]] = (ending["usage"]["input_tokens"], ending["usage"]["output_tokens"])
    documents = metrics(log)
    counted = [(document["response_id"], check_metrics(document)) for document in documents]
    assert {name: (found["InputTokens"], found["OutputTokens"]) for name, found in counted} == told
    assert len(told) == len(documents) == len({document["correlation_id"] for document in documents}) == STREAMS
    assert sum(document["cold_start"] for document in documents) == 1
    lines = {line["response_id"]: (line["input_tokens"], line["output_tokens"]) for line in served(log)}
    assert lines == told


def test_neither_key_nor_content_is_in_metrics_or_traces(stored, upstream, log):
    upstream.requests.clear()
    upstream.scripts = [
        answer(CANARY),
        Script.error(400, CANARY.encode()),
        Script.stream(text(CANARY), CUT, done=False),
    ]
    with daemon() as inbox:
        environ = NAMESPACE | {"AWS_XRAY_DAEMON_ADDRESS": inbox.address, "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
        sent = []
        with hosted(stored.url, log, upstream, environ) as host:
            for _ in range(3):
                ask(host, stored.bob, input=CANARY, instructions=CANARY, metadata={CANARY: CANARY}, stream=True)
                sent += inbox.take("antiphon")
            ask(host, stored.bob, temperature=CANARY)
            sent += inbox.take("antiphon")
            read(host, stored.bob, f"/v1/responses/{CANARY}")
            sent += inbox.take("antiphon")
    told = json.dumps(sent) + "".join(path.read_text() for path in log.iterdir())
    assert len(metrics(log)) == 7
    assert CANARY not in told
    assert stored.bob not in told


@pytest.fixture
def traced(stored, upstream, log):
    with daemon() as inbox, hosted(stored.url, log, upstream, {"AWS_XRAY_DAEMON_ADDRESS": inbox.address}) as host:
        yield host, inbox


def test_a_traced_request_is_a_tree_of_timed_subsegments(traced, stored, upstream, log):
    host, inbox = traced
    upstream.requests.clear()
    upstream.scripts = [Script.error(500), answer("Hello from upstream")]
    ask(host, stored.bob, stream=True)
    documents = inbox.take("antiphon")
    for document in documents:
        jsonschema.validate(document, SUBSEGMENT)
    *below, root = documents
    assert {document["trace_id"] for document in documents} == {served(log)[0]["trace_id"]}
    assert {document["parent_id"] for document in below} == {root["id"]}
    assert root["parent_id"] == served(log)[0]["correlation_id"][:8].rjust(16, "0")
    assert len({document["id"] for document in documents}) == len(documents)
    for document in below:
        assert root["start_time"] <= document["start_time"] <= document["end_time"] <= root["end_time"]
    failed, answered = [document for document in below if document["name"] == "up"]
    assert (failed["fault"], failed["annotations"]["exception"]) == (True, "ProviderError")
    assert answered["namespace"] == "remote"
    assert answered["end_time"] - answered["start_time"] >= answered["annotations"]["first_token_ms"] / 1000 > 0
    stores = [document for document in below if document["name"] == "DynamoDB"]
    assert {document["namespace"] for document in stores} == {"aws"}
    assert {"GetItem", "PutItem"} <= {document["aws"]["operation"] for document in stores}
    assert root["annotations"]["store_calls"] == len(stores)
    assert (root["annotations"]["route"], root["annotations"]["status"]) == ("/v1/responses", 200)


def test_whose_fault_it_was_is_told_by_flags(traced, stored, upstream):
    host, inbox = traced
    upstream.requests.clear()
    upstream.scripts = [Script.error(401)]
    ask(host, "ap_dev_nobody")
    [refused] = inbox.take("antiphon")
    assert (refused["error"], refused["throttle"], "fault" in refused) == (True, False, False)
    ask(host, stored.bob, stream=True)
    failed = inbox.take("antiphon")[-1]
    assert (failed["fault"], failed["annotations"]["code"]) == (True, "provider_auth")


def test_a_function_in_one_piece_is_traced_too(traced, stored):
    host, inbox = traced
    read(host, stored.ada, "/v1/models")
    *below, root = inbox.take("antiphon")
    assert root["annotations"]["route"] == "/v1/models"
    assert {document["parent_id"] for document in below} == {root["id"]}


def test_a_model_is_told_nothing_of_the_trace(traced, stored, upstream):
    host, inbox = traced
    upstream.requests.clear()
    upstream.scripts = [answer("Hello")]
    ask(host, stored.bob, stream=True)
    root = inbox.take("antiphon")[-1]
    assert root["trace_id"] not in json.dumps([request.headers for request in upstream.requests])


def test_a_daemon_that_is_away_costs_no_request(stored, upstream, log):
    upstream.requests.clear()
    upstream.scripts = [answer("Hello")]
    with daemon() as inbox:
        address = inbox.address
    with hosted(stored.url, log, upstream, {"AWS_XRAY_DAEMON_ADDRESS": address}) as host:
        assert [ask(host, stored.bob).status_code for _ in range(2)] == [200, 200]
