"""Durable runs: a response outlives its client, its connection and its process, and is read as a stream at any time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.caller import refused
from tests.support.durable import Open, Reader, ended, follow, held
from tests.support.service import Service
from tests.support.streams import assert_events, assert_stream, sent_events
from tests.support.upstream import Script, Upstream, answer, finish, text, usage


@pytest.fixture
def service(opened: Open) -> Service:
    return opened()


# foreground


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_running_response_is_followed_live_from_any_process(
    service: Service, other: Service, key: str, upstream: Upstream, where: str
) -> None:
    script, gate = held(text("One "), text("two "), after=(text("three"),))
    upstream.scripts = [script]
    reader_of = service if where == "here" else other
    options = {"include_obfuscation": False}
    with service.streaming(key, input="Hi", stream_options=options) as stream:
        chunks = stream.iter_bytes()
        live = b""
        while b"two " not in live:
            live += next(chunks)
        response_id = sent_events(live)[0]["response"]["id"]
        reader = Reader(reader_of, key, response_id)
        reader.until(b"two ")
        gate.open()
        live += b"".join(chunks)
    assert reader.events == sent_events(live) == assert_stream(follow(other, key, response_id).content)


@pytest.mark.parametrize("after", [0, 3, 4, 5, 7, 100])
def test_an_ended_response_is_read_from_any_event_with_the_same_numbers_and_cuts(
    service: Service, key: str, upstream: Upstream, after: int
) -> None:
    upstream.scripts = [Script.stream(text("One "), text("two "), text("three"), finish("stop"), usage(3, 2))]
    live = service.stream(key, input="Hi", stream_options={"include_obfuscation": False})
    reply = follow(service, key, live[0]["response"]["id"], f"&starting_after={after}")
    assert sent_events(reply.content) == live[after + 1 :]
    assert reply.content.endswith(b"data: [DONE]\n\n")


def test_a_json_answer_is_read_as_a_stream_afterwards(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [answer("One two")]
    response = service.create(key, input="Hi")
    events = assert_stream(follow(service, key, response["id"]).content)
    assert events[-1]["response"] == response


def test_what_is_not_logged_cannot_be_followed_while_it_runs(tmp_path: Path, upstream: Upstream) -> None:
    script, gate = held(text("A"))
    upstream.scripts = [script]
    with Service(tmp_path, upstream, run_log="off") as service:
        key = service.key()
        with service.streaming(key, input="Hi") as stream:
            chunks = stream.iter_bytes()
            response_id = sent_events(next(chunks))[0]["response"]["id"]
            refused(follow(service, key, response_id), 409, "response_in_progress", "stream")
            gate.open()
            live = b"".join(chunks)
        assert sent_events(follow(service, key, response_id).content)[-1]["type"] == "response.completed"
        assert live.endswith(b"data: [DONE]\n\n")


# background


def test_a_background_response_is_queued_at_once_and_polled_to_its_end(
    service: Service, key: str, upstream: Upstream
) -> None:
    script, gate = held(text("Done"))
    upstream.scripts = [script]
    queued = service.create(key, input="Hi", background=True)
    assert (queued["status"], queued["background"], queued["output"]) == ("queued", True, [])
    assert gate.reached.wait(10)
    assert service.retrieve(key, queued["id"])["status"] == "in_progress"
    gate.open()
    done = ended(service, key, queued["id"])
    assert done["status"] == "completed"
    assert done["output"][0]["content"][0]["text"] == "Done"


def test_a_background_stream_begins_with_queued_and_is_replayed_as_it_was(
    service: Service, key: str, upstream: Upstream
) -> None:
    upstream.scripts = [Script.stream(text("One "), text("two"), finish("stop"), usage(3, 2))]
    options = {"include_obfuscation": False}
    live = service.stream(key, input="Hi", background=True, stream_options=options)
    kinds = [event["type"] for event in live[:3]]
    assert kinds == ["response.created", "response.queued", "response.in_progress"]
    assert [event["response"]["status"] for event in live[:3]] == ["queued", "queued", "in_progress"]
    assert assert_stream(follow(service, key, live[0]["response"]["id"]).content) == live


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_background_stream_that_breaks_is_resumed_without_a_gap_or_a_repeat(
    service: Service, other: Service, key: str, upstream: Upstream, where: str
) -> None:
    script, gate = held(text("One "), after=(text("two"),))
    upstream.scripts = [script]
    options = {"include_obfuscation": False}
    with service.streaming(key, input="Hi", background=True, stream_options=options) as stream:
        seen = b""
        for chunk in stream.iter_bytes():
            seen += chunk
            if b"One " in seen:
                break
    first = sent_events(seen)
    reader_of = service if where == "here" else other
    reader = Reader(reader_of, key, first[0]["response"]["id"], f"&starting_after={len(first) - 1}")
    gate.open()
    whole = first + reader.events
    assert_events(whole)
    assert [event["sequence_number"] for event in whole] == list(range(len(whole)))
    assert whole == sent_events(follow(service, key, first[0]["response"]["id"]).content)


def test_a_client_that_leaves_at_created_does_not_stop_the_run(service: Service, key: str, upstream: Upstream) -> None:
    script, gate = held(text("Done"))
    upstream.scripts = [script]
    with service.streaming(key, input="Hi", background=True) as stream:
        response_id = sent_events(next(stream.iter_bytes()))[0]["response"]["id"]
    gate.open()
    assert ended(service, key, response_id)["status"] == "completed"


@pytest.mark.parametrize("when", ["queued", "running"])
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_background_response_is_cancelled_from_any_process_and_stays_so(
    service: Service, other: Service, key: str, upstream: Upstream, where: str, when: str
) -> None:
    script, gate = held(text("Half"))
    upstream.scripts = [script]
    service.has_workers = when == "running"
    queued = service.create(key, input="Hi", background=True)
    if when == "running":
        assert gate.reached.wait(10)
    canceller = service if where == "here" else other
    reply = canceller.client.post(f"/v1/responses/{queued['id']}/cancel", headers={"authorization": f"Bearer {key}"})
    assert reply.status_code == 200
    assert reply.json()["status"] == "cancelled"
    gate.open()
    again = canceller.client.post(f"/v1/responses/{queued['id']}/cancel", headers={"authorization": f"Bearer {key}"})
    assert again.json() == reply.json() == service.retrieve(key, queued["id"])
    assert assert_stream(follow(other, key, queued["id"]).content)[-1]["type"] == "response.incomplete"


def test_too_many_queued_responses_of_one_user_are_refused_for_a_while(tmp_path: Path, upstream: Upstream) -> None:
    script, gate = held(text("Done"))
    upstream.scripts = [script]
    with Service(tmp_path, upstream, max_queued_runs=2) as service:
        key = service.key()
        queued = [service.create(key, input="Hi", background=True) for _ in range(2)]
        reply = service.post(key, model="agent", input="Hi", background=True)
        refused(reply, 429, "too_many_queued", "background")
        assert int(reply.headers["retry-after"]) >= 1
        service.user("bob")
        service.agent("bobs", author="bob")
        service.create(service.key("bob"), model="bobs", input="Hi", background=True)
        gate.open()
        for response in queued:
            ended(service, key, response["id"])
        assert service.create(key, input="Hi", background=True)["status"] == "queued"


def test_a_failure_of_a_background_response_is_in_the_response(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(401)]
    queued = service.create(key, input="Hi", background=True)
    failed = ended(service, key, queued["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "provider_auth")
    assert assert_stream(follow(service, key, queued["id"]).content)[-1]["response"] == failed


def test_what_is_wrong_with_a_background_request_is_said_at_once(service: Service, key: str) -> None:
    refused(service.post(key, model="nobody", input="Hi", background=True), 404, "model_not_found", "model")


def test_a_background_response_is_continued_once_it_has_ended(service: Service, key: str, upstream: Upstream) -> None:
    script, gate = held(text("One"))
    upstream.scripts = [script, answer("Two")]
    queued = service.create(key, input="Hi", background=True)
    reply = service.post(key, model="agent", input="On", previous_response_id=queued["id"])
    refused(reply, 409, "response_in_progress", "previous_response_id")
    gate.open()
    ended(service, key, queued["id"])
    second = service.create(key, input="On", previous_response_id=queued["id"], background=True)
    assert ended(service, key, second["id"])["status"] == "completed"
    sent = [message["content"] for message in upstream.requests[-1].body["messages"]]
    assert sent == ["Hi", "One", "On"]


def test_deleting_a_running_background_response_ends_it_for_its_reader(
    service: Service, other: Service, key: str, upstream: Upstream
) -> None:
    script, _ = held(text("Half"))
    upstream.scripts = [script]
    queued = service.create(key, input="Hi", background=True)
    reader = Reader(other, key, queued["id"])
    reader.until(b"Half")
    reply = service.client.delete(f"/v1/responses/{queued['id']}", headers={"authorization": f"Bearer {key}"})
    assert reply.status_code == 200
    assert_events(reader.events)
    refused(service.get(f"/v1/responses/{queued['id']}", key), 404, "response_not_found")
