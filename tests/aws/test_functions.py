"""The functions as Lambda runs them: real processes, the sample events, the template's tables on a DynamoDB."""

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys

import boto3
import pytest
from cfnlint.decode import cfn_yaml

from antiphon.access import keys, roles
from antiphon.bootstrap import build_stores
from antiphon.records import Agent, User
from antiphon.settings import Settings
from tests.support.chat import chunks_of, joined
from tests.support.dynamodb import dynamodb
from tests.support.runtime_api import PATIENCE, ROOT, LocalRuntimeApi, kill
from tests.support.streams import assert_stream
from tests.support.upstream import Gate, Script, Upstream, finish, text, usage

SAMPLE_KEY = "ap_dev_SampleKeyOnlyForEventsAndTests000000000000036xdHs"
AWS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-central-1"}
FORMS = ("rest", "url")
TABLES = {"CoreTable": "ANTIPHON_CORE_TABLE", "ResponsesTable": "ANTIPHON_RESPONSES_TABLE"}
OF_STORED = {
    "get-response",
    "delete-response",
    "cancel-response",
    "input-items",
    "get-conversation",
    "delete-conversation",
    "list-items",
    "get-item",
    "delete-item",
}
STATUS = {
    "get-response": 404,
    "delete-response": 404,
    "cancel-response": 404,
    "input-items": 404,
    "get-conversation": 404,
    "delete-conversation": 404,
    "list-items": 404,
    "get-item": 404,
    "delete-item": 404,
    "list-models": 200,
    "get-model": 200,
    "list-response-models": 200,
    "healthz": 200,
    "openapi": 200,
    "docs": 200,
    "unknown-path": 404,
}
BUFFERED = """
import json, sys
from app import handler

class Context:
    aws_request_id = "5f2b8c1e-0d3a-4c55-9a3e-2f6d1b7c8e90"
    def get_remaining_time_in_millis(self):
        return 29_000

for line in sys.stdin:
    print("ANSWER", json.dumps(handler(json.loads(line), Context())), flush=True)
"""


def event(name, form, **changes):
    return json.loads((ROOT / f"events/{name}.{form}.json").read_text()) | changes


def at(form, path, method="GET"):
    changed = event("get-response", form)
    if form == "rest":
        return changed | {"path": path, "httpMethod": method}
    changed["requestContext"]["http"] |= {"method": method, "path": path}
    return changed | {"rawPath": path}


def asking(form, **request):
    return event(
        "create-response", form, body=json.dumps({"model": "greeter", "input": "Hi", "stream": True} | request)
    )


@pytest.fixture(scope="module")
def environ():
    """The functions' environment: the tables as the template has them, and in them the caller of the sample events."""
    with pytest.MonkeyPatch.context() as patch, dynamodb() as emulator:
        for name, value in AWS.items():
            patch.setenv(name, value)
        own = AWS | {"ANTIPHON_ENVIRONMENT": "dev", "ANTIPHON_AWS_ENDPOINT_URL": emulator.url}
        create_tables(own["ANTIPHON_AWS_ENDPOINT_URL"])
        own |= {variable: name for name, variable in TABLES.items()}
        asyncio.run(seed(own))
        yield own


def create_tables(endpoint):
    resources = cfn_yaml.load(str(ROOT / "template.yaml"))["Resources"]
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    for name in TABLES:
        properties = json.loads(json.dumps(resources[name]["Properties"]))
        wanted = {"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"}
        client.create_table(TableName=name, **{key: value for key, value in properties.items() if key in wanted})
    client.close()


async def seed(environ):
    settings = Settings(
        core_table="CoreTable",
        responses_table="ResponsesTable",
        aws_endpoint_url=environ["ANTIPHON_AWS_ENDPOINT_URL"],
    )
    stores = build_stores(settings)
    await stores.directory.put(User("default", "ada", role=roles.ADMIN))
    for agent, provider in (("greeter", "demo"), ("slow", "up")):
        await stores.directory.put_agent(Agent("default", agent, provider, "m", author="ada"))
    await stores.keys.add(keys.record(SAMPLE_KEY, tenant="default", user="ada", now=1))
    await stores.aclose()


@contextlib.contextmanager
def creating(environ, log, **more):
    """The create function, and its Runtime API."""
    with LocalRuntimeApi() as api:
        task_root = ROOT / "functions/create_response"
        with api.function("app.handler", log=log, task_root=task_root, environ=environ | more) as api.process:
            yield api


@contextlib.contextmanager
def buffered(name, environ, log):
    """A buffered function: gives what invokes it."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "layers/antiphon")} | environ
    cwd, pipe = ROOT / "functions" / name, subprocess.PIPE
    command = [sys.executable, "-c", BUFFERED]
    with (
        log.open("a") as output,
        subprocess.Popen(command, cwd=cwd, env=own, stdin=pipe, stdout=pipe, stderr=output, text=True) as process,
    ):

        def invoke(event):
            process.stdin.write(json.dumps(event) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                if line.startswith("ANSWER "):
                    return json.loads(line.removeprefix("ANSWER "))
                output.write(line)
            raise AssertionError(log.read_text())

        yield invoke
        process.stdin.close()
        process.wait(PATIENCE)


@contextlib.contextmanager
def getting(environ, log):
    """The get function, which streams: gives what invokes it, and returns each answer as a buffered function would."""
    with LocalRuntimeApi() as api:
        task_root = ROOT / "functions/get_response"
        with api.function("app.handler", log=log, task_root=task_root, environ=environ):
            yield lambda event: whole(api.invoke(event).ended())


def whole(answer):
    assert answer.state == "complete", answer.error
    return {**answer.prelude, "body": answer.body.decode(), "isBase64Encoded": False}


def reading(name, environ, log):
    """A function that creates nothing, by its folder."""
    return getting(environ, log) if name == "get_response" else buffered(name, environ, log)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.mark.parametrize("form", FORMS)
def test_a_created_response_streams_whole_and_can_be_read_by_the_other_function(environ, log, form):
    with creating(environ, log) as api:
        answer = api.invoke(event("create-response", form)).ended()
    assert (answer.state, answer.prelude["statusCode"]) == ("complete", 200)
    assert answer.prelude["headers"]["x-request-id"] == answer.request_id
    ending = assert_stream(answer.body, answer.prelude["headers"])[-1]["response"]
    with getting(environ, log) as invoke:
        read = invoke(at(form, f"/v1/responses/{ending['id']}"))
    assert (read["statusCode"], json.loads(read["body"])) == (200, ending)


@pytest.mark.parametrize("form", FORMS)
def test_a_stored_response_is_replayed_and_deleted_by_the_other_function(environ, log, form):
    with creating(environ, log) as api:
        created = json.loads(api.invoke(asking("rest", stream=False)).ended().body)
    path = f"/v1/responses/{created['id']}"
    query = {"rawQueryString": "stream=true", "multiValueQueryStringParameters": {"stream": ["true"]}}
    with getting(environ, log) as invoke:
        replayed = invoke(at(form, path) | query)
        answers = [invoke(at(form, path, method)) for method in ("DELETE", "DELETE", "GET")]
    sent = replayed["body"].removeprefix(": ok\n\n").encode()
    assert assert_stream(sent)[-1]["response"] == created
    assert [answer["statusCode"] for answer in answers] == [200, 404, 404]


def test_a_running_response_is_cancelled_through_the_other_function(environ, log):
    gate = Gate()
    with (
        Upstream([Script.stream(text("Hel"), gate)]) as upstream,
        creating(environ, log, ANTIPHON_PROVIDERS=providers(upstream), ANTIPHON_WATCH_SECONDS="0.1") as api,
        getting(environ, log) as invoke,
    ):
        answer = api.invoke(asking("rest", model="slow"))
        answer.wait(lambda: b'"delta":"Hel"' in answer.body)
        response_id = answer.body.split(b'"response":{"id":"')[1].split(b'"')[0].decode()
        cancelled = invoke(at("rest", f"/v1/responses/{response_id}/cancel", "POST"))
        ending = assert_stream(answer.ended().body)[-1]["response"]
        assert upstream.closed_early.wait(PATIENCE)
        gate.open()
    assert (cancelled["statusCode"], json.loads(cancelled["body"])) == (200, ending)
    assert ending["status"] == "cancelled"


def test_every_piece_arrives_before_the_model_makes_the_next(environ, log):
    gate = Gate()
    script = Script.stream(text("Hel"), gate, text("lo"), finish(), usage(3, 2))
    with Upstream([script]) as upstream, creating(environ, log, ANTIPHON_PROVIDERS=providers(upstream)) as api:
        answer = api.invoke(asking("rest", model="slow"))
        answer.wait(lambda: b'"delta":"Hel"' in answer.body)
        assert (answer.state, b'"delta":"lo"' in answer.body) == ("streaming", False)
        gate.open()
        assert_stream(answer.ended().body)


def test_a_frame_is_never_split_over_two_chunks(environ, log):
    with creating(environ, log) as api:
        answer = api.invoke(asking("rest")).ended()
    chunks = answer.chunks[1:]
    assert all(chunk.endswith(b"\n\n") for chunk in chunks)
    assert_stream(b"".join(chunks))


def test_an_answer_in_one_piece_is_json(environ, log):
    with creating(environ, log) as api:
        answer = api.invoke(asking("rest", stream=False)).ended()
    assert answer.prelude["headers"]["content-type"] == "application/json"
    assert json.loads(answer.body)["status"] == "completed"


def test_a_run_that_reaches_the_invocations_end_is_ended_before_it(environ, log):
    gate = Gate()
    with (
        Upstream([Script.stream(text("Hel"), gate)]) as upstream,
        creating(environ, log, ANTIPHON_PROVIDERS=providers(upstream), ANTIPHON_RESERVE_SECONDS="9") as api,
    ):
        answer = api.invoke(asking("rest", model="slow"), seconds=10).ended()
        gate.open()
    assert answer.state == "complete"
    assert assert_stream(answer.body)[-1]["response"]["status"] in {"incomplete", "failed"}


def test_a_killed_function_leaves_a_response_that_can_be_read_and_is_not_completed(environ, log):
    gate = Gate()
    with Upstream([Script.stream(text("Hel"), gate)]) as upstream:
        with creating(environ, log, ANTIPHON_PROVIDERS=providers(upstream)) as api:
            answer = api.invoke(asking("rest", model="slow"))
            answer.wait(lambda: b'"delta":"Hel"' in answer.body)
            kill(api.process)
            assert answer.ended().state == "cut"
        gate.open()
    [created] = [line for line in answer.body.splitlines() if b'"response.created"' in line]
    response_id = json.loads(created.removeprefix(b"data: "))["response"]["id"]
    with getting(environ, log) as invoke:
        read = invoke(at("rest", f"/v1/responses/{response_id}"))
    assert (read["statusCode"], json.loads(read["body"])["status"]) == (200, "in_progress")


@pytest.mark.parametrize("form", FORMS)
def test_the_create_function_counts_and_compacts_in_one_piece(environ, log, form):
    with creating(environ, log, ANTIPHON_SEAL_KEYS=base64.b64encode(bytes(32)).decode()) as api:
        answers = [api.invoke(event(name, form)).ended() for name in ("count-input-tokens", "compact")]
    assert [answer.prelude["statusCode"] for answer in answers] == [200, 200]
    counted, compacted = [json.loads(answer.body) for answer in answers]
    assert counted == {"object": "response.input_tokens", "input_tokens": 3}
    assert [item["type"] for item in compacted["output"]] == ["message", "compaction"]


@pytest.mark.parametrize("form", FORMS)
def test_the_create_function_streams_chat_completions(environ, log, form):
    with creating(environ, log) as api:
        answer = api.invoke(event("chat-completions", form)).ended()
    assert answer.prelude["statusCode"] == 200
    chunks = chunks_of(answer.body)
    assert joined(chunks)
    assert chunks[-1]["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("form", FORMS)
def test_what_the_create_function_adds_to_a_conversation_the_other_function_reads_and_deletes(environ, log, form):
    with creating(environ, log) as api:
        made = json.loads(api.invoke(event("create-conversation", form)).ended().body)
        path = f"/v1/conversations/{made['id']}"
        added = event("add-items", form)
        if form == "rest":
            added |= {"path": f"{path}/items"}
        else:
            added |= {"rawPath": f"{path}/items"}
        assert api.invoke(added).ended().prelude["statusCode"] == 200
        created = json.loads(api.invoke(asking(form, stream=False, conversation=made["id"])).ended().body)
    assert created["conversation"] == {"id": made["id"]}
    with getting(environ, log) as invoke:
        read, listed, deleted, gone = (
            invoke(at(form, place, method))
            for place, method in ((path, "GET"), (f"{path}/items", "GET"), (path, "DELETE"), (path, "GET"))
        )
    assert json.loads(read["body"]) == made
    assert [item["role"] for item in json.loads(listed["body"])["data"]] == ["assistant", "user", "user"]
    assert [answer["statusCode"] for answer in (deleted, gone)] == [200, 404]


def test_behind_its_function_url_the_create_function_serves_every_route(environ, log):
    with creating(environ, log) as api:
        answers = {name: api.invoke(event(name, "url")).ended() for name in STATUS}
    assert {name: answer.prelude["statusCode"] for name, answer in answers.items()} == STATUS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("function", ["get_response", "list_models"])
def test_behind_the_rest_api_each_route_is_answered_by_its_own_function(environ, log, function, form):
    names = {name for name in STATUS if (name in OF_STORED) == (function == "get_response")}
    with reading(function, environ, log) as invoke:
        answers = {name: invoke(event(name, form)) for name in names}
    assert {name: answer["statusCode"] for name, answer in answers.items()} == {name: STATUS[name] for name in names}
    for answer in answers.values():
        assert answer["isBase64Encoded"] is False
        if answer["statusCode"] == 404:
            assert set(json.loads(answer["body"])["error"]) == {"message", "type", "code", "param"}


@pytest.mark.parametrize("form", FORMS)
def test_other_methods_of_known_paths_are_405_with_what_is_allowed(environ, log, form):
    with buffered("list_models", environ, log) as invoke:
        answers = {path: invoke(at(form, path, "PATCH")) for path in ("/v1/responses", "/v1/models", "/healthz")}
    assert {path: (a["statusCode"], a["headers"]["allow"]) for path, a in answers.items()} == {
        "/v1/responses": (405, "POST"),
        "/v1/models": (405, "GET"),
        "/healthz": (405, "GET"),
    }


@pytest.mark.parametrize("form", FORMS)
def test_an_upgrade_to_a_websocket_is_426_behind_every_front_door(environ, log, form):
    """Codex then continues over HTTP."""
    with buffered("list_models", environ, log) as invoke:
        asked = at(form, "/v1/responses", "GET")
        asked["headers"] = {**asked["headers"], "upgrade": "websocket"}
        if "multiValueHeaders" in asked:
            asked["multiValueHeaders"] = {**asked["multiValueHeaders"], "upgrade": ["websocket"]}
        answer = invoke(asked)
    assert (answer["statusCode"], answer["headers"]["upgrade"]) == (426, "HTTP/1.1")
    assert json.loads(answer["body"])["error"]["code"] == "upgrade_required"


def test_a_missing_setting_is_an_init_error_that_names_it(environ, log):
    without = {name: value for name, value in environ.items() if name != "ANTIPHON_CORE_TABLE"}
    with creating(without, log) as api:
        assert api.process.wait(PATIENCE) == 1
    assert api.init_error["errorType"] == "SettingsError"
    assert "CORE_TABLE" in api.init_error["errorMessage"]


def test_neither_key_nor_prompt_is_in_the_logs_of_any_function_at_debug(environ, log):
    debug = environ | {"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
    with creating(debug, log) as api:
        api.invoke(asking("rest", input="canary in the prompt")).ended()
        api.invoke(asking("rest", input="canary in the prompt", temperature="canary in the request")).ended()
    for function in ("get_response", "list_models"):
        with reading(function, debug, log) as invoke:
            invoke(event("list-models" if function == "list_models" else "get-response", "rest"))
    logged = log.read_text()
    assert "canary" not in logged
    assert SAMPLE_KEY not in logged
    assert keys.digest(SAMPLE_KEY) not in logged


def providers(upstream):
    return json.dumps({"up": {"base_url": upstream.base_url}})
