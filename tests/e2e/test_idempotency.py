"""The same request again, over a real socket."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import Any

import httpx2
import openai
import pytest

from antiphon.errors import StorageUnavailable
from antiphon.records import Grant
from tests.support.caller import TENANT, refused
from tests.support.proxy import DroppingProxy
from tests.support.service import Service
from tests.support.streams import assert_stream
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, usage

KEY = {"idempotency-key": "order 66"}


def again(service: Service, key: str, headers: dict[str, str] = KEY, **fields: Any) -> httpx2.Response:
    return service.post(key, headers=headers, **{"model": "agent", "input": "Hi", **fields})


def replayed(reply: httpx2.Response) -> bool:
    assert reply.status_code == 200, reply.text
    return reply.headers.get("idempotent-replayed") == "true"


def reservations(service: Service) -> list[Any]:
    with closing(sqlite3.connect(str(service.settings.database))) as database:
        return database.execute("SELECT * FROM reservations").fetchall()


def test_a_request_sent_again_gets_the_same_bytes_and_the_model_is_called_once(
    service: Service, key: str, upstream: Upstream
) -> None:
    first, second = again(service, key), again(service, key)
    assert not replayed(first)
    assert replayed(second)
    assert first.content == second.content
    assert len(upstream.requests) == 1


def test_a_request_whose_reservation_the_store_did_not_confirm_blocks_no_retry(service: Service, key: str) -> None:
    reserve = service.responses.reserve

    async def lost(*arguments: Any) -> Any:
        await reserve(*arguments)
        raise StorageUnavailable("lost")

    service.responses.reserve = lost
    refused(again(service, key), 503, "storage_unavailable")
    del service.responses.reserve
    assert not replayed(again(service, key))


def test_a_stream_asked_for_again_is_a_whole_stream_of_the_same_response(
    service: Service, key: str, upstream: Upstream
) -> None:
    first, second = again(service, key, stream=True), again(service, key, stream=True)
    assert not replayed(first)
    assert replayed(second)
    events = [assert_stream(reply.content, reply.headers) for reply in (first, second)]
    assert events[0][-1]["response"] == events[1][-1]["response"]
    assert len(upstream.requests) == 1


def test_the_order_of_a_bodys_fields_does_not_matter(service: Service, key: str, upstream: Upstream) -> None:
    one = service.post(key, b'{"model":"agent","input":"Hi"}', KEY)
    other = service.post(key, b'{ "input": "Hi", "model": "agent" }', KEY)
    assert one.content == other.content
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("change", [{"input": "Ho"}, {"stream": True}, {"metadata": {"a": "b"}}], ids=str)
def test_a_key_with_another_body_is_refused(
    service: Service, key: str, upstream: Upstream, change: dict[str, Any]
) -> None:
    again(service, key)
    refused(again(service, key, **change), 422, "idempotency_key_reused", "Idempotency-Key")
    assert len(upstream.requests) == 1


def test_another_key_is_another_request(service: Service, key: str, upstream: Upstream) -> None:
    ids = {again(service, key, {"idempotency-key": name}).json()["id"] for name in ("a", "b")}
    assert len(ids) == len(upstream.requests) == 2


def test_an_idempotency_key_counts_for_one_api_key_alone(service: Service, key: str, upstream: Upstream) -> None:
    ids = {again(service, each).json()["id"] for each in (key, service.key())}
    assert len(ids) == len(upstream.requests) == 2


def test_after_a_day_the_key_is_free(service: Service, key: str, upstream: Upstream) -> None:
    first = again(service, key)
    service.clock.ahead = 86_000
    assert replayed(again(service, key))
    service.clock.ahead = 86_500
    second = again(service, key)
    assert not replayed(second)
    assert first.json()["id"] != second.json()["id"]
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(
    "name", ["", "x" * 256, "caf\u00e9".encode(), "tab\there"], ids=["empty", "long", "8-bit", "tab"]
)
def test_a_key_of_foreign_shape_is_refused(service: Service, key: str, upstream: Upstream, name: Any) -> None:
    refused(again(service, key, {"idempotency-key": name}), 400, "invalid_value", "Idempotency-Key")
    assert upstream.requests == []


def test_the_longest_key_is_taken(service: Service, key: str) -> None:
    longest = {"idempotency-key": "~ !" * 85}
    again(service, key, longest)
    assert replayed(again(service, key, longest))


def test_while_the_first_runs_a_second_is_told_to_wait(service: Service, key: str, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Slow"), gate, finish(), usage(1, 1))]
    with service.streaming(key, KEY, input="Hi") as first:
        lines = first.iter_lines()
        assert gate.reached.wait(10)
        reply = again(service, key, stream=True)
        refused(reply, 409, "idempotency_in_progress")
        assert (reply.headers["x-should-retry"], reply.headers["retry-after"]) == ("true", "5")
        refused(again(service, key, input="Ho"), 422, "idempotency_key_reused")
        gate.open()
        assert any("response.completed" in line for line in lines)
    assert replayed(again(service, key, stream=True))
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("previous", [False, True])
def test_of_many_at_once_one_calls_the_model(service: Service, key: str, upstream: Upstream, previous: bool) -> None:
    fields = {"previous_response_id": service.create(key, input="Root")["id"]} if previous else {}
    start, replies = threading.Barrier(8), list[httpx2.Response]()

    def send() -> None:
        start.wait(10)
        replies.append(again(service, key, **fields))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reply.status_code for reply in replies} <= {200, 409}
    assert len({reply.content for reply in replies if reply.status_code == 200}) == 1
    assert len(upstream.requests) == 1 + previous


def test_a_request_that_was_refused_leaves_nothing_so_a_retry_runs(
    service: Service, key: str, upstream: Upstream
) -> None:
    refused(again(service, key, model="absent"), 404, "model_not_found")
    refused(again(service, key, previous_response_id="resp_" + "0" * 31), 404, "previous_response_not_found")
    service.responses.broken.add("claim")
    refused(again(service, key), 503, "storage_unavailable")
    assert reservations(service) == []
    service.responses.broken.clear()
    assert not replayed(again(service, key))
    assert len(upstream.requests) == 1


def test_a_first_attempt_that_failed_does_not_stand_in_a_retrys_way(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [Script.error(400), answer("Better")]
    refused(again(service, key), 500, "provider_refused_request")
    second = again(service, key)
    assert not replayed(second)
    assert again(service, key).content == second.content
    assert len(upstream.requests) == 2


def test_an_incomplete_answer_is_an_answer(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(text("Half"), finish("length"), usage(1, 16))]
    first, second = again(service, key), again(service, key)
    assert first.json()["status"] == "incomplete"
    assert first.content == second.content
    assert len(upstream.requests) == 1


def test_an_attempt_that_died_before_its_claim_stands_in_the_way_for_a_minute(
    service: Service, key: str, upstream: Upstream
) -> None:
    service.responses.broken |= {"claim", "release"}
    refused(again(service, key), 503, "storage_unavailable")
    service.responses.broken.clear()
    refused(again(service, key), 409, "idempotency_in_progress")
    service.clock.ahead = 61
    assert not replayed(again(service, key))
    assert len(upstream.requests) == 1


KILLED = """
import asyncio, os, signal, sys, time
from antiphon.bootstrap import build_stores
from antiphon.records import Owner, Reservation
from antiphon.run.idempotency import LEASE_SECONDS, keyed_attempt
from antiphon.settings import Settings

database, key_id = sys.argv[1:]
attempt, now = keyed_attempt(key_id, "order 66", {"model": "agent", "input": "Hi"}), time.time()
reservation = Reservation(
    Owner("default", "ada"), attempt.name, attempt.digest, "resp_" + "0" * 31, now + LEASE_SECONDS, int(now) + 86_400
)
asyncio.run(build_stores(Settings(database=database)).responses.reserve(reservation, now))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_between_reservation_and_claim_stands_in_the_way_for_a_minute(
    service: Service, key: str, upstream: Upstream
) -> None:
    [known] = service.run(service.keys.list(TENANT))
    done = subprocess.run([sys.executable, "-c", KILLED, str(service.settings.database), known.id], check=False)
    assert done.returncode == -signal.SIGKILL
    refused(again(service, key), 409, "idempotency_in_progress")
    assert upstream.requests == []
    service.clock.ahead = 61
    first = again(service, key)
    assert not replayed(first)
    assert again(service, key).content == first.content
    assert len(upstream.requests) == 1


def test_an_attempt_whose_worker_died_stands_in_the_way_until_its_lease_ends(
    service: Service, key: str, upstream: Upstream
) -> None:
    service.responses.broken.add("commit")
    refused(again(service, key), 503, "storage_unavailable")
    service.responses.broken.clear()
    refused(again(service, key), 409, "idempotency_in_progress")
    service.clock.ahead = 1000
    assert not replayed(again(service, key))
    assert len(upstream.requests) == 2


def test_what_was_deleted_is_not_given_again(service: Service, key: str, upstream: Upstream) -> None:
    first = again(service, key).json()
    assert service.client.delete(f"/v1/responses/{first['id']}", headers={"authorization": f"Bearer {key}"}).is_success
    refused(again(service, key), 404, "response_not_found")
    refused(again(service, key, input="Ho"), 422, "idempotency_key_reused")
    assert len(upstream.requests) == 1


def test_what_is_not_stored_leaves_nothing_and_runs_each_time(service: Service, key: str, upstream: Upstream) -> None:
    ids = {again(service, key, store=False).json()["id"] for _ in range(2)}
    assert len(ids) == len(upstream.requests) == 2
    assert reservations(service) == []


def test_a_branch_beside_another_turn_is_given_again_too(service: Service, key: str, upstream: Upstream) -> None:
    root = service.create(key, input="Root")["id"]
    service.create(key, input="Left", previous_response_id=root)
    first, second = (again(service, key, input="Right", previous_response_id=root) for _ in range(2))
    assert first.content == second.content
    assert replayed(second)
    assert len(upstream.requests) == 3


def test_an_answer_is_given_again_though_the_turn_before_it_is_gone(
    service: Service, key: str, upstream: Upstream
) -> None:
    root = service.create(key, input="Root")["id"]
    first = again(service, key, previous_response_id=root)
    service.client.delete(f"/v1/responses/{root}", headers={"authorization": f"Bearer {key}"})
    assert again(service, key, previous_response_id=root).content == first.content


def test_nothing_is_given_again_to_who_lost_the_agent(service: Service, upstream: Upstream) -> None:
    service.user("bob")
    service.put(Grant(TENANT, "agent", "user:bob", 1))
    key = service.key("bob")
    assert again(service, key).is_success
    service.put(Grant(TENANT, "agent", "user:bob", 0))
    refused(again(service, key), 404, "model_not_found")


def test_neither_key_nor_body_stands_in_the_reservation(service: Service, key: str) -> None:
    again(service, key, {"idempotency-key": "canary-key"}, input="canary-input")
    [row] = reservations(service)
    assert "canary" not in repr(row)


# an SDK's own retries, which bear a count and no key


def count(retries: int) -> dict[str, str]:
    return {"x-stainless-retry-count": str(retries)}


def test_an_automatic_retry_gets_the_answer_of_the_attempt_before_it(
    service: Service, key: str, upstream: Upstream
) -> None:
    first, second = again(service, key, count(0)), again(service, key, count(1))
    assert first.content == second.content
    assert replayed(second)
    assert len(upstream.requests) == 1


def test_two_first_attempts_with_one_body_are_two_requests(service: Service, key: str, upstream: Upstream) -> None:
    one, other = again(service, key, count(0)), again(service, key, count(0))
    assert one.json()["id"] != other.json()["id"]
    assert again(service, key, count(1)).content == other.content
    assert len(upstream.requests) == 2


def test_an_automatic_retry_that_comes_too_late_runs(service: Service, key: str, upstream: Upstream) -> None:
    again(service, key, count(0))
    service.clock.ahead = 121
    assert not replayed(again(service, key, count(1)))
    assert len(upstream.requests) == 2


def test_an_automatic_retry_of_what_never_came_runs(service: Service, key: str, upstream: Upstream) -> None:
    assert not replayed(again(service, key, count(2)))
    assert len(upstream.requests) == 1


def test_an_automatic_retry_with_a_key_goes_by_the_key(service: Service, key: str, upstream: Upstream) -> None:
    again(service, key, {**KEY, **count(0)})
    assert replayed(again(service, key, {**KEY, **count(0)}))
    assert not replayed(again(service, key, {"idempotency-key": "other", **count(1)}))
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_the_openai_sdk_gets_its_answer_though_the_first_connection_breaks_after_the_model_ran(
    service: Service, key: str, upstream: Upstream, stream: bool
) -> None:
    upstream.scripts = [answer("Only once")]
    with (
        DroppingProxy(service.root, drop=1) as proxy,
        openai.OpenAI(base_url=f"{proxy.root}/v1", api_key=key, max_retries=2) as sdk,
    ):
        if stream:
            events = list(sdk.responses.create(model="agent", input="Hi", stream=True))
            assert events[-1].type == "response.completed"
            response = events[-1].response
        else:
            response = sdk.responses.create(model="agent", input="Hi")
    assert response.output_text == "Only once"
    assert proxy.requests == 2
    assert len(upstream.requests) == 1
    assert service.responses.calls["claim"] == 1
    assert service.retrieve(key, response.id)["id"] == response.id


# whether a request can be sent again after an error


def test_what_a_provider_says_about_a_retry_is_passed_on(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(429, retry_after="30")]
    reply = again(service, key)
    refused(reply, 429, "provider_rate_limited")
    assert reply.headers["retry-after"] == "30"


def test_the_openai_sdk_sends_again_what_may_succeed(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [*[Script.error(503, retry_after="0")] * 3, answer("Better")]
    with openai.OpenAI(base_url=service.base_url, api_key=key, max_retries=1) as sdk:
        assert sdk.responses.create(model="agent", input="Hi").output_text == "Better"
    assert len(upstream.requests) == 4


@pytest.mark.parametrize("status", [400, 401])
def test_the_openai_sdk_does_not_send_again_what_cannot_succeed(
    service: Service, key: str, upstream: Upstream, status: int
) -> None:
    upstream.scripts = [Script.error(status)]
    with (
        openai.OpenAI(base_url=service.base_url, api_key=key, max_retries=2) as sdk,
        pytest.raises(openai.InternalServerError),
    ):
        sdk.responses.create(model="agent", input="Hi")
    assert len(upstream.requests) == 1
