"""The whole template as a stack: set up, called, and deployed again, on ministack (``tests.support.stack``)."""

import asyncio
import json
import os
import secrets

import httpx2
import pytest

from antiphon.access import keys, roles
from antiphon.bootstrap import build_services, build_stores
from antiphon.providers.configured import Providers
from antiphon.records import Agent, User
from antiphon.settings import Settings
from antiphon.web.app import build_app
from antiphon.web.routes import create
from tests.support.stack import AWS, MINISTACK, Stack, code

pytestmark = pytest.mark.ministack
DEPLOYED = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    if not os.environ.get("CI") and not MINISTACK.exists():
        pytest.skip("needs ministack: `make install-ministack`")
    with Stack(tmp_path_factory.mktemp("ministack") / "log") as stack:
        assert stack.deploy(code(), FunctionUrl="on", WebSocketApi="on") == "CREATE_COMPLETE"
        yield stack


@pytest.fixture(scope="module")
def stored(stack):
    """A key, and the id of a response that was created in this process on the stack's tables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AWS.items():
            patch.setenv(name, value)
        return asyncio.run(_store(stack))


async def _store(stack):
    tables = {"core_table": stack.outputs["CoreTableName"], "responses_table": stack.outputs["ResponsesTableName"]}
    settings = Settings(**tables, aws_endpoint_url=stack.url)
    stores = build_stores(settings)
    key = keys.make_key("dev", secrets.token_bytes)
    await stores.directory.put(User("default", "ada", role=roles.ADMIN))
    await stores.directory.put_agent(Agent("default", "echo", "demo", "demo", author="ada"))
    await stores.keys.add(keys.record(key, tenant="default", user="ada", now=1))
    app = build_app(build_services(settings, stores, Providers({}, {})), [create.router])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://here") as client:
        asked = {"model": "echo", "input": "Hello"}
        answer = await client.post("/v1/responses", json=asked, headers={"authorization": f"Bearer {key}"})
    await stores.aclose()
    return key, answer.json()["id"]


def get(stack, path, key=None):
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx2.get(stack.root + path, headers=headers, timeout=30, trust_env=False)


def test_the_tables_have_the_keys_and_the_index_of_the_stores(stack):
    def described(output):
        return stack.client("dynamodb").describe_table(TableName=stack.outputs[output])["Table"]

    for output in ("CoreTableName", "ResponsesTableName"):
        assert [key["AttributeName"] for key in described(output)["KeySchema"]] == ["pk", "sk"]
    assert [index["IndexName"] for index in described("CoreTableName")["GlobalSecondaryIndexes"]] == ["gsi1"]


def test_the_websocket_api_has_a_stage_that_the_openai_sdks_reach(stack):
    """Its routes and its authorizer are there; ministack does not run them with our runtime."""
    gateway, api = stack.client("apigatewayv2"), stack.resources["WebSocket"]
    assert stack.outputs["WebSocketUrl"].endswith("/responses")
    assert {route["RouteKey"] for route in gateway.get_routes(ApiId=api)["Items"]} == {"$connect", "$default"}
    assert [stage["StageName"] for stage in gateway.get_stages(ApiId=api)["Items"]] == ["responses"]


def test_the_models_are_listed_to_who_has_a_key(stack, stored):
    answer = get(stack, "/v1/models", stored[0])
    assert answer.status_code == 200
    assert [model["id"] for model in answer.json()["data"]] == ["echo"]


def test_who_has_no_key_is_refused(stack):
    answer = get(stack, "/v1/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "missing_api_key")


def test_the_worker_takes_an_event_and_the_sweeper_its_schedule(stack, stored):
    function = {"FunctionName": stack.resources["RunResponse"], "Qualifier": "live"}
    _, response = stored
    for event in ({"sweep": True}, {"run": {"tenant": "default", "user": "ada", "response_id": response}}):
        answer = stack.client("lambda").invoke(**function, Payload=json.dumps(event))
        assert (answer.get("FunctionError"), json.loads(answer["Payload"].read())) == (None, {})


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/openapi.json", 200), ("/v1/nowhere", 404)])
def test_what_needs_no_key_answers(stack, path, status):
    assert get(stack, path).status_code == status


def test_the_function_url_streams_from_the_alias_and_is_open_to_all(stack):
    functions, name = stack.client("lambda"), stack.resources["CreateResponse"]
    url = functions.get_function_url_config(FunctionName=name, Qualifier="live")
    assert (url["AuthType"], url["InvokeMode"]) == ("NONE", "RESPONSE_STREAM")
    assert url["FunctionUrl"] == stack.outputs["FunctionUrl"]
    policy = json.loads(functions.get_policy(FunctionName=name, Qualifier="live")["Policy"])
    allowed = {each["Action"] for each in policy["Statement"] if each["Principal"] == "*"}
    assert allowed == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}


@pytest.fixture
def deployed(stack):
    """The stack as at first, and which versions are live."""
    assert stack.deploy(code(), FunctionUrl="on") in DEPLOYED | {"No updates are to be performed."}
    return stack.live()


def moved(stack, before):
    return {name for name, version in stack.live().items() if version != before[name]}


def test_a_deployment_of_nothing_new_publishes_nothing(stack, deployed):
    assert stack.deploy(code(), FunctionUrl="on") == "No updates are to be performed."
    assert moved(stack, deployed) == set()


@pytest.mark.parametrize("layer", ["AntiphonLayer", "DependenciesLayer"])
def test_a_changed_layer_is_live_in_every_function(stack, deployed, layer):
    changed = code()
    changed[layer] = {**changed[layer], "python/new.py": b"# another release\n"}
    assert stack.deploy(changed, FunctionUrl="on") in DEPLOYED
    assert moved(stack, deployed) == set(deployed)


def test_a_changed_function_is_live_in_that_one(stack, deployed):
    changed = code()
    changed["ListModels"] = {**changed["ListModels"], "new.py": b""}
    assert stack.deploy(changed, FunctionUrl="on") in DEPLOYED
    assert moved(stack, deployed) == {"ListModels"}


def test_a_changed_parameter_is_live_and_the_last_version_stays_for_its_streams(stack, deployed):
    assert stack.deploy(code(), FunctionUrl="on", RetentionDays="7") in DEPLOYED
    assert moved(stack, deployed) == set(deployed)
    name = stack.resources["CreateResponse"]
    live = stack.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")
    assert live["Environment"]["Variables"]["ANTIPHON_RETENTION_DAYS"] == "7"
    assert deployed["CreateResponse"] in stack.versions("CreateResponse")


def test_a_parameter_of_something_else_publishes_nothing(stack, deployed):
    assert stack.deploy(code(), FunctionUrl="on", DeletionProtection="false") in DEPLOYED
    assert moved(stack, deployed) == set()


def test_a_function_that_starts_from_a_snapshot_answers(stack, deployed, stored):
    assert stack.deploy(code(), FunctionUrl="on", SnapStart="on") in DEPLOYED
    assert moved(stack, deployed) == set(deployed)
    for name in deployed:
        function = {"FunctionName": stack.resources[name], "Qualifier": "live"}
        live = stack.client("lambda").get_function_configuration(**function)
        assert live["SnapStart"]["ApplyOn"] == "PublishedVersions"
    assert get(stack, "/v1/models", stored[0]).status_code == 200


def test_environments_are_provisioned_of_the_alias(stack, deployed):
    assert stack.deploy(code(), FunctionUrl="on", ListModelsProvisioned="2") in DEPLOYED
    function = {"FunctionName": stack.resources["ListModels"], "Qualifier": "live"}
    provisioned = stack.client("lambda").get_provisioned_concurrency_config(**function)
    assert provisioned["RequestedProvisionedConcurrentExecutions"] == 2


def test_snapshots_and_provisioned_environments_together_are_refused_before_anything_is_done(stack, deployed):
    refused = stack.deploy(code(), FunctionUrl="on", SnapStart="on", GetResponseProvisioned="1")
    assert "Lambda does not provision" in refused
    assert moved(stack, deployed) == set()
