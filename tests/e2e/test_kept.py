"""Background responses that a Responses endpoint keeps: the next worker goes on where the last one had to end."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.records import Fallback
from antiphon.run.worker import perform
from antiphon.settings import ProviderEndpoint
from tests.support.durable import ADA, FAR, PLAIN, Open, Reader, ended, follow
from tests.support.kept import WORDS, kept, kept_call
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.streams import assert_stream, sent_events
from tests.support.upstream import CUT, Gate, Script, Upstream, text


@pytest.fixture
def keeping(opened: Open, upstream: Upstream) -> Open:
    """Open one more process whose agent ``keeper`` has an endpoint that keeps responses."""
    provider = ProviderEndpoint(kind="openai_responses", base_url=upstream.base_url, background=True)

    def open_service(**settings: Any) -> Service:
        service = opened(**{"lease_seconds": 1.0, "providers": {"keeps": provider}, **settings})
        service.agent("keeper", provider="keeps")
        return service

    return open_service


def asked(upstream: Upstream) -> list[tuple[str, str]]:
    return [(request.method, request.path.removeprefix("/v1")) for request in upstream.requests]


def begun(service: Service, key: str, said: Any, **fields: Any) -> tuple[str, Reader]:
    """Create a response in the background, and wait for its third word; return its id and a reader of its stream."""
    queued = service.create(key, model="keeper", input=said, background=True, **fields)
    reader = Reader(service, key, queued["id"])
    reader.until(b"word2")
    return queued["id"], reader


def taken_over(service: Service, other: Service, key: str, said: Any, **fields: Any) -> tuple[str, Reader]:
    """Create a response whose worker counts as lost in the middle of its answer; another process takes it over."""
    response, reader = begun(service, key, said, **fields)
    other.clock.ahead = FAR
    other.run(perform(other.services, ADA, response, other.clock() + 30))
    other.clock.ahead = 0.0
    return response, reader


def test_a_worker_that_is_lost_in_the_middle_of_an_answer_is_followed_by_one_that_goes_on(
    keeping: Open, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.scripts = [kept(gate, words=3, ends=False), kept(), Script([b"{}"])]
    service, other = keeping(), keeping()
    key = service.key()
    response, reader = taken_over(service, other, key, "Hi")
    gate.open()
    done = ended(service, key, response)
    assert done["output"][0]["content"][0]["text"] == "".join(WORDS)
    assert done["usage"]["output_tokens"] == len(WORDS)
    assert reader.events == assert_stream(follow(other, key, response).content)
    first = upstream.requests[0].body
    assert (first["background"], first["store"]) == (True, True)
    assert asked(upstream)[:4] == [
        ("POST", "/responses"),
        ("GET", "/responses/resp_up?stream=true"),
        ("POST", "/responses/resp_up/cancel"),
        ("DELETE", "/responses/resp_up"),
    ]


def test_a_run_takes_more_than_sixteen_workers_whose_time_is_up(keeping: Open, upstream: Upstream) -> None:
    workers = 18
    upstream.scripts = [*(kept(Gate(), words=2 * number, ends=False) for number in range(1, workers)), kept()]
    service = keeping(run_seconds=0.8, reserve_seconds=0.2)
    key = service.key()
    queued = service.create(key, model="keeper", input="Hi", background=True)
    reader = Reader(service, key, queued["id"])
    done = ended(service, key, queued["id"])
    assert (done["status"], done["output"][0]["content"][0]["text"]) == ("completed", "".join(WORDS))
    read = [request for request in upstream.requests if request.path.endswith("?stream=true")]
    assert len(read) == workers - 1
    assert reader.events == assert_stream(follow(service, key, queued["id"]).content)


def test_a_stream_that_breaks_is_read_again(keeping: Open, upstream: Upstream) -> None:
    upstream.scripts = [kept(CUT, words=3, ends=False), kept(), Script([b"{}"])]
    service = keeping()
    key = service.key()
    live = service.stream(key, model="keeper", input="Hi", background=True, stream_options=PLAIN)
    assert live[-1]["response"]["output"][0]["content"][0]["text"] == "".join(WORDS)


def test_a_stream_that_always_breaks_fails_in_the_end(keeping: Open, upstream: Upstream) -> None:
    upstream.scripts = [kept(CUT, words=3, ends=False)]
    service = keeping()
    key = service.key()
    live = service.stream(key, model="keeper", input="Hi", background=True, stream_options=PLAIN)
    assert live[-1]["type"] == "response.failed"


@pytest.mark.parametrize("at_once", [False, True], ids=["in_pieces", "at_once"])
def test_a_kept_stream_that_differs_from_what_was_said_ends_the_response(
    keeping: Open, upstream: Upstream, *, at_once: bool
) -> None:
    """Of what arrives at once everything is read before the worker that finds the difference waits again."""
    steps = kept().steps
    different = [step.replace(b"word1 ", b"WORD1 ") if isinstance(step, bytes) else step for step in steps]
    different = [b"".join(different)] if at_once else different
    upstream.scripts = [kept(Gate(), words=3, ends=False), Script(different), Script([b"{}"])]
    service, other = keeping(), keeping()
    key = service.key()
    response, reader = taken_over(service, other, key, "Hi")
    lost = ended(service, key, response)
    assert (lost["status"], lost["error"]["code"]) == ("failed", "worker_lost")
    assert lost["output"][0]["content"][0]["text"] == "word0 word1 word2 "
    assert reader.events == assert_stream(follow(service, key, response).content)


def test_a_cancelled_response_is_stopped_at_the_endpoint_too(keeping: Open, upstream: Upstream) -> None:
    upstream.scripts = [kept(Gate(), words=3, ends=False), Script([b"{}"])]
    service = keeping()
    key = service.key()
    response, reader = begun(service, key, "Hi")
    reply = service.client.post(f"/v1/responses/{response}/cancel", headers={"authorization": f"Bearer {key}"})
    assert reply.json()["status"] == "cancelled"
    assert reader.events[-1]["type"] == "response.incomplete"
    assert ("POST", "/responses/resp_up/cancel") in asked(upstream)


def test_a_foreground_response_is_not_kept(keeping: Open, upstream: Upstream) -> None:
    upstream.scripts = [kept()]
    service = keeping()
    service.create(service.key(), model="keeper", input="Hi")
    assert "background" not in upstream.requests[0].body
    assert len(upstream.requests) == 1


def test_a_shutdown_hands_a_kept_response_to_the_next_process(keeping: Open, upstream: Upstream) -> None:
    upstream.scripts = [kept(Gate(), words=3, ends=False), kept(), Script([b"{}"])]
    service, other = keeping(), keeping()
    key = service.key()
    response, seen = begun(service, key, "Hi")
    service.settle(0.1)
    first = seen.events
    rest = sent_events(follow(other, key, response, f"&starting_after={first[-1]['sequence_number']}").content)
    assert first + rest == assert_stream(follow(other, key, response).content)
    assert rest[-1]["type"] == "response.completed"


def test_a_worker_that_goes_on_sends_the_compaction_of_the_one_before(keeping: Open, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [kept(gate, words=3, ends=False), kept(), Script([b"{}"])]
    service, other = keeping(), keeping()
    key = service.key()
    long = {"role": "assistant", "content": "It rained for a long while, and then it rained again. " * 150}
    history = [{"role": "user", "content": "Hello"}, long, {"role": "user", "content": "Hi"}]
    managed = [{"type": "compaction", "compact_threshold": 1000}]
    response, reader = taken_over(service, other, key, history, context_management=managed)
    gate.open()
    done = ended(service, key, response)
    assert [item["type"] for item in done["output"]] == ["compaction", "message"]
    assert done["output"][1]["content"][0]["text"] == "".join(WORDS)
    assert reader.events == assert_stream(follow(other, key, response).content)


def test_what_is_kept_of_each_model_turn_is_forgotten_at_the_end(keeping: Open, upstream: Upstream) -> None:
    upstream.scripts = [kept_call("crm__find"), kept(), Script([b"{}"])]
    service = keeping(runner=Tools(find=says("Ada")))
    service.agent("keeper", provider="keeps", servers=(server("find"),))
    key = service.key()
    done = ended(service, key, service.create(key, model="keeper", input="Who?", background=True)["id"])
    assert [item["type"] for item in done["output"]] == ["mcp_call", "message"]
    service.settle(5)
    forgotten = {path for method, path in asked(upstream) if method == "DELETE"}
    assert forgotten == {"/responses/resp_call", "/responses/resp_up"}


def test_what_a_lost_worker_left_of_an_earlier_model_turn_is_forgotten_too(keeping: Open, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [kept_call("crm__find"), kept(gate, words=3, ends=False), kept(), Script([b"{}"])]
    service, other = keeping(runner=Tools(find=says("Ada"))), keeping(runner=Tools(find=says("Ada")))
    service.agent("keeper", provider="keeps", servers=(server("find"),))
    key = service.key()
    _, reader = taken_over(service, other, key, "Who?")
    gate.open()
    assert reader.events[-1]["type"] == "response.completed"
    forgotten = {path for method, path in asked(upstream) if method == "DELETE"}
    assert forgotten == {"/responses/resp_call", "/responses/resp_up"}


def test_a_turn_that_was_kept_before_does_not_decide_that_the_next_worker_goes_on(
    keeping: Open, upstream: Upstream
) -> None:
    """The second model turn is answered by a fallback that keeps nothing: at the deadline, what it said stands."""
    upstream.scripts = [kept_call("crm__find"), Script.error(404), Script.stream(text("It is "), Gate())]
    service = keeping(runner=Tools(find=says("Ada")), run_seconds=4.0)
    service.agent("keeper", provider="keeps", servers=(server("find"),), fallbacks=(Fallback("up", "m"),))
    key = service.key()
    done = ended(service, key, service.create(key, model="keeper", input="Who?", background=True)["id"])
    assert (done["status"], done["incomplete_details"]) == ("incomplete", {"reason": "deadline"})
    assert done["output"][-1]["content"][0]["text"] == "It is "


def test_a_worker_that_was_taken_for_lost_leaves_what_is_kept_to_the_one_that_goes_on(
    keeping: Open, upstream: Upstream
) -> None:
    first, second = Gate(), Gate()
    upstream.scripts = [kept(first, words=3), kept(second), Script([b"{}"])]
    service, other = keeping(), keeping()
    key = service.key()
    response, reader = begun(service, key, "Hi")
    other.clock.ahead = FAR
    other.retrieve(key, response)
    assert second.reached.wait(10)
    first.open()
    service.settle(5)
    assert ("POST", "/responses/resp_up/cancel") not in asked(upstream)
    second.open()
    assert ended(other, key, response)["status"] == "completed"
    whole = sent_events(follow(other, key, response).content)
    assert reader.events == whole[: len(reader.events)], "the shutdown has ended this reader's stream"
