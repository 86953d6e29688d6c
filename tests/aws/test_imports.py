"""What a cold start imports: each function no more modules than its budget, and nothing that its path does not need."""

import json
import subprocess
import sys

import pytest

from antiphon.server_tools.runners import FOLDERS
from local.lambda_host.layers import ROOT
from tests.support.hosted import AGENT, AWS, database

BUDGET = {"create_response": 691, "get_response": 620, "list_models": 594}
"""Modules in ``sys.modules`` once a function has answered a request; an empty interpreter has about 70."""

NEVER = {"aiohttp", "boto3", "botocore.session", "urllib3", "moto", "openai", "httpx", "uvicorn", "sqlite3"} | {
    "antiphon.store.sqlite",
    "jsonschema",
}
"""Of botocore itself Powertools imports the empty outermost package."""

ONLY_CREATE = {
    "antiphon.run.create",
    "antiphon.run.worker",
    "antiphon.run.execution",
    "antiphon.spec.request",
    "antiphon.answering.turn",
    "antiphon.usage.prices",
}
EVENTS = {"create_response": "create-response", "get_response": "get-response", "list_models": "list-models"}

BUFFERED = """
import json, sys, app

class Context:
    aws_request_id = "5f2b8c1e-0d3a-4c55-9a3e-2f6d1b7c8e90"
    def get_remaining_time_in_millis(self):
        return 29_000

status = app.handler(json.load(sys.stdin), Context())["statusCode"]
"""
STREAMING = """
import asyncio, json, sys, time, app
from antiphon.awslambda import http

async def answer(event):
    sent, asked = [], [{"type": "http.request", "body": http.body_of(event), "more_body": False}]
    async def receive():
        return asked.pop() if asked else await asyncio.Event().wait()
    async def send(message):
        sent.append(message)
    await app.handler(http.scope_of(event, deadline=time.time() + 60, request_id="r"), receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    assert sent[0]["status"] == 404 or b"response.completed" in body
    return sent[0]["status"]

status = asyncio.run(answer(json.load(sys.stdin)))
"""


@pytest.fixture(scope="module")
def answered():
    """The modules of each function once it has answered a request with what the store holds, by function."""
    with database() as stored:
        yield {function: run(function, stored) for function in EVENTS}


def run(function, stored):
    body = json.dumps({"model": AGENT, "input": "Hi", "stream": True}) if function == "create_response" else None
    event = json.loads((ROOT / f"events/{EVENTS[function]}.rest.json").read_text()) | {"body": body}
    for name in ("headers", "multiValueHeaders"):
        value = f"Bearer {stored.ada}"
        event[name]["Authorization"] = [value] if name == "multiValueHeaders" else value
    code = f"{BUFFERED if function == 'list_models' else STREAMING}\nprint(json.dumps([status, sorted(sys.modules)]))"
    environ = AWS | {
        "PYTHONPATH": f"{ROOT / 'functions' / function}:{ROOT / 'layers/antiphon'}",
        "ANTIPHON_CORE_TABLE": "CoreTable",
        "ANTIPHON_RESPONSES_TABLE": "ResponsesTable",
        "ANTIPHON_AWS_ENDPOINT_URL": stored.url,
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(event),
        env=environ,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == (404 if function == "get_response" else 200)
    return set(modules)


@pytest.mark.parametrize("function", BUDGET)
def test_a_function_imports_no_more_than_its_budget(answered, function):
    assert len(answered[function]) <= BUDGET[function]
    assert not answered[function] & NEVER
    assert not {name for name in answered[function] if name.startswith("antiphon.telemetry")}


def test_a_function_that_starts_no_worker_does_not_import_how_that_is_done(answered):
    for function in answered:
        assert not answered[function] & {"antiphon.run.worker", "antiphon.awslambda.worker"}
    assert not answered["list_models"] & {"antiphon.run.follow", "antiphon.run.journal", "antiphon.aws.workers"}


def test_an_agent_without_tools_imports_nothing_of_what_runs_tools(answered):
    for function in answered:
        of_tools = {name for name in answered[function] if name.startswith("antiphon.server_tools.")}
        assert of_tools <= {"antiphon.server_tools.runners"}
        assert "antiphon.fetch.egress" not in answered[function]


RUNNING = """
import json, sys
from antiphon.server_tools.runners import Runners
from antiphon.settings import Settings
Runners(Settings(database=":memory:"))(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("kind", ["http", "lambda", "knowledge_base", "web_search", "mcp"])
def test_what_calls_a_tool_imports_neither_other_kinds_nor_what_pins_tools(kind):
    environ = AWS | {"PYTHONPATH": str(ROOT / "layers/antiphon")}
    done = subprocess.run(
        [sys.executable, "-c", RUNNING, kind], env=environ, stdout=subprocess.PIPE, check=True, text=True
    )
    modules = set(json.loads(done.stdout))
    folder = FOLDERS[kind]
    folders = {name.split(".")[2] for name in modules if name.startswith("antiphon.server_tools.")}
    assert not folders & {*FOLDERS.values()} - {folder}
    assert not folders & {"pinning", "entries", "entry", "differences"}
    assert not {f"antiphon.server_tools.{folder}.{name}" for name in ("pin", "entry", "openapi")} & modules
    assert not modules & {"yaml", "boto3", "botocore", "jsonschema", "aiohttp"}


@pytest.mark.parametrize("function", ["get_response", "list_models"])
def test_a_function_that_only_reads_does_not_import_how_responses_are_made(answered, function):
    assert not answered[function] & ONLY_CREATE


def test_fastapis_own_models_are_not_built():
    code = (
        "import app; from fastapi.openapi import models; "
        "assert not any(m.__pydantic_complete__ for m in (models.Info, models.Server, models.Contact))"
    )
    environ = AWS | {
        "PYTHONPATH": f"{ROOT / 'functions/list_models'}:{ROOT / 'layers/antiphon'}",
        "ANTIPHON_CORE_TABLE": "core",
        "ANTIPHON_RESPONSES_TABLE": "responses",
    }
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)


def test_what_is_imported_is_never_looked_at_by_the_collector_of_garbage_which_runs_from_then_on():
    code = (
        "import gc, antiphon.awslambda.init; collected = []; "
        "gc.callbacks.append(lambda *told: collected.append(told)); "
        "import app; assert not collected; assert gc.isenabled(); assert gc.get_freeze_count() > 50_000; "
        "assert len(gc.get_objects()) < 1_000"
    )
    environ = AWS | {
        "PYTHONPATH": f"{ROOT / 'functions/list_models'}:{ROOT / 'layers/antiphon'}",
        "ANTIPHON_CORE_TABLE": "core",
        "ANTIPHON_RESPONSES_TABLE": "responses",
    }
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)
