"""Roll-ups: every way in which a response ends is counted once, with what its models used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from antiphon.ports import Dimension, Subject
from antiphon.records import AgentCompaction, Fallback
from antiphon.run.tally import day_of
from antiphon.run.worker import perform
from antiphon.settings import ProviderEndpoint
from tests.support.caller import TENANT
from tests.support.durable import ADA, FAR, Open, Reader, ended, held, queue, until, watch
from tests.support.kept import WORDS, kept
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, tool_call, usage
from tests.support.websocket import Socket

PLAIN = {"requests": 1, "input_tokens": 3, "output_tokens": 2, "unpriced_tokens": 5}
PRICES = {
    "prices": [
        {"model": ["m"], "input": 2, "output": 10, "cached_input": 1, "source": "a test", "date": "2026-11-29"},
    ]
}


@pytest.fixture
def service(opened: Open, upstream: Upstream) -> Service:
    upstream.scripts = [answer("Good day")]
    return opened()


def key_id(service: Service) -> str:
    (key,) = service.run(service.keys.list(TENANT))
    return str(key.id)


def used(service: Service, kind: Dimension = "user", subject: str = "ada") -> dict[str, int]:
    """Return what a subject used today, once every run has ended."""
    service.settle(5)
    today = day_of(service.clock())
    days = service.run(service.usage.of(Subject(TENANT, kind, subject), today, today))
    return dict(days[0].counters) if days else {}


def cancel(service: Service, key: str, response_id: str) -> None:
    headers = {"authorization": f"Bearer {key}"}
    assert service.client.post(f"/v1/responses/{response_id}/cancel", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [{}, {"stream": True}, {"store": False}, {"store": False, "stream": True}, {"background": True}],
    ids=str,
)
def test_a_response_is_counted_for_its_user_key_agent_and_model(
    service: Service, key: str, fields: dict[str, Any]
) -> None:
    made = service.post(key, model="agent", input="Hi", **fields)
    assert made.status_code == 200
    if fields.get("background"):
        ended(service, key, made.json()["id"])
    assert used(service) == PLAIN
    assert used(service, "key", key_id(service)) == PLAIN
    assert used(service, "agent", "agent") == PLAIN
    assert used(service, "model", "up/m") == PLAIN


def test_chat_completions_and_websockets_count_the_same(service: Service, key: str) -> None:
    headers = {"authorization": f"Bearer {key}"}
    body = {"model": "agent", "messages": [{"role": "user", "content": "Hi"}]}
    assert service.client.post("/v1/chat/completions", json=body, headers=headers).status_code == 200
    with Socket(service.root, key) as socket:
        socket.send(input="Hi")
        while socket.receive()["type"] != "response.completed":
            pass
    assert used(service) == {name: 2 * amount for name, amount in PLAIN.items()}


def test_a_warm_up_is_a_request_without_tokens(service: Service, key: str) -> None:
    with Socket(service.root, key) as socket:
        socket.send(input="Hi", generate=False)
        while socket.receive()["type"] != "response.completed":
            pass
    assert used(service) == {"requests": 1}


def test_what_is_refused_before_it_is_stored_is_not_counted(service: Service, key: str) -> None:
    assert service.post(key, model="nobodys", input="Hi").status_code == 404
    assert service.post(key, model="agent", input=[]).status_code == 400
    assert used(service) == {}


def test_a_refusal_of_the_provider_is_counted_by_its_code(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(400)]
    code = service.post(key, model="agent", input="Hi").json()["error"]["code"]
    counted = {"requests": 1, "failed": 1, f"error:{code}": 1}
    assert used(service) == used(service, "agent", "agent") == used(service, "model", "up/m") == counted


def test_a_response_that_is_cut_at_its_length_is_incomplete(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(text("Once"), finish("length"), usage(3, 2))]
    service.create(key, input="Hi")
    assert used(service) == {**PLAIN, "incomplete": 1}


def test_calls_of_tools_cached_tokens_and_reasoning_are_counted(service: Service, key: str, upstream: Upstream) -> None:
    counted = {
        "choices": [],
        "usage": {
            "prompt_tokens": 30,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 10},
            "completion_tokens_details": {"reasoning_tokens": 15},
        },
    }
    upstream.scripts = [Script.stream(tool_call(0, "call_1", "look", "{}"), finish("tool_calls"), counted)]
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
    service.create(key, input="Hi", tools=[tool])
    assert used(service) == {
        "requests": 1,
        "tool_calls": 1,
        "input_tokens": 30,
        "cached_tokens": 10,
        "output_tokens": 20,
        "reasoning_tokens": 15,
        "unpriced_tokens": 50,
    }


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_cancelled_run_is_counted_once_with_an_estimate(
    opened: Open, service: Service, key: str, upstream: Upstream, where: str
) -> None:
    other = opened()
    script, gate = held(text("Once upon a time"))
    upstream.scripts = [script]
    queued = service.create(key, input="Tell me a story, please", background=True)
    assert gate.reached.wait(10)
    cancel(service if where == "here" else other, key, queued["id"])
    gate.open()
    assert ended(service, key, queued["id"])["status"] == "cancelled"
    counted = used(service)
    assert (counted["requests"], counted["cancelled"]) == (1, 1)
    assert counted["input_tokens"] > 0
    assert counted["output_tokens"] > 0
    assert used(service, "model", "up/m") == counted


def test_a_response_that_was_cancelled_before_it_began_is_counted_once(service: Service, key: str) -> None:
    queued = queue(service, key)
    cancel(service, key, queued["id"])
    cancel(service, key, queued["id"])
    counted = {"requests": 1, "cancelled": 1}
    assert used(service) == used(service, "key", key_id(service)) == used(service, "model", "up/m") == counted


def test_an_invocation_that_comes_twice_counts_once(service: Service, key: str) -> None:
    queued = queue(service, key)
    for _ in range(2):
        service.run(perform(service.services, ADA, queued["id"], service.clock() + 30))
    assert used(service) == PLAIN


@pytest.mark.parametrize("notices", [True, False], ids=["before its model answers", "as its model answers"])
def test_a_run_that_another_worker_took_over_is_one_request_with_the_tokens_of_both(
    opened: Open, upstream: Upstream, caplog: pytest.LogCaptureFixture, notices: bool
) -> None:
    """Both models were asked, and the provider bills what both read."""
    first, other = opened(watch_seconds=0.05 if notices else 60, lease_seconds=60), opened()
    script, gate = held(after=(text("zombie"),))
    upstream.scripts = [script, answer("fresh")]
    queued = first.create(first.key(), input="Hi", background=True)
    assert gate.reached.wait(10)
    other.clock.ahead = FAR
    other.run(perform(other.services, ADA, queued["id"], other.clock() + 30))
    other.clock.ahead = 0.0
    if notices:
        until(lambda: "response taken over" in caplog.messages)
    gate.open()
    first.settle(5)
    assert used(first)["requests"] == 1
    of_the_first = used(first)["input_tokens"] - 3
    assert of_the_first in ({0} if notices else {3, 5}), "nothing, or what is reported, or what is estimated of a part"


def test_a_kept_stream_that_two_workers_read_is_counted_once(opened: Open, upstream: Upstream) -> None:
    provider = ProviderEndpoint(kind="openai_responses", base_url=upstream.base_url, background=True)
    first, other = (opened(lease_seconds=1.0, providers={"keeps": provider}) for _ in range(2))
    first.agent("keeper", provider="keeps")
    gate = Gate()
    upstream.scripts = [kept(gate, words=3), kept(), Script([b"{}"])]
    key = first.key()
    queued = first.create(key, model="keeper", input="Hi", background=True)
    reader = Reader(first, key, queued["id"])
    reader.until(b"word2")
    other.clock.ahead = FAR
    other.run(perform(other.services, ADA, queued["id"], other.clock() + 30))
    other.clock.ahead = 0.0
    gate.open()
    done = ended(first, key, queued["id"])
    assert reader.events[-1]["response"]["usage"] == done["usage"]
    assert done["usage"]["output_tokens"] == len(WORDS)
    counted = used(first)
    assert (counted["requests"], counted["output_tokens"]) == (1, len(WORDS))


@pytest.mark.parametrize("background", [True, False])
def test_a_lost_run_is_counted_by_whoever_ends_it(
    opened: Open, service: Service, key: str, upstream: Upstream, background: bool
) -> None:
    other = opened()
    script, gate = held(text("One "), after=(text("two"),))
    upstream.scripts = [script]
    with service.streaming(key, input="Hi", background=background) as stream:
        lines = stream.iter_lines()
        created = json.loads(next(line for line in lines if line.startswith("data: "))[6:])
        assert gate.reached.wait(10)
        next(line for line in lines if '"delta":"One ' in line)
        other.clock.ahead = FAR
        response_id = created["response"]["id"]
        if background:
            other.run(perform(other.services, ADA, response_id, other.clock() + 30))
        assert other.retrieve(other.key(), response_id)["error"]["code"] == "worker_lost"
        other.clock.ahead = 0.0
        gate.open()
        list(lines)
    counted = used(service)
    assert {name: counted[name] for name in ("requests", "failed", "error:worker_lost")} == {
        "requests": 1,
        "failed": 1,
        "error:worker_lost": 1,
    }


def test_an_ending_that_is_stored_late_is_counted_then(service: Service, key: str) -> None:
    service.responses.broken.add("commit")
    assert service.post(key, model="agent", input="Hi").status_code == 503
    assert not service.usage.calls["add"]
    stored = watch(service, "commit")
    service.responses.broken.clear()
    assert stored.wait(10)
    assert used(service) == {**PLAIN, "failed": 1, "error:storage_unavailable": 1}


def test_models_that_stand_in_and_write_summaries_have_their_own_tokens(
    service: Service, key: str, upstream: Upstream
) -> None:
    long = answer("The harbour master of Odessa is called Irina. " + "And we spoke of the weather for long. " * 150)
    upstream.scripts = [Script.error(401), answer("Good day"), long, answer("A summary"), answer("Good day")]
    service.agent("pair", fallbacks=(Fallback("plain", "n"),))
    service.create(key, model="pair", input="Hi")
    assert used(service, "model", "plain/n") == PLAIN
    assert used(service, "model", "up/m") == {}
    service.agent("brief", compaction=AgentCompaction(1000, "small"))
    first = service.create(key, model="brief", input="Hi")
    service.create(key, model="brief", input="On", previous_response_id=first["id"])
    assert used(service, "model", "up/small") == {name: PLAIN[name] for name in PLAIN if name != "requests"}
    assert used(service, "agent", "brief")["requests"] == 2
    assert used(service)["input_tokens"] == 4 * PLAIN["input_tokens"]


def test_a_store_that_does_not_count_takes_nothing_from_the_answer(service: Service, key: str) -> None:
    service.usage.broken.add("add")
    assert service.create(key, input="Hi")["status"] == "completed"


@pytest.mark.parametrize("shown", [True, False])
def test_money_is_counted_where_a_price_is_known_and_shown_on_request(
    tmp_path: Path, upstream: Upstream, shown: bool
) -> None:
    upstream.scripts = [answer("Good day")]
    with Service(tmp_path, upstream, prices=json.dumps(PRICES), show_cost=shown) as service:
        service.agent("other", model="unknown")
        key = service.key()
        response = service.create(key, input="Hi")
        assert "antiphon" not in service.create(key, model="other", input="Hi")["usage"]
        assert response["usage"].get("antiphon") == ({"usd": 0.000026} if shown else None)
        assert used(service, "model", "up/m")["nanousd"] == 26_000
        assert "nanousd" not in used(service, "model", "up/unknown")
        whole = used(service)
    assert (whole["nanousd"], whole["unpriced_tokens"]) == (26_000, 5)


def test_every_model_turn_of_a_response_with_tools_is_counted(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(tool_call(0, "call_a", "crm__find", "{}"), finish("tool_calls"), usage(10, 5)),
        answer("It is Ada.", prompt=30),
    ]
    with Service(tmp_path, upstream, runner=Tools(find=says("Ada"))) as service:
        service.agent("agent", servers=(server("find"),))
        response = service.create(service.key(), input="Who?")
        counted = used(service)
    assert counted["requests"] == counted["tool_calls"] == 1
    assert counted["input_tokens"] == response["usage"]["input_tokens"] == 40
    assert counted["output_tokens"] == response["usage"]["output_tokens"]
