"""The local host keeps Lambda's promises: time-outs, memory, cold starts, environments, and the events' forms."""

import json
import os
import signal
import threading
from urllib.parse import urlencode

import httpx2
import pytest

from local.lambda_host.environment import resident
from local.lambda_host.events import HttpRequest, rest_event, url_event
from local.lambda_host.layers import ROOT
from local.lambda_host.template import read_template
from tests.support.hosted import AGENT, UPSTREAM, hosted, layout, template
from tests.support.streams import assert_stream
from tests.support.upstream import Gate, Script, finish, text, usage


def ask(host, key, model=AGENT, **fields):
    body = {"model": model, "input": "Hi", "stream": True, **fields}
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.stream(
        "POST", f"{host.rest.root}/v1/responses", json=body, headers=headers, timeout=30, trust_env=False
    )


def gated(upstream):
    gate = Gate()
    upstream.requests.clear()
    upstream.scripts = [Script.stream(text("Hel"), gate, text("lo"), finish(), usage(3, 2))]
    return gate


def until(answer, mark):
    """Read a stream until a mark has come. Return what has come and the rest."""
    pieces, seen = answer.iter_raw(), b""
    while mark not in seen:
        seen += next(pieces)
    return seen, pieces


def test_a_busy_environment_is_left_alone_and_a_free_one_used_again(host, stored, upstream):
    pool = host.pools["CreateResponse"]
    pool.kill()
    gate = gated(upstream)
    with ask(host, stored.bob, UPSTREAM) as one, ask(host, stored.bob, UPSTREAM) as other:
        streams = [until(answer, b'"delta":"Hel"') for answer in (one, other)]
        assert len({environment.pid for environment in pool.environments}) == 2
        gate.open()
        for seen, rest in streams:
            assert_stream(seen + b"".join(rest))
    with ask(host, stored.ada) as again:
        assert_stream(again.read())
    assert len(pool.environments) == 2


def test_a_killed_environment_is_followed_by_a_cold_start(host, stored):
    pool = host.pools["CreateResponse"]
    with ask(host, stored.ada) as answer:
        answer.read()
    before = {environment.pid for environment in pool.environments}
    pool.kill()
    with ask(host, stored.ada) as answer:
        assert_stream(answer.read())
    assert not before & {environment.pid for environment in pool.environments}


def test_a_function_over_its_time_is_killed_and_its_stream_has_no_end(stored, upstream, tmp_path):
    gate = gated(upstream)
    with hosted(stored.url, tmp_path, upstream, seconds=7.0) as host:
        with ask(host, stored.bob, UPSTREAM) as answer:
            _, rest = until(answer, b'"delta":"Hel"')
            os.kill(
                host.pools["CreateResponse"].environments[0].pid, signal.SIGSTOP
            )  # it hangs: nothing ends it but us
            with pytest.raises(httpx2.RemoteProtocolError):
                b"".join(rest)
        gate.open()
    assert "timed out after 7 s" in (tmp_path / "CreateResponse.log").read_text()


def test_a_function_over_its_memory_is_killed_and_the_front_door_says_so(stored, tmp_path):
    with hosted(stored.url, tmp_path, megabytes=16) as host:
        answer = httpx2.get(f"{host.rest.root}/healthz", timeout=30, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "internal_error")
    assert "out of memory" in (tmp_path / "ListModels.log").read_text()


def test_code_and_layers_cannot_be_written(host):
    for folder in (layout().opt, layout().task("functions/list_models")):
        assert not any(path.stat().st_mode & 0o222 for path in folder.rglob("*"))


def test_sixty_four_streams_run_at_once_in_one_process_of_100_megabytes(stored, upstream, tmp_path):
    gate = gated(upstream)
    streams = 64
    with hosted(stored.url, tmp_path, upstream, concurrency=streams) as host:
        pool = host.pools["CreateResponse"]
        bodies, begun = [], threading.Barrier(streams + 1)

        def one():
            with ask(host, stored.bob, UPSTREAM) as answer:
                seen, rest = until(answer, b'"delta":"Hel"')
                begun.wait(60)
                bodies.append(seen + b"".join(rest))

        threads = [threading.Thread(target=one) for _ in range(streams)]
        for thread in threads:
            thread.start()
        begun.wait(60)
        [environment] = pool.environments
        held = resident(environment.pid)
        gate.open()
        for thread in threads:
            thread.join(60)
        peak = environment.peak
    for body in bodies:
        assert_stream(body)
    assert len(bodies) == streams
    assert max(held, peak) < 100, f"{held:.0f} MB with all streams open, {peak:.0f} at most"


SAMPLES = ["create-response", "get-response", "list-models", "docs", "unknown-path"]


@pytest.mark.parametrize("name", SAMPLES)
def test_an_event_of_the_rest_api_has_the_samples_form(name):
    sample = json.loads((ROOT / f"events/{name}.rest.json").read_text())
    headers = tuple((name, value) for name, values in sample["multiValueHeaders"].items() for value in values)
    body = (sample["body"] or "").encode()
    query = urlencode(sample["multiValueQueryStringParameters"] or {}, doseq=True)
    target = f"{sample['path']}?{query}" if query else sample["path"]
    request = HttpRequest(sample["httpMethod"], target, headers, body, "203.0.113.7")
    made = rest_event(request, stage="dev", resource=sample["resource"], parameters=sample["pathParameters"] or {})
    alike = set(sample) - {"requestContext"}
    assert {key: made[key] for key in alike} == {key: sample[key] for key in alike}
    assert set(made["requestContext"]) <= set(sample["requestContext"])


@pytest.mark.parametrize("name", SAMPLES)
def test_an_event_of_the_function_url_has_the_samples_form(name):
    sample = json.loads((ROOT / f"events/{name}.url.json").read_text())
    http = sample["requestContext"]["http"]
    body = (sample.get("body") or "").encode()
    target = sample["rawPath"] + ("?" + sample["rawQueryString"] if sample["rawQueryString"] else "")
    made = url_event(HttpRequest(http["method"], target, tuple(sample["headers"].items()), body, "203.0.113.7"))
    alike = set(sample) - {"requestContext", "body"}
    assert {key: made[key] for key in alike} == {key: sample[key] for key in alike}
    assert made["requestContext"]["http"] == http


def test_the_templates_references_become_what_they_stand_for_on_this_machine():
    given = read_template(ROOT / "template.yaml", OpenAiSecretArn="arn:aws:secretsmanager:x")
    without, with_openai = (
        json.loads(read.functions["CreateResponse"]["Environment"]["Variables"]["ANTIPHON_PROVIDERS"])
        for read in (template(), given)
    )
    assert "openai" not in without
    assert with_openai["openai"]["api_key_secret"] == "arn:aws:secretsmanager:x"


def test_every_route_of_the_template_goes_to_its_function():
    routes = {(route.method, route.path): route.function for route in template().routes}
    assert routes["POST", "/v1/responses"] == "CreateResponse"
    assert routes["GET", "/v1/responses/{id}"] == "GetResponse"
    assert routes["ANY", "/{proxy+}"] == "ListModels"
    assert template().urls == ("CreateResponse",)
