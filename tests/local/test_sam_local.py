"""What `sam local invoke` and `sam local start-api` are given: variables, events, and a DynamoDB with their caller.

Docker is not needed here: the functions run as Lambda runs them (``local.lambda_host``), with the same variables and
events. ``tests/aws/test_emulator.py`` has them under the emulator that runs in SAM's containers.
"""

import json
import os
import subprocess
import sys
import tomllib

import pytest

from local.lambda_host.host import Host
from local.lambda_host.layers import ROOT
from local.sam_local import ENVIRONMENT
from tests.support.chat import chunks_of
from tests.support.hosted import layout, template
from tests.support.streams import assert_stream

SAM = ROOT / ".venv-sam/bin/sam"
LAMBDAS_OWN = {"AWS_LAMBDA_EXEC_WRAPPER"}
EVENTS = [
    ("ListModels", "list-models", 200),
    ("ListModels", "get-model", 200),
    ("ListModels", "healthz", 200),
    ("ListModels", "openapi", 200),
    ("ListModels", "docs", 200),
    ("ListModels", "unknown-path", 404),
    ("GetResponse", "get-response", 404),
    ("GetResponse", "delete-response", 404),
    ("GetResponse", "cancel-response", 404),
    ("GetResponse", "input-items", 404),
    ("GetResponse", "get-conversation", 404),
    ("GetResponse", "delete-conversation", 404),
    ("GetResponse", "list-items", 404),
    ("GetResponse", "get-item", 404),
    ("GetResponse", "delete-item", 404),
]


@pytest.fixture(scope="module")
def variables():
    return json.loads(ENVIRONMENT.read_text())


@pytest.fixture(scope="module")
def database():
    """The URL of `python -m local.sam_local`."""
    command = [sys.executable, "-m", "local.sam_local", "0"]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().split()[0]
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="module")
def host(variables, database, tmp_path_factory):
    merged = {name: value for function in variables.values() for name, value in function.items()}
    own = merged | {"ANTIPHON_AWS_ENDPOINT_URL": database}
    with Host(layout(), template(), database, log=tmp_path_factory.mktemp("logs"), environ=own) as host:
        yield host


def event(name):
    return json.loads((ROOT / f"events/{name}.rest.json").read_text())


def test_the_variables_are_those_of_the_template_for_sam_passes_over_all_others(variables):
    functions = template().functions
    assert set(variables) == set(functions)
    for name, function in functions.items():
        assert set(variables[name]) == set(function["Environment"]["Variables"]) - LAMBDAS_OWN


def test_the_functions_share_their_variables_values(variables):
    values = {(name, value) for function in variables.values() for name, value in function.items()}
    assert len({name for name, _ in values}) == len(values)


@pytest.mark.parametrize(("function", "name", "status"), EVENTS)
def test_a_sample_event_is_answered_as_it_stands(host, function, name, status):
    answer = host.invoke(function, event(name)).ended()
    assert (answer.document or answer.prelude)["statusCode"] == status


@pytest.mark.parametrize("name", ["run-response", "sweep"])
def test_the_workers_sample_events_are_taken(host, name):
    sample = json.loads((ROOT / f"events/{name}.json").read_text())
    assert host.invoke("RunResponse", sample).ended().document == {}


def test_the_sample_events_stream_counting_and_compaction_are_answered(host):
    assert_stream(host.invoke("CreateResponse", event("create-response")).ended().body)
    assert chunks_of(host.invoke("CreateResponse", event("chat-completions")).ended().body)[-1]["usage"]
    counted = host.invoke("CreateResponse", event("count-input-tokens")).ended()
    assert json.loads(counted.body)["object"] == "response.input_tokens"
    made = host.invoke("CreateResponse", event("create-conversation")).ended()
    assert json.loads(made.body)["object"] == "conversation"
    missing = [host.invoke("CreateResponse", event(name)).ended() for name in ("update-conversation", "add-items")]
    assert [json.loads(answer.body)["error"]["code"] for answer in missing] == ["conversation_not_found"] * 2


def test_every_rest_event_is_tried_here():
    named = {name for _, name, _ in EVENTS} | {"create-response", "chat-completions", "count-input-tokens"}
    named |= {"create-conversation", "update-conversation", "add-items"}
    there = {path.name.removesuffix(".rest.json") for path in (ROOT / "events").glob("*.rest.json")}
    assert there - named == {"compact", "list-response-models"}, "the one needs seal keys, the other is list-models"


def configured():
    return tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]


@pytest.mark.parametrize("verb", ["local_invoke", "local_start_api"])
def test_sam_local_is_configured_with_the_variables_and_the_way_to_this_machine(variables, verb):
    given = configured()[verb]["parameters"]
    assert ROOT / given["env_vars"] == ENVIRONMENT
    [host] = given["add_host"]
    for function in variables.values():
        assert function["ANTIPHON_AWS_ENDPOINT_URL"].startswith(f"http://{host.partition(':')[0]}:")


@pytest.mark.sam
def test_sam_knows_every_option_of_samconfig():
    if not os.environ.get("CI") and not SAM.exists():
        pytest.skip("needs the SAM CLI: `make install-sam`")
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    asked = {
        (verb, option)
        for env in ("default", "prod")
        for verb, block in config[env].items()
        for option in block["parameters"]
    }
    for verb in {verb for verb, _ in asked} - {"global"}:
        words = verb.replace("local_start_api", "local start-api").replace("local_invoke", "local invoke").split()
        text = subprocess.run([SAM, *words, "--help"], capture_output=True, text=True, check=True).stdout
        for option in {option for other, option in asked if other == verb}:
            assert f"--{option.replace('_', '-')}" in text
