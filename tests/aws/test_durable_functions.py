"""Durable runs through the real functions: queued by one, run by another, followed and resumed by a third."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from local.lambda_host.host import Host
from tests.support.hosted import UPSTREAM, Stored, hosted
from tests.support.kept import WORDS, kept
from tests.support.streams import assert_events, assert_stream, sent_events
from tests.support.upstream import Gate, Script, Upstream, finish, text, usage

PATIENCE = 30.0
WORKER = "RunResponse"
ENVIRON = {"ANTIPHON_LEASE_SECONDS": "1", "ANTIPHON_WATCH_SECONDS": "0.1", "ANTIPHON_RESERVE_SECONDS": "1"}
"""A short lease, so that a loss shows soon."""

OF_DOOR = {"rest": "GetResponse", "url": "CreateResponse"}
"""The function that follows."""


@pytest.fixture
def host(stored: Stored, upstream: Upstream, tmp_path: Path) -> Iterator[Host]:
    with hosted(stored.url, tmp_path, upstream, ENVIRON) as host:
        yield host


class Caller:
    """Bob, at one of the front doors."""

    def __init__(self, host: Host, key: str, door: str = "rest") -> None:
        self._root = f"{getattr(host, door).root}/v1/responses"
        self._how: dict[str, Any] = {
            "headers": {"authorization": f"Bearer {key}"},
            "timeout": PATIENCE,
            "trust_env": False,
        }

    def asked(self, **fields: Any) -> dict[str, Any]:
        return {"model": UPSTREAM, "input": "Hi", "stream_options": {"include_obfuscation": False}, **fields}

    def queue(self) -> dict[str, Any]:
        answer = httpx2.post(self._root, json=self.asked(background=True, stream_options=None), **self._how)
        assert answer.status_code == 200, answer.text
        queued: dict[str, Any] = answer.json()
        assert queued["status"] == "queued"
        return queued

    def streaming(self, **fields: Any) -> Any:
        return httpx2.stream("POST", self._root, json=self.asked(stream=True, **fields), **self._how)

    def get(self, response_id: str) -> dict[str, Any]:
        answer = httpx2.get(f"{self._root}/{response_id}", **self._how)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def cancel(self, response_id: str) -> dict[str, Any]:
        answer = httpx2.post(f"{self._root}/{response_id}/cancel", **self._how)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def follow(self, response_id: str, after: int | None = None) -> bytes:
        """Read a stream to its end, or until it breaks off."""
        resumed = "" if after is None else f"&starting_after={after}"
        path = f"{self._root}/{response_id}?stream=true&include_obfuscation=false{resumed}"
        answer = httpx2.get(path, **self._how)
        assert answer.status_code == 200, answer.text
        return answer.content

    def ended(self, response_id: str) -> dict[str, Any]:
        """Poll until a response has ended, as clients do."""
        waited(lambda: self.get(response_id)["status"] not in {"queued", "in_progress"})
        return self.get(response_id)


@pytest.fixture
def bob(host: Host, stored: Stored) -> Caller:
    return Caller(host, stored.bob)


def waited(come_true: Callable[[], Any], patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not come_true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def held(upstream: Upstream, *before: Any, after: tuple[Any, ...] = ()) -> Gate:
    gate = Gate()
    upstream.requests.clear()
    upstream.scripts = [Script.stream(*before, gate, *after, finish("stop"), usage(3, 2))]
    return gate


def said(upstream: Upstream, *pieces: str) -> None:
    upstream.requests.clear()
    upstream.scripts = [Script.stream(*map(text, pieces), finish("stop"), usage(3, 2))]


def text_of(response: dict[str, Any]) -> str:
    found: str = response["output"][0]["content"][0]["text"]
    return found


@pytest.mark.parametrize("door", ["rest", "url"])
def test_a_background_response_is_run_by_the_worker_and_polled(
    host: Host, stored: Stored, upstream: Upstream, door: str
) -> None:
    gate = held(upstream, text("Done"))
    bob = Caller(host, stored.bob, door)
    queued = bob.queue()
    assert gate.reached.wait(PATIENCE)
    assert bob.get(queued["id"])["status"] == "in_progress"
    gate.open()
    done = bob.ended(queued["id"])
    assert (done["status"], text_of(done)) == ("completed", "Done")
    [sent] = host.queue.taken
    assert sent == (WORKER, {"run": {"tenant": "default", "user": "bob", "response_id": queued["id"]}})


@pytest.mark.parametrize("door", ["rest", "url"])
def test_a_background_stream_that_breaks_is_resumed_through_another_function(
    host: Host, stored: Stored, upstream: Upstream, door: str
) -> None:
    gate = held(upstream, text("One "), after=(text("two"),))
    bob = Caller(host, stored.bob, door)
    seen = b""
    with bob.streaming(background=True) as stream:
        for chunk in stream.iter_bytes():
            seen += chunk
            if b'"delta":"One "' in seen:
                break
    first = sent_events(seen)
    response_id = first[0]["response"]["id"]
    rest: list[bytes] = []
    reader = threading.Thread(
        target=lambda: rest.append(Caller(host, stored.bob, door).follow(response_id, len(first) - 1))
    )
    reader.start()
    gate.open()
    reader.join(PATIENCE)
    whole = first + sent_events(rest[0])
    assert_events(whole)
    assert [event["type"] for event in whole[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert whole == assert_stream(bob.follow(response_id))


def test_a_running_background_response_is_cancelled_through_another_function(bob: Caller, upstream: Upstream) -> None:
    gate = held(upstream, text("Half"))
    queued = bob.queue()
    assert gate.reached.wait(PATIENCE)
    cancelled = bob.cancel(queued["id"])
    gate.open()
    assert cancelled["status"] == "cancelled"
    assert bob.cancel(queued["id"]) == cancelled == bob.get(queued["id"])


@pytest.mark.parametrize("finder", ["the sweeper", "a reader"])
def test_a_response_whose_invocation_was_lost_is_started_by_whoever_finds_it(
    host: Host, bob: Caller, upstream: Upstream, finder: str
) -> None:
    said(upstream, "Done")
    host.queue.holds = True
    queued = bob.queue()
    waited(lambda: len(host.queue.taken) == 1)
    host.queue.holds = False

    def found() -> bool:
        if finder == "a reader":
            bob.get(queued["id"])
        else:
            assert [answer.ended().state for answer in host.tick()] == ["complete"]
        return len(host.queue.taken) == 2

    waited(found)
    assert bob.ended(queued["id"])["status"] == "completed"
    assert len(upstream.requests) == 1


def test_an_invocation_that_comes_twice_and_late_runs_a_response_once(
    host: Host, bob: Caller, upstream: Upstream
) -> None:
    gate = held(upstream, text("Done"))
    host.queue.holds = True
    queued = bob.queue()
    [sent] = host.queue.taken
    answers = [host.invoke(*sent)]
    assert gate.reached.wait(PATIENCE)
    answers.append(host.invoke(*sent).ended())
    assert answers[1].document == {}
    gate.open()
    answers[0].ended()
    answers.append(host.invoke(*sent).ended())
    assert [answer.document for answer in answers] == [{}, {}, {}]
    assert bob.get(queued["id"])["status"] == "completed"
    assert len(upstream.requests) == 1


def test_where_no_worker_can_be_started_the_caller_is_answered_and_the_log_says_so(
    stored: Stored, upstream: Upstream, tmp_path: Path
) -> None:
    said(upstream, "Done")
    nobody = {"AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9"}
    with hosted(stored.url, tmp_path, upstream, {**ENVIRON, **nobody}) as host:
        queued = Caller(host, stored.bob).queue()
    log = (tmp_path / "CreateResponse.log").read_text()
    assert "worker not started" in log
    assert queued["id"] in log


def test_a_worker_killed_before_its_first_token_is_replaced_and_nobody_sees_it(
    host: Host, bob: Caller, upstream: Upstream
) -> None:
    gate = held(upstream)
    queued = bob.queue()
    assert gate.reached.wait(PATIENCE)
    host.pools[WORKER].kill()
    said(upstream, "Again")
    gate.open()
    waited(lambda: host.tick()[0].ended().state == "complete" and len(host.queue.taken) > 1)
    done = bob.ended(queued["id"])
    assert (done["status"], text_of(done)) == ("completed", "Again")
    assert_stream(bob.follow(queued["id"]))


def test_a_worker_killed_in_mid_answer_is_found_by_the_sweeper_and_its_response_fails_with_what_was_said(
    host: Host, bob: Caller, upstream: Upstream
) -> None:
    gate = held(upstream, text("Half"))
    with bob.streaming(background=True) as stream:
        seen = b""
        for chunk in stream.iter_bytes():
            seen += chunk
            if b'"delta":"Half"' in seen:
                break
    first = sent_events(seen)
    response_id = first[0]["response"]["id"]
    host.pools[WORKER].kill()
    gate.open()
    waited(lambda: host.tick()[0].ended().state == "complete" and len(host.queue.taken) > 1)
    failed = bob.ended(response_id)
    assert (failed["status"], failed["error"]["code"], text_of(failed)) == ("failed", "worker_lost", "Half")
    whole = first + sent_events(bob.follow(response_id, len(first) - 1))
    assert_events(whole)
    assert whole == assert_stream(bob.follow(response_id))


@pytest.mark.parametrize("door", ["rest", "url"])
def test_a_follower_leaves_before_its_functions_limit_without_an_ending_and_resumes(
    stored: Stored, upstream: Upstream, tmp_path: Path, door: str
) -> None:
    gate = held(upstream, text("One "), after=(text("two"),))
    with hosted(stored.url, tmp_path, upstream, ENVIRON, limits={OF_DOOR[door]: 4.0}) as host:
        bob = Caller(host, stored.bob, door)
        queued = bob.queue()
        assert gate.reached.wait(PATIENCE)
        first = bob.follow(queued["id"])
        assert b"[DONE]" not in first
        seen = sent_events(first)
        assert seen[-1]["type"] == "response.output_text.delta"
        gate.open()
        rest = sent_events(bob.follow(queued["id"], len(seen) - 1))
        assert_events(seen + rest)


def test_a_worker_at_its_own_limit_ends_its_response_as_incomplete(
    stored: Stored, upstream: Upstream, tmp_path: Path
) -> None:
    gate = held(upstream, text("Half"))
    with hosted(stored.url, tmp_path, upstream, ENVIRON, limits={WORKER: 5.0}) as host:
        bob = Caller(host, stored.bob)
        done = bob.ended(bob.queue()["id"])
        gate.open()
    assert (done["status"], done["incomplete_details"], text_of(done)) == ("incomplete", {"reason": "deadline"}, "Half")


def test_a_worker_logs_what_it_did_with_the_ids_of_its_response(
    host: Host, bob: Caller, upstream: Upstream, tmp_path: Path
) -> None:
    said(upstream, "canary")
    queued = bob.queue()
    bob.ended(queued["id"])

    def worked() -> list[dict[str, Any]]:
        lines = (tmp_path / f"{WORKER}.log").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line.get("message") == "worked"]

    waited(worked)
    [line] = worked()
    assert (line["method"], line["response_id"], line["outcome"]) == ("run", queued["id"], "completed")
    assert (line["service"], line["output_tokens"]) == ("run-response", 2)
    assert "canary" not in (tmp_path / f"{WORKER}.log").read_text()


def test_an_invocation_for_a_response_that_is_gone_has_nothing_to_do(host: Host) -> None:
    event = {"run": {"tenant": "default", "user": "bob", "response_id": "resp_0000000000000000000000000"}}
    answer = host.invoke(WORKER, event).ended()
    assert (answer.state, answer.document) == ("complete", {})


def test_a_run_takes_more_than_sixteen_functions_whose_time_is_up(
    stored: Stored, upstream: Upstream, tmp_path: Path
) -> None:
    """Lambda ends a chain of about 16 invocations, unless the function allows it."""
    gates = [Gate() for _ in range(17)]
    upstream.requests.clear()
    upstream.scripts = [*(kept(gate, words=number) for number, gate in enumerate(gates, 1)), kept()]
    keeps = {"up": {"kind": "openai_responses", "base_url": upstream.base_url, "background": True}}
    environ = {**ENVIRON, "ANTIPHON_PROVIDERS": json.dumps(keeps)}
    with hosted(stored.url, tmp_path, upstream, environ, limits={WORKER: 2.5}) as host:
        bob = Caller(host, stored.bob)
        queued = bob.queue()
        waited(lambda: bob.get(queued["id"])["status"] not in {"queued", "in_progress"}, 3 * PATIENCE)
        for gate in gates:
            gate.open()
        done = bob.get(queued["id"])
        assert (done["status"], text_of(done)) == ("completed", "".join(WORDS))
        assert {sent.event["run"]["response_id"] for sent in host.queue.taken} == {queued["id"]}
        assert len(host.queue.taken) >= 18, "a poll that finds it queued starts a worker, too"
        assert_stream(bob.follow(queued["id"]))
