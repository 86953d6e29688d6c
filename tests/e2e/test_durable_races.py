"""Who is first decides: workers, cancellations, readers and the limit on queued responses, in unlucky orders."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.errors import StorageUnavailable
from antiphon.run import execution
from antiphon.run import follow as following
from antiphon.run.cancel import delete
from antiphon.run.create import Queued, create
from antiphon.run.registry import running
from antiphon.run.run_request import RunRequest
from antiphon.run.worker import MAX_BEGINNINGS, perform, sweep
from antiphon.spec.request import parse_create
from tests.support.caller import refused
from tests.support.client_tools import FIND, QUESTION, names
from tests.support.durable import ADA, FAR, LEASE, PLAIN, Open, Reader, authenticated, ended, follow, held, queue, watch
from tests.support.service import Service
from tests.support.streams import assert_events, assert_stream, sent_events
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, usage


@pytest.fixture
def service(opened: Open) -> Service:
    return opened()


def cancel(service: Service, key: str, response_id: str) -> Any:
    return service.client.post(f"/v1/responses/{response_id}/cancel", headers={"authorization": f"Bearer {key}"})


def status(service: Service, response_id: str) -> str:
    found: str = service.run(service.responses.get(ADA, response_id, service.clock())).status
    return found


# what a reader has seen of the opening


def test_a_reader_of_a_queued_response_that_is_cancelled_gets_every_event_once(
    service: Service, opened: Open, key: str
) -> None:
    queued, other = queue(service, key), opened()
    other.has_workers = False
    reader = Reader(other, key, queued["id"])
    reader.until(b"response.queued")
    assert cancel(service, key, queued["id"]).json()["status"] == "cancelled"
    assert assert_stream(reader.got if reader.events else b"")[-1]["type"] == "response.incomplete"


def test_a_reader_of_a_queued_response_that_is_deleted_gets_a_whole_stream(
    service: Service, opened: Open, key: str
) -> None:
    queued, other = queue(service, key), opened()
    reader = Reader(other, key, queued["id"])
    reader.until(b"response.queued")
    service.run(service.responses.delete(ADA, queued["id"]))
    events = assert_stream(reader.got if reader.events else b"")
    kinds = ["response.created", "response.queued", "response.in_progress", "error", "response.failed"]
    assert [event["type"] for event in events] == kinds
    assert events[-1]["response"]["error"]["code"] == "response_not_found"


def test_a_reader_of_a_response_that_is_lost_before_its_first_delta_gets_every_event_once(
    opened: Open, key: str, upstream: Upstream
) -> None:
    script, gate = held()
    upstream.scripts, service, other = [script], opened(lease_seconds=30), opened()
    with service.streaming(key, input="Hi", stream_options=PLAIN) as stream:
        chunks = stream.iter_bytes()
        live = b""
        while b"response.in_progress" not in live:
            live += next(chunks)
        seen = sent_events(live)
        other.clock.ahead = FAR
        rest = follow(other, key, seen[0]["response"]["id"], f"&starting_after={len(seen) - 1}")
        gate.open()
    assert_events(seen + sent_events(rest.content))


# cancelling


def test_a_cancellation_that_meets_a_worker_giving_its_response_back_still_ends_it(
    service: Service, opened: Open, key: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, gate = held()
    upstream.scripts, other = [script], opened()
    queued = service.create(key, input="Hi", background=True)
    assert gate.reached.wait(10)
    mark = other.responses.inner.cancel

    async def late(*arguments: Any) -> bool:
        await asyncio.to_thread(service.settle, 0.1)
        done: bool = await mark(*arguments)
        return done

    monkeypatch.setattr(other.responses.inner, "cancel", late)
    assert cancel(other, key, queued["id"]).json()["status"] == "cancelled"


def test_a_worker_that_gives_a_cancelled_response_back_ends_it(opened: Open, upstream: Upstream) -> None:
    script, gate = held()
    upstream.scripts = [script]
    service, other = opened(watch_seconds=60), opened()
    queued = service.create(service.key(), input="Hi", background=True)
    assert gate.reached.wait(10)
    other.run(other.responses.cancel(ADA, queued["id"]))
    service.settle(0.1)
    assert status(other, queued["id"]) == "cancelled"


def test_a_response_whose_ending_is_not_stored_keeps_its_note(service: Service, key: str) -> None:
    queued = queue(service, key)
    service.responses.broken.add("commit")
    refused(cancel(service, key, queued["id"]), 503, "storage_unavailable")
    assert [run.response_id for run in service.run(service.runs.list_open())] == [queued["id"]]
    service.responses.broken.clear()
    assert cancel(service, key, queued["id"]).json()["status"] == "cancelled"
    assert service.run(service.runs.list_open()) == []


@pytest.mark.parametrize("background", [True, False])
def test_nothing_stays_logged_of_a_response_that_was_deleted_while_its_writer_was_logging(
    service: Service, opened: Open, key: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, background: bool
) -> None:
    script, gate = held(text("Secret"))
    upstream.scripts, other = [script], opened()
    append, late = service.runs.inner.append, threading.Event()

    async def slow(owner: Any, response_id: str, batch: Any, expires_at: int) -> bool:
        if batch.last:
            await asyncio.to_thread(late.wait, 10)
        done: bool = await append(owner, response_id, batch, expires_at)
        return done

    monkeypatch.setattr(service.runs.inner, "append", slow)
    monkeypatch.setattr(execution, "NOTING", 10)
    with service.streaming(key, input="Hi", background=background) as stream:
        response_id = sent_events(next(stream.iter_bytes()))[0]["response"]["id"]
        assert gate.reached.wait(10)
        running_here = service.run(find(response_id))
        other.run(delete(other.services, other.run(authenticated(other, key)), response_id))
        late.set()
        service.run(asyncio.wait_for(asyncio.wait([running_here.task]), 10))
    assert service.run(service.runs.read(ADA, response_id, 0)) == []


def test_nothing_stays_logged_of_a_response_that_was_deleted_when_it_had_ended_and_its_writer_was_logging(
    service: Service, opened: Open, key: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, gate = held(text("Secret"))
    upstream.scripts, other = [script], opened()
    append, reached, late = service.runs.inner.append, threading.Event(), threading.Event()

    async def slow(owner: Any, response_id: str, batch: Any, expires_at: int) -> bool:
        if batch.data:
            reached.set()
            await asyncio.to_thread(late.wait, 10)
        done: bool = await append(owner, response_id, batch, expires_at)
        return done

    monkeypatch.setattr(service.runs.inner, "append", slow)
    monkeypatch.setattr(execution, "NOTING", 10)
    with service.streaming(key, input="Hi") as stream:
        response_id = sent_events(next(stream.iter_bytes()))[0]["response"]["id"]
        running_here = service.run(find(response_id))
        assert reached.wait(10)
        gate.open()
        assert ended(other, key, response_id)["status"] == "completed"
        other.run(delete(other.services, other.run(authenticated(other, key)), response_id))
        late.set()
        service.run(asyncio.wait_for(asyncio.wait([running_here.task]), 10))
    assert service.run(service.runs.read(ADA, response_id, 0)) == []


async def find(response_id: str) -> Any:
    return running(response_id)


# workers


def test_a_response_whose_workers_are_always_lost_fails_in_the_end(service: Service, key: str) -> None:
    queued = queue(service, key)
    service.directory.broken.add("account")
    for _ in range(MAX_BEGINNINGS):
        with pytest.raises(StorageUnavailable):
            service.run(perform(service.services, ADA, queued["id"], service.clock() + 30))
        service.clock.ahead += FAR
    service.directory.broken.clear()
    service.run(perform(service.services, ADA, queued["id"], service.clock() + 30))
    failed = service.retrieve(key, queued["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "worker_lost")
    assert service.run(service.runs.list_open()) == []


def test_a_background_response_that_is_not_logged_keeps_its_worker(opened: Open, upstream: Upstream) -> None:
    script, gate = held(text("Done"))
    upstream.scripts = [script]
    service, other = opened(run_log="off"), opened(run_log="off")
    key = service.key()
    queued = service.create(key, input="Hi", background=True)
    assert gate.reached.wait(10)
    other.clock.ahead = 20 * LEASE
    assert other.retrieve(key, queued["id"])["status"] == "in_progress"
    assert other.invoked == []
    gate.open()
    assert ended(service, key, queued["id"])["status"] == "completed"


def test_a_worker_offers_the_tools_that_the_input_brings(service: Service, key: str, upstream: Upstream) -> None:
    bringing = {
        "type": "additional_tools",
        "role": "developer",
        "tools": [{**FIND, "description": "", "strict": False}],
    }
    upstream.scripts = [answer("Done")]
    queued = service.create(key, input=[bringing, QUESTION], background=True)
    assert ended(service, key, queued["id"])["status"] == "completed"
    assert names(upstream) == ["find"]


def test_one_response_that_cannot_be_read_does_not_keep_the_sweeper_from_the_others(
    service: Service, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt, sound = queue(service, key), queue(service, key)
    service.clock.ahead = FAR
    read = service.responses.inner.get

    async def get(owner: Any, response_id: str, now: float) -> Any:
        if response_id == spoilt["id"]:
            raise ValueError("not a document")
        return await read(owner, response_id, now)

    monkeypatch.setattr(service.responses.inner, "get", get)
    service.run(sweep(service.services))
    assert service.invoked[-1] == sound["id"]


# endings that the store does not take


def test_the_ending_of_a_run_that_outlived_its_first_lease_is_stored_once_the_store_answers(
    opened: Open, upstream: Upstream
) -> None:
    script, gate = held(text("Done"))
    upstream.scripts = [script]
    service = opened(lease_seconds=30)
    key = service.key()
    with service.streaming(key, input="Hi") as stream:
        chunks = stream.iter_bytes()
        live = next(chunks)
        service.clock.ahead = FAR
        service.responses.broken.add("commit")
        gate.open()
        live += b"".join(chunks)
    failed = sent_events(live)[-1]["response"]
    assert failed["error"]["code"] == "storage_unavailable"
    stored = watch(service, "commit")
    service.responses.broken.clear()
    assert stored.wait(10)
    assert service.retrieve(key, failed["id"]) == failed


def test_a_lost_response_whose_log_has_begun_to_expire_is_ended(
    service: Service, opened: Open, key: str, upstream: Upstream, tmp_path: Path
) -> None:
    first, second = Gate(), Gate()
    upstream.scripts = [Script.stream(text("One "), first, text("two "), second, finish("stop"), usage(3, 2))]
    other = opened()
    with service.streaming(key, input="Hi", stream_options=PLAIN) as stream:
        chunks = stream.iter_bytes()
        response_id = sent_events(next(chunks))[0]["response"]["id"]
        reader = Reader(other, key, response_id)
        reader.until(b"One ")
        first.open()
        reader.until(b"two ")
        with contextlib.closing(sqlite3.connect(tmp_path / "antiphon.db")) as database, database:
            assert database.execute("DELETE FROM logs WHERE number = 0").rowcount == 1
        other.clock.ahead = FAR
        lost = other.retrieve(key, response_id)
        second.open()
        assert reader.events[-1]["type"] == "response.failed"
    assert (lost["status"], lost["error"]["code"]) == ("failed", "worker_lost")


# readers


def test_a_reader_whose_grant_is_withdrawn_gets_nothing_more_though_the_response_ends_meanwhile(
    service: Service, key: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, gate = held(text("One "), after=(text("two"),))
    upstream.scripts = [script]
    queued = service.create(key, input="Hi", background=True)
    monkeypatch.setattr(following, "CHECK_SECONDS", 0.1)
    look = following.are_visible

    async def seen(*arguments: Any) -> bool:
        visible = await look(*arguments)
        if not visible:
            gate.open()
            run = running(queued["id"])
            assert run is not None
            assert run.task is not None
            await asyncio.wait([run.task])
        return visible

    monkeypatch.setattr(following, "are_visible", seen)
    assert gate.reached.wait(10)
    reader = Reader(service, key, queued["id"])
    reader.until(b"One ")
    service.run(service.directory.delete_agent("default", "agent"))
    assert "two" not in str(reader.events)


def test_a_reader_stays_while_its_grants_cannot_be_read(
    service: Service, key: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CHECK_SECONDS", 0.1)
    script, gate = held(text("One "))
    upstream.scripts = [script]
    queued = service.create(key, input="Hi", background=True)
    reader = Reader(service, key, queued["id"])
    reader.until(b"One ")
    service.directory.broken.add("agent")
    before, end = service.directory.calls["agent"], time.monotonic() + 10
    while service.directory.calls["agent"] == before:
        assert time.monotonic() < end
        time.sleep(0.01)
    gate.open()
    assert reader.events[-1]["type"] == "response.completed"


# the limit


def test_requests_at_the_same_time_do_not_queue_more_than_a_user_may(opened: Open) -> None:
    service = opened(max_queued_runs=2)
    key = service.key()
    service.has_workers = False
    request = parse_create({"model": "agent", "input": "Hi", "background": True})

    async def at_once() -> list[Any]:
        principal = await authenticated(service, key)
        until = service.clock() + 30
        asked = (create(service.services, RunRequest(principal, request, until)) for _ in range(5))
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = service.run(at_once())
    assert [isinstance(answer, Queued) for answer in answers].count(True) == 2
    assert {error.code for error in answers if isinstance(error, Exception)} == {"too_many_queued"}
    assert len(service.run(service.runs.list_open())) == 2


# a store whose answer is lost


@contextlib.contextmanager
def losing_claims(service: Service) -> Iterator[None]:
    """Store a response, and lose the answer of the store."""
    claim = service.responses.claim

    async def claim_and_lose(record: Any) -> None:
        await claim(record)
        raise StorageUnavailable("lost")

    service.responses.claim = claim_and_lose
    yield
    del service.responses.claim


def test_a_background_response_whose_caller_was_told_that_it_is_not_stored_never_runs(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Once")]
    headers = {"Idempotency-Key": "once"}
    with losing_claims(service):
        reply = service.post(key, model="agent", input="Hi", background=True, headers=headers)
    refused(reply, 503, "storage_unavailable")
    service.clock.ahead = FAR
    service.run(sweep(service.services))
    again = service.post(key, model="agent", input="Hi", background=True, headers=headers)
    assert ended(service, key, again.json()["id"])["status"] == "completed"
    service.run(sweep(service.services))
    assert len(upstream.requests) == 1


def test_a_retry_gets_the_background_response_that_could_not_be_taken_from_the_queue(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Once")]
    headers = {"Idempotency-Key": "once"}
    service.runs.broken = {"close"}
    with losing_claims(service):
        reply = service.post(key, model="agent", input="Hi", background=True, headers=headers)
    refused(reply, 503, "storage_unavailable")
    service.runs.broken = set()
    service.clock.ahead = FAR
    service.run(sweep(service.services))
    again = service.post(key, model="agent", input="Hi", background=True, headers=headers)
    assert ended(service, key, again.json()["id"])["status"] == "completed"
    assert len(upstream.requests) == 1
