"""Durable runs through the real functions: queued by one, run by another, followed and resumed by a third."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from local.lambda_host.host import Host
from tests.support.hosted import UPSTREAM, Stored, hosted
from tests.support.streams import assert_events, assert_stream, sent_events
from tests.support.upstream import Gate, Script, Upstream, finish, text, usage

PATIENCE = 30.0
WORKER = "RunResponse"
ENVIRON = {"ANTIPHON_LEASE_SECONDS": "1", "ANTIPHON_WATCH_SECONDS": "0.1", "ANTIPHON_RESERVE_SECONDS": "1"}
"""A short lease, so that a loss shows soon."""


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


def waited(come_true: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
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
