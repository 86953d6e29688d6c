"""A deployment in the middle of a run: what another version has logged is refused, never read differently.

The other version is a response whose record has its number; its writer is held meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from antiphon.run.worker import perform
from antiphon.settings import ProviderEndpoint
from tests.support.caller import refused
from tests.support.durable import ADA, FAR, PLAIN, Open, Reader, ended, follow, held, queue
from tests.support.kept import kept
from tests.support.service import Service
from tests.support.streams import assert_stream, sent_events
from tests.support.upstream import Gate, Script, Upstream, finish, text, usage

OTHER = 99


@pytest.fixture
def service(opened: Open) -> Service:
    return opened()


def mark(service: Service, response_id: str) -> None:
    """Make a running response one of another version."""
    found = service.run(service.responses.get(ADA, response_id, 0))
    assert service.run(service.responses.take_over(found, replace(found, stream_version=OTHER)))


def begin(service: Service, key: str, stream: Any) -> str:
    """Read a stream to its first delta; return the id of its response."""
    seen = b""
    for piece in stream.iter_bytes():
        seen += piece
        if b'"delta":"One "' in seen:
            break
    found: str = sent_events(seen)[0]["response"]["id"]
    return found


def test_a_running_response_of_another_version_is_not_streamed_and_is_read_as_it_is(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(text("One "), after=(text("two"),))
    upstream.scripts = [script]
    with service.streaming(key, input="Hi", stream_options=PLAIN) as stream:
        response_id = begin(service, key, stream)
        mark(other, response_id)
        refused(follow(other, key, response_id), 409, "response_in_progress", "stream")
        assert other.retrieve(key, response_id)["status"] == "in_progress"
        gate.open()
    ended(service, key, response_id)
    assert_stream(follow(other, key, response_id).content)


def test_a_response_whose_writer_of_another_version_is_lost_fails_and_its_numbers_are_refused(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(text("One "))
    upstream.scripts = [script]
    with service.streaming(key, input="Hi", stream_options=PLAIN) as stream:
        response_id = begin(service, key, stream)
        mark(other, response_id)
        other.clock.ahead = FAR
        lost = other.retrieve(other.key(), response_id)
        other.clock.ahead = 0.0
        gate.open()
    assert (lost["status"], lost["error"]["code"], lost["output"]) == ("failed", "worker_lost", [])
    refused(follow(other, key, response_id, "&starting_after=4"), 400, "invalid_value", "starting_after")
    assert assert_stream(follow(other, key, response_id).content)[-1]["response"] == lost


def test_a_reader_whose_response_another_version_takes_over_leaves_without_an_ending(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(text("One "))
    upstream.scripts = [script]
    with service.streaming(key, input="Hi", background=True, stream_options=PLAIN) as stream:
        response_id = begin(service, key, stream)
        reader = Reader(other, key, response_id)
        reader.until(b"One ")
        mark(other, response_id)
        assert reader.events[-1]["type"] == "response.output_text.delta"
        assert b"[DONE]" not in reader.got
        gate.open()


def test_a_kept_response_of_which_another_version_said_something_is_not_said_again_differently(
    opened: Open, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.scripts = [kept(gate, words=3, ends=False), kept(), Script([b"{}"])]
    provider = ProviderEndpoint(kind="openai_responses", base_url=upstream.base_url, background=True)
    service, other = (opened(providers={"keeps": provider}) for _ in range(2))
    service.agent("keeper", provider="keeps")
    key = service.key()
    queued = service.create(key, model="keeper", input="Hi", background=True)
    reader = Reader(service, key, queued["id"])
    reader.until(b"word2")
    mark(other, queued["id"])
    other.clock.ahead = FAR
    other.run(perform(other.services, ADA, queued["id"], other.clock() + 30))
    lost = other.retrieve(other.key(), queued["id"])
    other.clock.ahead = 0.0
    gate.open()
    assert (lost["status"], lost["error"]["code"], lost["output"]) == ("failed", "worker_lost", [])
    assert reader.events[-1]["type"] == "response.output_text.delta"
    assert b"[DONE]" not in reader.got


def test_a_queued_response_of_another_version_that_has_not_begun_is_run_by_this_one(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [Script.stream(text("Done"), finish("stop"), usage(3, 1))]
    queued = queue(service, key)
    mark(other, queued["id"])
    other.run(perform(other.services, ADA, queued["id"], other.clock() + 30))
    assert other.retrieve(key, queued["id"])["status"] == "completed"
    assert_stream(follow(other, key, queued["id"]).content)
