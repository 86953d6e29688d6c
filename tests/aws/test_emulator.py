"""Every function under AWS's own Runtime Interface Emulator, which comes with the SAM CLI: it has the real protocol.

It buffers, so it proves the protocol and not the increments.
"""

import contextlib
import json
import os
import platform
import subprocess
import time

import httpx2
import pytest

from antiphon.awslambda import http
from local.lambda_host.environment import Function
from local.lambda_host.host import Host
from local.lambda_host.layers import ROOT
from tests.support.hosted import AGENT, AWS, layout, template
from tests.support.ports import free_port
from tests.support.runtime_api import PATIENCE
from tests.support.streams import assert_stream

MACHINE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
pytestmark = pytest.mark.sam


@pytest.fixture(scope="module")
def emulator():
    found = list((ROOT / ".venv-sam").glob(f"lib/*/site-packages/samcli/local/rapid/aws-lambda-rie-{MACHINE}"))
    if not os.environ.get("CI") and not found:
        pytest.skip("needs the SAM CLI: `make check` installs it")
    return found[0]


@pytest.fixture(scope="module")
def functions(stored, tmp_path_factory):
    host = Host(layout(), template(), stored.url, log=tmp_path_factory.mktemp("logs"), environ=AWS)
    with host:
        yield {name: pool.function for name, pool in host.pools.items()}


@contextlib.contextmanager
def emulated(emulator, function: Function, log):
    """Run a function under the emulator. Yield what invokes it."""
    front, runtime = free_port(), free_port()
    command = [emulator, "--runtime-interface-emulator-address", f"127.0.0.1:{front}"]
    command += ["--runtime-api-address", f"127.0.0.1:{runtime}", *function.command()]
    environ = function.variables(f"127.0.0.1:{runtime}") | {"AWS_LAMBDA_FUNCTION_TIMEOUT": "30"}
    url = f"http://127.0.0.1:{front}/2015-03-31/functions/function/invocations"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=function.task, env=environ, stdout=output, stderr=output)
        try:
            yield lambda event: post(url, event, process)
        finally:
            process.kill()
            process.wait(PATIENCE)


def post(url, event, process):
    """Invoke; the emulator needs a moment until it listens."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return httpx2.post(url, json=event, timeout=PATIENCE, trust_env=False).content
        except httpx2.ConnectError:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)


def sample(name, form, key, **changes):
    event = json.loads((ROOT / f"events/{name}.{form}.json").read_text()) | changes
    event["headers"] = {n: f"Bearer {key}" if n.lower() == "authorization" else v for n, v in event["headers"].items()}
    if form == "rest":
        event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
    return event


@pytest.mark.parametrize("form", ["rest", "url"])
def test_the_create_function_streams_under_awss_emulator(emulator, functions, stored, tmp_path, form):
    body = json.dumps({"model": AGENT, "input": "Hi", "stream": True})
    with emulated(emulator, functions["CreateResponse"], tmp_path / "log") as invoke:
        answer = invoke(sample("create-response", form, stored.ada, body=body))
    head, end, stream = answer.partition(b"\0" * 8)
    assert (json.loads(head)["statusCode"], end) == (200, b"\0" * 8)
    assert_stream(stream)


def test_the_get_function_answers_under_awss_emulator(emulator, functions, stored, tmp_path):
    with emulated(emulator, functions["GetResponse"], tmp_path / "log") as invoke:
        head, _, body = invoke(sample("get-response", "rest", stored.ada)).partition(b"\0" * 8)
    assert (json.loads(head)["statusCode"], json.loads(body)["error"]["code"]) == (404, "response_not_found")


def test_a_buffered_function_answers_under_awss_emulator(emulator, functions, stored, tmp_path):
    with emulated(emulator, functions["ListModels"], tmp_path / "log") as invoke:
        answer = json.loads(invoke(sample("list-models", "rest", stored.ada)))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])


@pytest.mark.parametrize("name", ["run-response", "sweep"])
def test_the_worker_takes_its_events_under_awss_emulator(emulator, functions, tmp_path, name):
    with emulated(emulator, functions["RunResponse"], tmp_path / "log") as invoke:
        assert json.loads(invoke(json.loads((ROOT / f"events/{name}.json").read_text()))) == {}


@pytest.mark.parametrize("name", ["CreateResponse", "GetResponse", "RunResponse", "ListModels"])
def test_what_is_no_request_is_answered_and_is_no_error(emulator, functions, tmp_path, name):
    with emulated(emulator, functions[name], tmp_path / "log") as invoke:
        assert json.loads(invoke({"source": "aws.events", "detail-type": "Scheduled Event"})) == http.IGNORED
