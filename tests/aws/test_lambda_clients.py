"""Unchanged clients through the real functions: the local Runtime API, the REST API's events and the Function URL's."""

import os
import shutil
import subprocess

import openai
import pytest

from local.lambda_host.layers import ROOT
from tests.support.hosted import AGENT, UPSTREAM
from tests.support.upstream import Gate, Script, finish, text, usage
from tests.support.weather import STRICT

NODE = ROOT / "tests/clients/node"


@pytest.fixture(params=["rest", "url"])
def base_url(host, request):
    return f"{getattr(host, request.param).root}/v1"


@pytest.fixture
def client(stored, base_url):
    with openai.OpenAI(base_url=base_url, api_key=stored.ada, max_retries=0) as sdk:
        yield sdk


def test_the_first_delta_arrives_before_the_provider_has_sent_the_last(base_url, stored, upstream):
    gate = Gate()
    upstream.requests.clear()
    upstream.scripts = [Script.stream(text("Hel"), gate, text("lo"), finish(), usage(3, 2))]
    deltas = []
    with openai.OpenAI(base_url=base_url, api_key=stored.bob, max_retries=0) as client:
        for event in client.responses.create(model=UPSTREAM, input="Hi", stream=True):
            if event.type == "response.output_text.delta":
                deltas.append(event.delta)
                gate.open()
    assert deltas == ["Hel", "lo"]
    assert event.type == "response.completed"
    assert event.response.output_text == "Hello"


def test_an_answer_in_one_piece(client):
    response = client.responses.create(model=AGENT, input="Hello!")
    assert response.status == "completed"
    assert response.output_text


def test_a_created_response_can_be_read(client):
    created = client.responses.create(model=AGENT, input="Hello!")
    assert client.responses.retrieve(created.id).to_dict() == created.to_dict()


def test_a_function_is_called_and_the_conversation_goes_on(client):
    first = client.responses.create(model=AGENT, input="What is the weather in Paris?", tools=[STRICT])
    call = next(item for item in first.output if item.type == "function_call")
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "17 degrees and sunny"}
    second = client.responses.create(model=AGENT, previous_response_id=first.id, input=[output], tools=[STRICT])
    assert "17 degrees and sunny" in second.output_text


def test_models_are_listed(client):
    assert {model.id for model in client.models.list()} == {AGENT}


def test_errors_are_the_sdks_own_exceptions(client):
    with pytest.raises(openai.NotFoundError) as missing:
        client.responses.create(model="absent", input="Hi")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.get("/nothing/here", cast_to=object)
    assert unknown.value.code == "route_not_found"


@pytest.mark.node
def test_the_node_sdk_works_unchanged(base_url, stored):
    node = shutil.which("node")
    if not os.environ.get("CI") and (node is None or not (NODE / "node_modules/openai").exists()):
        pytest.skip("needs node, and `npm ci` in tests/clients/node")
    environ = {**os.environ, "BASE_URL": base_url, "API_KEY": stored.ada}
    command = [node, "--test", "openai.test.mjs"]
    run = subprocess.run(command, cwd=NODE, env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "# fail 0" in run.stdout


def test_no_key_is_in_any_log(host, stored, client):
    client.responses.create(model=AGENT, input="canary in the prompt")
    logs = "".join(pool.log.read_text() for pool in host.pools.values() if pool.environments)
    assert stored.ada not in logs
    assert "canary" not in logs
