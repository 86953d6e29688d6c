"""SnapStart's hooks in our runtime loop and in AWS's, against the strict Runtime API."""

import json
import random

import pytest

from local.lambda_host.environment import Environment
from local.lambda_host.layers import ROOT
from tests.support.hosted import AGENT, database, hosted, layout
from tests.support.runtime_api import PATIENCE, LocalRuntimeApi
from tests.support.streams import assert_stream

APP = "tests.support.snapshot_app.handler"
EVENT = json.loads((ROOT / "events/healthz.rest.json").read_text())
DRAWN = random.Random(1).random()
SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def api():
    with LocalRuntimeApi() as api:
        yield api


def snapped(**more):
    paths = [ROOT / "layers/antiphon", ROOT, layout().runtime]
    return SNAP_START | {"PYTHONPATH": ":".join(map(str, paths))} | more


def test_the_hooks_run_before_the_snapshot_and_after_the_restore(api, log):
    with api.function(APP, log=log, environ=snapped()):
        assert api.at_snapshot.wait(PATIENCE)
        assert not api.asked.is_set()
        api.restored.set()
        told = json.loads(api.invoke(EVENT).ended().body)
    assert told["ran"] == ["prepare", "renew"]


def test_randomness_is_not_the_snapshots(api, log):
    with api.function(APP, log=log, environ=snapped()):
        api.restored.set()
        assert json.loads(api.invoke(EVENT).ended().body)["drawn"] != DRAWN


def test_without_snapstart_there_is_no_hook_and_no_wait(api, log):
    with api.function(APP, log=log):
        told = json.loads(api.invoke(EVENT).ended().body)
    assert (told["ran"], told["drawn"]) == ([], DRAWN)
    assert not api.at_snapshot.is_set()


def test_a_hook_that_fails_before_the_snapshot_is_an_init_error(api, log):
    with api.function(APP, log=log, environ=snapped(FAIL="prepare")) as process:
        assert process.wait(PATIENCE) == 64
    assert (api.init_error["kind"], api.init_error["errorType"]) == ("Runtime.BeforeSnapshotError", "ValueError")
    assert not api.at_snapshot.is_set()
    assert "canary" not in log.read_text() + json.dumps(api.init_error)


def test_a_hook_that_fails_after_the_restore_is_a_restore_error(api, log):
    with api.function(APP, log=log, environ=snapped(FAIL="renew")) as process:
        api.restored.set()
        assert process.wait(PATIENCE) == 65
    assert (api.restore_error["kind"], api.restore_error["errorType"]) == ("Runtime.AfterRestoreError", "ValueError")
    assert api.init_error is None
    assert "canary" not in log.read_text() + json.dumps(api.restore_error)


@pytest.mark.parametrize("function", ["CreateResponse", "GetResponse", "ListModels"])
def test_each_function_answers_after_a_restore(tmp_path, function):
    events = {"CreateResponse": "create-response", "GetResponse": "get-response", "ListModels": "list-models"}
    with database() as stored, hosted(stored.url, tmp_path, environ=SNAP_START) as host:
        environment = Environment(host.pools[function].function, tmp_path / "log")
        assert environment.api.at_snapshot.wait(PATIENCE)
        environment.api.restored.set()
        event = json.loads((ROOT / f"events/{events[function]}.rest.json").read_text())
        event["multiValueHeaders"]["Authorization"] = [f"Bearer {stored.ada}"]
        event["headers"]["Authorization"] = f"Bearer {stored.ada}"
        event["body"] = event["body"] and json.dumps({"model": AGENT, "input": "Hi", "stream": True})
        answer = environment.invoke(event).ended()
        environment.kill()
    head = answer.document or answer.prelude
    assert head["statusCode"] == (404 if function == "GetResponse" else 200)
    if function == "CreateResponse":
        assert_stream(answer.body)


def test_the_worker_runs_after_a_restore(tmp_path):
    with database() as stored, hosted(stored.url, tmp_path, environ=SNAP_START) as host:
        environment = Environment(host.pools["RunResponse"].function, tmp_path / "log")
        assert environment.api.at_snapshot.wait(PATIENCE)
        environment.api.restored.set()
        answer = environment.invoke({"sweep": True}).ended()
        environment.kill()
    assert (answer.state, answer.document) == ("complete", {})
