"""What may go wrong with a durable run, one test for each fault of `design/durable.md` that one process can show."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from antiphon.errors import StorageUnavailable
from antiphon.run import follow as following
from antiphon.run.worker import perform, sweep
from tests.support.caller import refused
from tests.support.durable import ADA, FAR, LEASE, PLAIN, Open, Reader, authenticated, ended, follow, held, queue, until
from tests.support.service import Service
from tests.support.streams import assert_events, assert_stream, sent_events
from tests.support.upstream import Script, Upstream, answer, finish, text, usage


@pytest.fixture
def service(opened: Open) -> Service:
    return opened()


def work(service: Service, response_id: str) -> None:
    """Do what one invocation of a worker does."""
    service.run(perform(service.services, ADA, response_id, service.clock() + 30))


# invocations


def test_a_response_whose_invocation_was_lost_is_started_by_whoever_reads_it(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Done")]
    queued = queue(service, key)
    service.has_workers = True
    assert ended(service, key, queued["id"])["status"] == "completed"
    assert service.invoked.count(queued["id"]) >= 2


def test_a_response_whose_invocation_was_lost_is_started_by_the_sweeper(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Done")]
    queued = queue(service, key)
    other.clock.set_by = -FAR
    other.run(sweep(other.services))
    assert other.invoked == [], "its invocation may still come"
    other.clock.set_by, other.clock.ahead = 0.0, FAR
    other.run(sweep(other.services))
    assert other.invoked == [queued["id"]]
    other.clock.ahead = 0.0
    assert ended(service, key, queued["id"])["status"] == "completed"
    until(lambda: service.run(service.runs.list_open()) == [])


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_an_invocation_that_comes_twice_runs_once(
    service: Service, other: Service, key: str, upstream: Upstream, where: str
) -> None:
    upstream.scripts = [answer("Done")]
    queued = queue(service, key)

    async def both() -> None:
        mine = perform(service.services, ADA, queued["id"], service.clock() + 30)
        if where == "here":
            await asyncio.gather(mine, perform(service.services, ADA, queued["id"], service.clock() + 30))
        else:
            await asyncio.gather(mine, asyncio.to_thread(work, other, queued["id"]))

    service.run(both())
    assert len(upstream.requests) == 1
    assert service.retrieve(key, queued["id"])["status"] == "completed"


def test_an_invocation_that_comes_after_the_end_changes_nothing(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [answer("Done")]
    queued = queue(service, key)
    work(service, queued["id"])
    before = service.retrieve(key, queued["id"])
    work(service, queued["id"])
    assert service.retrieve(key, queued["id"]) == before
    assert len(upstream.requests) == 1


def test_a_note_without_a_response_is_removed_once_its_claim_cannot_come(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Done")]
    queued = queue(service, key)
    service.run(service.responses.delete(ADA, queued["id"]))
    service.run(sweep(service.services))
    assert len(service.run(service.runs.list_open())) == 1
    service.clock.ahead = FAR
    service.run(sweep(service.services))
    assert service.run(service.runs.list_open()) == []


# writers


def test_a_worker_that_is_lost_before_its_first_delta_is_replaced_and_cannot_go_on(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(after=(text("zombie"),))
    upstream.scripts = [script, Script.stream(text("fresh"), finish("stop"), usage(3, 2))]
    queued = service.create(key, input="Hi", background=True)
    assert gate.reached.wait(10)
    other.clock.ahead = FAR
    work(other, queued["id"])
    done = other.retrieve(other.key(), queued["id"])
    gate.open()
    assert done["output"][0]["content"][0]["text"] == "fresh"
    assert ended(service, key, queued["id"]) == done
    assert_stream(follow(service, key, queued["id"]).content)


@pytest.mark.parametrize("background", [True, False])
def test_a_zombie_adds_nothing_to_what_another_has_ended(
    service: Service, other: Service, key: str, upstream: Upstream, background: bool
) -> None:
    script, gate = held(text("One "), after=(text("zombie"),))
    upstream.scripts = [script]
    with service.streaming(key, input="Hi", background=background, stream_options=PLAIN) as stream:
        chunks = stream.iter_bytes()
        live = b""
        while b"One " not in live:
            live += next(chunks)
        response_id = sent_events(live)[0]["response"]["id"]
        other.clock.ahead = FAR
        if background:
            work(other, response_id)
        lost = other.retrieve(other.key(), response_id)
        assert (lost["status"], lost["error"]["code"]) == ("failed", "worker_lost")
        item = lost["output"][0]
        assert (item["status"], item["content"][0]["text"]) == ("incomplete", "One ")
        gate.open()
        live += b"".join(chunks)
    assert sent_events(live)[-1]["type"] == "response.failed"
    assert service.retrieve(key, response_id) == lost
    kept = assert_stream(follow(service, key, response_id).content)
    assert kept[-1]["response"] == lost
    assert b"zombie" not in follow(service, key, response_id).content


def test_a_reader_who_saw_more_than_was_logged_gets_an_ending_with_numbers_after_it(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(text("One "), text("two "), text("three "))
    upstream.scripts = [script]
    with service.streaming(key, input="Hi", stream_options=PLAIN) as stream:
        chunks = stream.iter_bytes()
        live = b""
        while b"One " not in live:
            live += next(chunks)
        service.runs.broken.add("append")
        while b"three " not in live:
            live += next(chunks)
        seen = sent_events(live)
        response_id, last = seen[0]["response"]["id"], seen[-1]["sequence_number"]
        other.clock.ahead = FAR
        rest = sent_events(follow(other, other.key(), response_id, f"&starting_after={last}").content)
        gate.open()
    assert [event["sequence_number"] for event in rest] == list(range(last + 1, last + 1 + len(rest)))
    assert [event["type"] for event in rest][-2:] == ["error", "response.failed"]
    assert rest[0]["type"] == "response.output_text.done"


def test_processes_whose_clocks_differ_end_a_response_once(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(text("One "), after=(text("two"),))
    upstream.scripts = [script]
    service.clock.set_by = -FAR
    with service.streaming(key, input="Hi", stream_options=PLAIN) as stream:
        chunks = stream.iter_bytes()
        live = b""
        while b"One " not in live:
            live += next(chunks)
        response_id = sent_events(live)[0]["response"]["id"]
        seen = other.retrieve(other.key(), response_id)
        gate.open()
        live += b"".join(chunks)
    assert seen["status"] == "failed"
    assert other.retrieve(other.key(), response_id) == seen
    assert sent_events(live)[-1]["type"] == "response.failed"


# cancelling


def test_a_response_that_was_cancelled_before_its_worker_was_lost_ends_as_cancelled(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(text("Half"))
    upstream.scripts = [script]
    queued = service.create(key, input="Hi", background=True)
    assert gate.reached.wait(10)
    service.responses.broken |= {"is_wanted", "commit"}  # the worker sees nothing more
    other.run(other.responses.cancel(ADA, queued["id"]))
    other.clock.ahead = FAR
    work(other, queued["id"])
    assert other.retrieve(other.key(), queued["id"])["status"] == "cancelled"
    gate.open()


# the log


def test_while_the_log_is_out_of_order_the_run_goes_on_and_its_readers_get_everything_at_the_end(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(text("One "), after=(text("two"),))
    upstream.scripts = [script]
    service.runs.broken.add("append")
    with service.streaming(key, input="Hi", stream_options=PLAIN) as stream:
        chunks = stream.iter_bytes()
        live = b""
        while b"One " not in live:
            live += next(chunks)
        response_id = sent_events(live)[0]["response"]["id"]
        reader = Reader(other, key, response_id)
        reader.until(b"response.in_progress")
        time.sleep(1.5 * LEASE)
        assert other.retrieve(key, response_id)["status"] == "in_progress", "the writer shows that it lives"
        gate.open()
        live += b"".join(chunks)
    assert assert_stream(live)[-1]["type"] == "response.completed"
    assert reader.events == sent_events(live)


def test_a_batch_that_may_have_been_stored_is_sent_again_as_it_was(
    service: Service, other: Service, key: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, gate = held(text("One "), after=(text("two"),))
    upstream.scripts = [script]
    append, lost = service.runs.inner.append, [True]

    async def answer_lost(*arguments: Any) -> bool:

        done: bool = await append(*arguments)
        if lost:
            lost.clear()
            raise StorageUnavailable("the answer was lost")
        return done

    monkeypatch.setattr(service.runs.inner, "append", answer_lost)
    with service.streaming(key, input="Hi", stream_options=PLAIN) as stream:
        chunks = stream.iter_bytes()
        live = b""
        while b"One " not in live:
            live += next(chunks)
        reader = Reader(other, key, sent_events(live)[0]["response"]["id"])
        reader.until(b"One ")
        gate.open()
        live += b"".join(chunks)
    assert reader.events == assert_stream(live)
    assert not lost


def test_after_the_logs_time_the_response_is_still_replayed_as_it_was(
    service: Service, key: str, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.scripts = [Script.stream(text("One "), text("two"), finish("stop"), usage(3, 2))]
    live = service.stream(key, input="Hi", stream_options=PLAIN)
    with closing(sqlite3.connect(tmp_path / "antiphon.db")) as database, database:
        assert database.execute("DELETE FROM logs").rowcount >= 1
    assert assert_stream(follow(service, key, live[0]["response"]["id"]).content) == live


def test_a_stream_of_a_later_version_is_refused_and_the_response_is_read(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Hi")]
    response = service.create(key, input="Hi")
    found = service.run(service.responses.get(ADA, response["id"], 0))
    service.run(service.responses.delete(ADA, response["id"]))
    later = replace(found, stream_version=99, status="in_progress", lease="x", expires_at=None)
    service.run(service.responses.claim(later))
    service.run(service.responses.commit(replace(later, status="completed")))
    refused(follow(service, key, response["id"]), 400, "invalid_value", "stream")
    assert service.retrieve(key, response["id"]) == response


# readers


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_reader_whose_grant_is_withdrawn_is_cut_off(
    service: Service,
    other: Service,
    key: str,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    monkeypatch.setattr(following, "CHECK_SECONDS", 0.1)
    script, gate = held(text("One "))
    upstream.scripts = [script]
    queued = service.create(key, input="Hi", background=True)
    reader = Reader(service if where == "here" else other, key, queued["id"])
    reader.until(b"One ")
    service.run(service.directory.delete_agent("default", "agent"))
    reader.join(15)
    assert not reader.is_alive()
    assert b"[DONE]" not in reader.got
    gate.open()


def test_a_reader_whose_time_is_up_leaves_without_an_ending_and_resumes(
    service: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(text("One "), after=(text("two"),))
    upstream.scripts = [script]
    queued = service.create(key, input="Hi", background=True)
    assert gate.reached.wait(10)

    async def read_for_a_while() -> tuple[list[dict[str, Any]], bool]:
        stored = await service.responses.get(ADA, queued["id"], service.clock())
        principal = await authenticated(service, key)
        until = service.clock() + 1.0
        reading = following.stream_of(service.services, principal, stored, obfuscate=False, until=until)
        return [event async for batch in reading.batches(0.1) for event in batch], reading.ended

    first, has_ended = service.run(read_for_a_while())
    assert not has_ended
    assert first[-1]["type"] == "response.output_text.delta"
    gate.open()
    rest = follow(service, key, queued["id"], f"&starting_after={first[-1]['sequence_number']}").content
    assert_events(first + sent_events(rest))


# access and shutdown


def test_a_user_who_may_not_use_the_api_any_more_gets_no_run(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [answer("Done")]
    queued = queue(service, key)
    service.user("ada", role="NOBODY")
    work(service, queued["id"])
    found = service.run(service.responses.get(ADA, queued["id"], service.clock()))
    assert (found.status, found.response["error"]["code"]) == ("failed", "permission_denied")
    assert upstream.requests == []


@pytest.mark.parametrize(("change", "code"), [("revoked", "key_revoked"), ("expired", "key_expired")])
def test_a_response_whose_key_is_withdrawn_while_it_is_queued_gets_no_run(
    service: Service, upstream: Upstream, change: str, code: str
) -> None:
    upstream.scripts = [answer("Done")]
    now = int(service.clock())
    key = service.key(expires_at=now + int(FAR) // 2)
    queued = queue(service, key)
    if change == "revoked":
        [known] = service.run(service.keys.list("default"))
        service.run(service.keys.revoke("default", known.id, now))
    else:
        service.clock.ahead = FAR
    work(service, queued["id"])
    found = service.run(service.responses.get(ADA, queued["id"], service.clock()))
    assert (found.status, found.response["error"]["code"]) == ("failed", code)
    assert upstream.requests == []


def test_a_background_response_that_has_not_begun_is_queued_again_at_a_shutdown(
    tmp_path: Path, upstream: Upstream
) -> None:
    script, gate = held()
    upstream.scripts = [script, answer("Done")]
    with Service(tmp_path, upstream, lease_seconds=LEASE) as service:
        key = service.key()
        queued = service.create(key, input="Hi", background=True)
        assert gate.reached.wait(10)
        service.settle(0.1)
        assert service.run(service.responses.get(ADA, queued["id"], service.clock())).status == "queued"
    with Service(tmp_path, upstream, lease_seconds=LEASE) as service:
        service.run(sweep(service.services))
        assert ended(service, key, queued["id"])["status"] == "completed"
