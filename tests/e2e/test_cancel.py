"""Cancelling over a real socket: from the process that runs it and from another, in time, too late, and in a race."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from antiphon.records import Owner
from antiphon.run import worker
from antiphon.run.sources import Sources
from tests.support.caller import TENANT, refused
from tests.support.durable import Running
from tests.support.schema import check_response
from tests.support.service import Service
from tests.support.streams import assert_stream
from tests.support.upstream import CUT, Gate, Script, Upstream, answer, finish, text, tool_call, usage


@pytest.fixture
def other(tmp_path: Path, upstream: Upstream, service: Service) -> Iterator[Service]:
    """Another process, as far as it can be told from here: its own loop, server and connection to the database."""
    assert service.base_url
    with Service(tmp_path, upstream) as running:
        yield running


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    with Service(tmp_path, upstream, watch_seconds=0.05) as running:
        yield running


def post(service: Service, key: str, response_id: str) -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}"}
    return service.client.post(f"/v1/responses/{response_id}/cancel", headers=headers)


def cancel(service: Service, key: str, response_id: str) -> dict[str, Any]:
    reply = post(service, key, response_id)
    assert reply.status_code == 200, reply.text
    check_response(reply.json())
    body: dict[str, Any] = reply.json()
    return body


def held(*steps: Any) -> tuple[Script, Gate]:
    gate = Gate()
    return Script.stream(*steps, gate, finish(), usage(1, 1)), gate


def assert_cancelled(response: dict[str, Any]) -> None:
    assert (response["status"], response["incomplete_details"]) == ("cancelled", {"reason": "cancelled"})
    assert response["completed_at"] is None


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_cancelled_stream_ends_as_incomplete_and_is_stored_as_it_was_sent(
    service: Service, other: Service, key: str, upstream: Upstream, where: str
) -> None:
    upstream.scripts = [held(text("Half an"))[0]]
    canceller = service if where == "here" else other
    with service.streaming(key, input="Hi") as stream:
        running = Running(stream)
        running.until(b'"delta":"Half an"')
        cancelled = cancel(canceller, key, running.id)
        events = running.ended()
    assert upstream.closed_early.wait(10)
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"] == cancelled == service.retrieve(key, running.id)
    assert_cancelled(cancelled)
    [item] = cancelled["output"]
    assert (item["status"], item["content"][0]["text"]) == ("incomplete", "Half an")


def test_the_same_process_needs_no_mark_in_the_store(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [held(text("A"))[0]]
    with service.streaming(key, input="Hi") as stream:
        running = Running(stream)
        running.until(b'"delta":"A"')
        service.responses.broken |= {"cancel", "is_wanted"}
        assert_cancelled(cancel(service, key, running.id))
        running.ended()


def test_items_that_were_done_are_kept_whole(service: Service, key: str, upstream: Upstream) -> None:
    tool = {"type": "function", "name": "look", "parameters": {"type": "object"}}
    upstream.scripts = [held(text("Wait"), tool_call(0, "c1", "look", '{"a"'))[0], answer("Fine")]
    with service.streaming(key, input="Hi", tools=[tool]) as stream:
        running = Running(stream)
        running.until(b"function_call_arguments.delta")
        cancelled = cancel(service, key, running.id)
        running.ended()
    kept = [(item["type"], item["status"]) for item in cancelled["output"]]
    assert kept == [("message", "completed"), ("function_call", "incomplete")]
    assert service.create(key, input="On", previous_response_id=running.id)["status"] == "completed"


def test_a_response_that_has_said_nothing_is_cancelled_too(service: Service, key: str, upstream: Upstream) -> None:
    script, gate = held()
    upstream.scripts = [script]
    with service.streaming(key, input="Hi") as stream:
        running = Running(stream)
        running.until(b"response.in_progress")
        assert gate.reached.wait(10)
        cancelled = cancel(service, key, running.id)
        assert running.ended()[-1]["response"] == cancelled
    assert_cancelled(cancelled)
    assert cancelled["output"] == []


def test_a_cancellation_can_be_sent_again(service: Service, other: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [held(text("A"))[0]]
    with service.streaming(key, input="Hi") as stream:
        running = Running(stream)
        running.until(b'"delta":"A"')
        first = post(service, key, running.id)
        assert_cancelled(first.json())
        running.ended()
    assert post(service, key, running.id).content == first.content
    assert post(other, key, running.id).content == first.content


def test_cancellations_sent_at_once_are_one(service: Service, other: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [held(text("A"))[0]]
    answers: list[dict[str, Any]] = []
    with service.streaming(key, input="Hi") as stream:
        running = Running(stream)
        running.until(b'"delta":"A"')
        threads = [
            threading.Thread(target=lambda where=where: answers.append(cancel(where, key, running.id)))
            for where in (service, service, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ending = running.ended()[-1]["response"]
    assert answers == [ending] * 3
    assert service.responses.calls["commit"] == 1


def test_a_response_that_has_ended_stays_as_it_is(service: Service, key: str) -> None:
    response = service.create(key, input="Hi")
    assert cancel(service, key, response["id"]) == response
    assert service.retrieve(key, response["id"]) == response


def test_who_waits_for_one_body_gets_the_cancelled_response(service: Service, key: str, upstream: Upstream) -> None:
    script, gate = held(text("Half"))
    upstream.scripts = [script]
    bodies: list[dict[str, Any]] = []
    ids: list[str] = []
    claim = service.responses.claim

    async def note(response: Any) -> Any:
        ids.append(response.id)
        return await claim(response)

    service.responses.claim = note
    thread = threading.Thread(target=lambda: bodies.append(service.create(key, input="Hi")))
    thread.start()
    assert gate.reached.wait(10)
    cancelled = cancel(service, key, ids[0])
    thread.join()
    assert bodies == [cancelled]
    assert_cancelled(cancelled)


def test_a_cancelled_response_can_be_replayed_and_continued(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [held(text("Half"))[0], answer("Whole")]
    with service.streaming(key, input="Hi") as stream:
        running = Running(stream)
        running.until(b'"delta":"Half"')
        cancelled = cancel(service, key, running.id)
        running.ended()
    replay = assert_stream(service.get(f"/v1/responses/{running.id}?stream=true", key).content)
    assert replay[-1]["response"] == cancelled
    service.create(key, input="On", previous_response_id=running.id)
    said = [message["content"] for message in upstream.requests[1].body["messages"]]
    assert said == ["Hi", "Half", "On"]


@pytest.mark.parametrize("begins", ["after the mark", "before the mark"])
def test_a_background_response_is_cancelled_while_its_worker_prepares_it(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, begins: str
) -> None:
    script, gate = held(text("Hello"))
    upstream.scripts = [script]
    with Service(tmp_path, upstream, watch_seconds=60) as service:
        key = service.key()
        preparing, marking, marked = threading.Event(), threading.Event(), threading.Event()
        read, mark = worker.read_sources, service.responses.cancel

        async def read_sources(*arguments: Any, **named: Any) -> Sources:
            sources = await read(*arguments, **named)
            preparing.set()
            await asyncio.to_thread((marked if begins == "after the mark" else marking).wait, 10)
            return sources

        async def cancel_marked(*arguments: Any) -> bool:
            marking.set()
            if begins == "before the mark":
                assert await asyncio.to_thread(gate.reached.wait, 10)
            done = await mark(*arguments)
            marked.set()
            return done

        monkeypatch.setattr(worker, "read_sources", read_sources)
        monkeypatch.setattr(service.responses, "cancel", cancel_marked)
        made = service.create(key, input="Hi", background=True)
        assert preparing.wait(10)
        assert cancel(service, key, made["id"])["status"] == "cancelled"


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_deleting_a_running_response_cancels_it_first(
    service: Service, other: Service, key: str, upstream: Upstream, where: str
) -> None:
    upstream.scripts = [held(text("A"))[0]]
    deleter = service if where == "here" else other
    with service.streaming(key, input="Hi") as stream:
        running = Running(stream)
        running.until(b'"delta":"A"')
        headers = {"authorization": f"Bearer {key}"}
        reply = deleter.client.delete(f"/v1/responses/{running.id}", headers=headers)
        assert reply.status_code == 200, reply.text
        assert_cancelled(running.ended()[-1]["response"])
    assert upstream.closed_early.wait(10)
    refused(service.get(f"/v1/responses/{running.id}", key), 404, "response_not_found")


def test_a_response_whose_worker_was_lost_is_cancelled_by_the_canceller(
    service: Service, key: str, upstream: Upstream
) -> None:
    service.responses.broken.add("commit")
    lost = service.stream(key, input="Hi")[-1]["response"]
    service.responses.broken.clear()
    service.clock.ahead = 100_000
    key = service.key()
    cancelled = cancel(service, key, lost["id"])
    assert_cancelled(cancelled)
    assert service.retrieve(key, lost["id"]) == cancelled == cancel(service, key, lost["id"])


def test_a_commit_that_loses_a_race_with_a_cancellation_ends_with_the_stored_winner(
    tmp_path: Path, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(gate, CUT, done=False), Script.error(400)]
    with Service(tmp_path, upstream) as service, Service(tmp_path, upstream) as other:
        key = service.key()
        with service.streaming(key, input="Hi") as stream:
            running = Running(stream)
            running.until(b"response.in_progress")
            assert gate.reached.wait(10)
            other.clock.ahead = 100_000  # to the other process the lease is over, though the worker is only slow
            cancelled = cancel(other, other.key(), running.id)
            gate.open()
            events = running.ended()
        assert events[-1]["response"] == cancelled == service.retrieve(key, running.id)
        assert_cancelled(cancelled)


def test_a_worker_that_was_only_slow_ends_as_the_canceller_stored_and_keeps_to_the_grammar(
    tmp_path: Path, upstream: Upstream
) -> None:
    script, gate = held(text("Late"))
    upstream.scripts = [script]
    with Service(tmp_path, upstream) as service, Service(tmp_path, upstream) as other:
        key = service.key()
        with service.streaming(key, input="Hi") as stream:
            running = Running(stream)
            running.until(b'"delta":"Late"')
            other.clock.ahead = 100_000
            cancelled = cancel(other, other.key(), running.id)
            gate.open()
            ending = running.ended()[-1]["response"]
        assert ending == {**cancelled, "output": ending["output"]}
        assert ending["output"][0]["content"][0]["text"] == "Late"
        assert service.retrieve(key, running.id) == cancelled


def test_a_run_whose_response_is_gone_from_the_store_ends_soon_and_stores_nothing(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [held(text("A"))[0]]
    with service.streaming(key, input="Hi") as stream:
        running = Running(stream)
        running.until(b'"delta":"A"')
        assert service.run(service.responses.inner.delete(Owner(TENANT, "ada"), running.id))
        ending = running.ended()[-1]["response"]
    assert (ending["status"], ending["error"]["code"]) == ("failed", "response_not_found")
    assert upstream.closed_early.wait(10)
    refused(service.get(f"/v1/responses/{running.id}", key), 404, "response_not_found")


def test_a_store_that_cannot_be_asked_does_not_end_the_run(tmp_path: Path, upstream: Upstream) -> None:
    script, gate = held(text("A"))
    upstream.scripts = [script]
    with Service(tmp_path, upstream, watch_seconds=0.01) as service:
        key = service.key()
        asked = threading.Semaphore(0)
        service.responses.broken.add("is_wanted")
        watch = service.responses.__getattr__("is_wanted")

        async def ask(response: Any) -> Any:
            asked.release()
            return await watch(response)

        service.responses.is_wanted = ask
        with service.streaming(key, input="Hi") as stream:
            running = Running(stream)
            running.until(b'"delta":"A"')
            for _ in range(3):
                assert asked.acquire(timeout=10)
            gate.open()
            assert running.ended()[-1]["response"]["status"] == "completed"


def test_what_is_not_stored_is_neither_watched_nor_found(tmp_path: Path, upstream: Upstream) -> None:
    script, gate = held(text("A"))
    upstream.scripts = [script]
    with Service(tmp_path, upstream, watch_seconds=0.01) as service:
        key = service.key()
        with service.streaming(key, input="Hi", store=False) as stream:
            running = Running(stream)
            running.until(b'"delta":"A"')
            refused(post(service, key, running.id), 404, "response_not_found")
            gate.open()
            assert running.ended()[-1]["response"]["status"] == "completed"
        assert service.responses.calls["is_wanted"] == 0
