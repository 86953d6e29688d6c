"""Through the real functions: the process is killed at every event, or at the limit of its time."""

import contextlib
import json
import time
from dataclasses import replace

import httpx2
import pytest

from antiphon.bootstrap import build_services, build_stores
from antiphon.providers.configured import Providers
from antiphon.records import Owner
from antiphon.run.lost import settled
from antiphon.settings import Settings
from local.lambda_host.environment import Environment
from local.lambda_host.layers import ROOT
from tests.support.hosted import UPSTREAM, hosted
from tests.support.silent import silenceable
from tests.support.streams import assert_stream
from tests.support.upstream import Gate, Script, Upstream, finish, text, tool_call, usage

TOOLS = [
    {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}, "strict": False}
    for name in ("one", "two")
]
SAID = [
    text("Look."),
    tool_call(0, "call_a", "one", "{}"),
    tool_call(1, "call_b", "two", "{}"),
    finish("tool_calls"),
    usage(3, 2),
]
DONE = "response.output_item.done"


@pytest.fixture(scope="module")
def host(stored, tmp_path_factory):
    with (
        Upstream([Script.stream(*SAID)]) as upstream,
        hosted(stored.url, tmp_path_factory.mktemp("logs"), upstream) as host,
    ):
        yield host


def asking(key):
    event = json.loads((ROOT / "events/create-response.rest.json").read_text())
    event["multiValueHeaders"]["Authorization"] = [f"Bearer {key}"]
    body = {"model": UPSTREAM, "input": "Hi", "stream": True, "tools": TOOLS}
    return event | {"body": json.dumps(body)}


def events_of(body):
    """Return the events that have come whole."""
    lines = [line for frame in body.split(b"\n\n")[:-1] for line in frame.split(b"\n")]
    return [json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: {")]


def run(function, key, log):
    """Run a request in a process of its own. Return the answer, however it ended."""
    environment = Environment(function, log)
    answer = environment.invoke(asking(key)).ended()
    environment.kill()
    return answer


def dying(host, after):
    """Return the create function as one that is killed after so many frames."""
    function = host.pools["CreateResponse"].function
    path = [function.task, function.opt / "python", function.runtime, ROOT]
    environ = {**function.environ, "DIE_AFTER": str(after), "PYTHONPATH": ":".join(map(str, path))}
    return replace(function, handler="tests.support.dying_app.handler", environ=environ)


def read(host, key, response_id):
    url = f"{host.rest.root}/v1/responses/{response_id}"
    answer = httpx2.get(url, headers={"authorization": f"Bearer {key}"}, timeout=30, trust_env=False)
    assert answer.status_code == 200
    return answer.json()


async def read_after_the_lease(url, response_id):
    settings = Settings(core_table="CoreTable", responses_table="ResponsesTable", aws_endpoint_url=url)
    stores = build_stores(settings)
    services = replace(build_services(settings, stores, Providers({}, {})), clock=lambda: time.time() + 1000)
    found = await stores.responses.get(Owner("default", "bob"), response_id, services.clock())
    lost = await settled(services, found)
    await stores.aclose()
    return lost.response


async def test_killed_at_any_event_every_item_that_was_done_is_readable_and_only_what_is_stored_is_completed(
    host, stored, tmp_path
):
    log = tmp_path / "log"
    whole = events_of(run(host.pools["CreateResponse"].function, stored.bob, log).body)
    assert [event["item"]["type"] for event in whole if event["type"] == DONE] == ["message", *2 * ["function_call"]]
    for count in range(1, len(whole) + 1):
        answer = run(dying(host, count), stored.bob, log)
        sent = events_of(answer.body)
        assert (answer.state, [e["type"] for e in sent]) == ("cut", [e["type"] for e in whole[:count]])
        found = read(host, stored.bob, sent[0]["response"]["id"])
        done = [event["item"] for event in sent if event["type"] == DONE]
        assert found["output"][: len(done)] == done
        if found["status"] == "in_progress":
            assert count < len(whole)
            lost = await read_after_the_lease(stored.url, found["id"])
            assert (lost["status"], lost["error"]["code"]) == ("failed", "worker_lost")
            assert lost["output"][: len(done)] == done
            assert {item["status"] for item in lost["output"][len(done) :]} <= {"incomplete"}
        else:
            assert found["status"] == "completed"
            assert len(found["output"]) == 3


@pytest.mark.parametrize(
    ("before", "status", "items"),
    [
        ([], "failed", []),
        ([text("Hel")], "incomplete", ["incomplete"]),
        ([text("Look."), tool_call(0, "call_a", "one", '{"half')], "incomplete", ["completed", "incomplete"]),
    ],
    ids=["before the first token", "in a message", "in a tool call"],
)
def test_the_ending_is_stored_and_sent_before_the_function_is_killed_at_its_limit(
    stored, tmp_path, before, status, items
):
    gate = Gate()
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(Upstream([Script.stream(*before, gate)]))
        host = stack.enter_context(hosted(stored.url, tmp_path, upstream, seconds=7.0))
        stack.callback(gate.open)
        environment = Environment(host.pools["CreateResponse"].function, tmp_path / "log")
        answer = environment.invoke(asking(stored.bob)).ended()
        left = answer.deadline - time.time()
        environment.kill()
        ending = assert_stream(answer.body)[-1]["response"]
        assert answer.state == "complete"
        assert left > 2, f"{left:.2f} s before the limit"
        assert (ending["status"], [item["status"] for item in ending["output"]]) == (status, items)
        assert read(host, stored.bob, ending["id"]) == ending


async def test_where_dynamodb_falls_silent_the_stream_still_ends_before_the_limit_and_never_as_completed(
    stored, tmp_path
):
    gate = Gate()
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(Upstream([Script.stream(text("Hel"), gate, text("lo"), finish(), usage(3, 2))]))
        database = stack.enter_context(silenceable(stored.url))
        host = stack.enter_context(hosted(database.url, tmp_path, upstream, seconds=9.0))
        stack.callback(gate.open)
        environment = Environment(host.pools["CreateResponse"].function, tmp_path / "log")
        answer = environment.invoke(asking(stored.bob))
        answer.wait(lambda: b'"delta":"Hel"' in answer.body)
        database.silent.set()
        gate.open()
        answer.ended()
        left = answer.deadline - time.time()
        environment.kill()
    ending = assert_stream(answer.body)[-1]["response"]
    assert answer.state == "complete"
    assert left > 1, f"{left:.2f} s before the limit"
    assert (ending["status"], ending["error"]["code"]) == ("failed", "storage_unavailable")
    assert (await read_after_the_lease(stored.url, ending["id"]))["error"]["code"] == "worker_lost"


def test_the_same_event_handed_in_twice_calls_the_model_once(stored, tmp_path):
    gate = Gate()
    said = Script.stream(text("Hel"), gate, text("lo"), finish(), usage(3, 2))
    with Upstream([said, said, said]) as upstream, hosted(stored.url, tmp_path, upstream) as host:
        event = asking(stored.bob)
        event["multiValueHeaders"]["Idempotency-Key"] = ["handed-in-twice"]
        first = host.invoke("CreateResponse", event)
        first.wait(lambda: b'"delta":"Hel"' in first.body)
        second = host.invoke("CreateResponse", event).ended()
        gate.open()
        ending = assert_stream(first.ended().body)[-1]
        third = host.invoke("CreateResponse", event).ended()
        calls = len(upstream.requests)
    assert (second.prelude["statusCode"], json.loads(second.body)["error"]["code"]) == (409, "idempotency_in_progress")
    assert ending["type"] == "response.completed"
    assert assert_stream(third.body)[-1]["response"] == ending["response"]
    assert calls == 1
