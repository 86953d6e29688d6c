"""``/v1/responses`` over a WebSocket: real connections, a scripted model.

The protocol is the specification's ("WebSocket") and OpenAI's (developers.openai.com, "WebSocket Mode").
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus

from antiphon.access import roles
from antiphon.records import Grant, Limits, Role
from tests.support.caller import TENANT, misspelt
from tests.support.durable import replayed
from tests.support.schema import check_error
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, usage
from tests.support.websocket import Socket, is_refusal

PATIENCE = 20


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    with Service(tmp_path, upstream, cache_seconds=0) as running:
        yield running


def gated(gate: Gate, words: str = "Held") -> Script:
    return Script.stream(text(words), gate, text(" and done"), finish(), usage(1, 2))


def closed(socket: Socket) -> ConnectionClosed:
    """Wait until the server closes the connection."""
    with pytest.raises(ConnectionClosed) as ended:
        socket.wire.recv(PATIENCE)
    return ended.value


def code_of(ended: ConnectionClosed) -> int:
    assert ended.rcvd is not None
    return ended.rcvd.code


def refused_handshake(root: str, key: str | None, path: str = "/v1/responses") -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as refused:
        Socket(root, key, path)
    response = refused.value.response
    assert response.headers["x-request-id"]
    body = json.loads(response.body or b"")
    check_error(body)
    return response.status_code, body["error"]


# events


def test_an_answer_is_the_events_of_a_stream_without_done(service: Service, key: str, socket: Socket) -> None:
    streamed = service.stream(key, input="Hi")
    socket.send(input="Hi")
    events = socket.events()
    assert [event["type"] for event in events] == [event["type"] for event in streamed]
    response = events[-1]["response"]
    assert (response["status"], response["store"], response["background"]) == ("completed", True, False)
    assert service.retrieve(key, response["id"]) == response


def plain(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name != "obfuscation"} for event in events]


def test_the_events_of_a_connection_can_be_read_again_over_http(service: Service, key: str, socket: Socket) -> None:
    socket.send(input="Hi")
    events = plain(socket.events())
    response_id = events[-1]["response"]["id"]
    assert plain(replayed(service, key, response_id)) == events
    assert plain(replayed(service, key, response_id, after=4)) == events[5:]


def test_a_connection_serves_one_message_after_the_other(upstream: Upstream, socket: Socket) -> None:
    upstream.scripts = [answer("One"), answer("Two")]
    texts = [socket.create(input="Hi", store=store)["output"][0]["content"][0]["text"] for store in (False, True)]
    assert texts == ["One", "Two"]


def test_a_message_waits_until_the_response_before_it_has_ended(upstream: Upstream, socket: Socket) -> None:
    gate = Gate()
    upstream.scripts = [gated(gate), answer("Second")]
    socket.send(input="First")
    assert gate.reached.wait(PATIENCE)
    socket.send(input="Second")
    assert socket.wire.ping().wait(PATIENCE)
    assert len(upstream.requests) == 1
    gate.open()
    assert [socket.events()[-1]["response"]["output"][0]["content"][0]["text"] for _ in range(2)] == [
        "Held and done",
        "Second",
    ]


def test_a_message_may_be_binary(socket: Socket) -> None:
    socket.wire.send(json.dumps({"type": "response.create", "model": "agent", "input": "Hi"}).encode())
    assert socket.events()[-1]["response"]["status"] == "completed"


def test_a_field_of_http_streaming_that_asks_for_what_a_websocket_does_is_accepted(socket: Socket) -> None:
    """Codex sends ``stream: true``; the Python SDK has all three in its parameters."""
    options = {"include_obfuscation": False}
    socket.send(input="Hi", stream=True, background=False, stream_options=options)
    assert not any("obfuscation" in event for event in socket.events())


@pytest.mark.parametrize(("field", "value"), [("stream", False), ("background", True), ("stream_id", "a")])
def test_a_field_that_a_websocket_cannot_honour_is_refused_by_name(socket: Socket, field: str, value: Any) -> None:
    socket.refused(400, "unsupported_parameter", field, input="Hi", **{field: value})
    assert socket.create(input="Hi")["status"] == "completed"


# errors


@pytest.mark.parametrize(
    ("raw", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("[]", "invalid_type", None),
        ('{"model":"agent","input":"Hi"}', "missing_required_parameter", "type"),
        ('{"type":"response.cancel"}', "unsupported_value", "type"),
        ('{"type":{}}', "unsupported_value", "type"),
        ('{"type":"response.create","model":"agent","input":"Hi","no":1}', "unknown_parameter", "no"),
        ('{"type":"response.create","model":"agent","model":"agent"}', "duplicate_key", None),
        (b"\xff\xfe", "invalid_encoding", None),
    ],
)
def test_a_message_that_is_wrong_is_refused_and_the_connection_stays(
    socket: Socket, upstream: Upstream, raw: str | bytes, code: str, param: str | None
) -> None:
    socket.wire.send(raw)
    is_refusal(socket.receive(), 400, code, param)
    assert upstream.requests == []
    assert socket.create(input="Hi")["status"] == "completed"


def test_an_acknowledgement_is_not_answered(socket: Socket) -> None:
    """Codex sends ``response.processed`` if its feature of that name is on."""
    response = socket.create(input="Hi")
    socket.wire.send(json.dumps({"type": "response.processed", "response_id": response["id"]}))
    assert socket.create(input="Hi")["status"] == "completed"


def test_a_failure_in_mid_stream_has_a_status_and_the_connection_stays(upstream: Upstream, socket: Socket) -> None:
    """Codex ignores an ``error`` without a status."""
    upstream.scripts = [Script.cut_after(10_000, text("Half")), answer("Whole")]
    socket.send(input="Hi")
    events = [socket.receive()]
    while events[-1]["type"] != "response.failed":
        events.append(socket.receive())
    error = events[-2]
    assert (error["type"], error["status"], error["error"]["code"]) == ("error", 500, error["code"])
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert socket.create(input="Hi")["status"] == "completed"


def test_a_store_that_does_not_answer_is_an_error_and_the_connection_stays(service: Service, socket: Socket) -> None:
    socket.create(input="Hi")
    service.responses.broken.add("claim")
    event = socket.refused(503, "storage_unavailable", input="Hi")
    assert event["headers"]["retry-after"] == "1"
    service.responses.broken.clear()
    assert socket.create(input="Hi")["status"] == "completed"


# who


def test_a_connection_without_a_good_key_is_refused_in_the_envelope(service: Service, key: str) -> None:
    assert refused_handshake(service.root, None)[1]["code"] == "missing_api_key"
    assert refused_handshake(service.root, misspelt(key))[0] == 401
    service.user("guest", role="USER")
    assert refused_handshake(service.root, service.key("guest"))[0] == 403
    assert refused_handshake(service.root, service.key(read_only=True))[0] == 403


def test_a_websocket_of_another_path_is_refused_in_the_envelope(service: Service, key: str) -> None:
    assert refused_handshake(service.root, key, "/v1/models")[1]["code"] == "upgrade_required"
    assert refused_handshake(service.root, key, "/nowhere")[1]["code"] == "route_not_found"


def test_the_handshake_has_a_request_id(socket: Socket) -> None:
    assert socket.wire.response is not None
    assert socket.wire.response.headers["x-request-id"].startswith("req_")


def test_a_key_that_is_revoked_ends_the_connection_at_its_next_message(service: Service, key: str) -> None:
    with Socket(service.root, key) as socket:
        socket.create(input="Hi")
        (record,) = service.run(service.keys.list(TENANT))
        service.run(service.keys.revoke(TENANT, record.id, int(service.clock()) - 1))
        socket.refused(401, "key_revoked", input="Hi")
        assert code_of(closed(socket)) == 1008


# limits


def test_a_message_over_the_limit_closes_the_connection_with_1009(tmp_path: Path) -> None:
    with Service(tmp_path, max_body_bytes=4096) as service, Socket(service.root, service.key()) as socket:
        socket.send(input="a" * 5000)
        assert code_of(closed(socket)) == 1009


def test_a_message_over_the_tenants_own_limit_is_refused(service: Service) -> None:
    service.put(Role(TENANT, "SMALL", remote_agents=frozenset(roles.PERMISSIONS), limits=Limits(max_body_bytes=4096)))
    service.user("small", role="SMALL")
    service.put(Grant(TENANT, "agent", "user:small", 1))
    with Socket(service.root, service.key("small")) as socket:
        socket.refused(413, "request_too_large", input="a" * 5000)
        assert socket.create(input="Hi")["status"] == "completed"


def test_after_an_hour_the_connection_ends_with_its_error(service: Service, socket: Socket) -> None:
    socket.create(input="Hi")
    service.clock.ahead += 3600
    socket.send(input="Hi")
    is_refusal(socket.receive(), 400, "websocket_connection_limit_reached")
    assert code_of(closed(socket)) == 1001


def test_an_idle_connection_ends_at_its_limit_too(tmp_path: Path) -> None:
    with Service(tmp_path, websocket_seconds=0.2) as service, Socket(service.root, service.key()) as socket:
        is_refusal(socket.receive(), 400, "websocket_connection_limit_reached")
        assert code_of(closed(socket)) == 1001


def test_a_response_that_runs_at_the_limit_still_ends(service: Service, upstream: Upstream, socket: Socket) -> None:
    gate = Gate()
    upstream.scripts = [gated(gate)]
    socket.send(input="Hi")
    assert gate.reached.wait(PATIENCE)
    service.clock.ahead += 3600
    gate.open()
    assert socket.events()[-1]["response"]["status"] == "completed"
    is_refusal(socket.receive(), 400, "websocket_connection_limit_reached")


def test_too_many_messages_that_wait_close_the_connection(upstream: Upstream, socket: Socket) -> None:
    gate = Gate()
    upstream.scripts = [gated(gate)]
    socket.send(input="Hi")
    assert gate.reached.wait(PATIENCE)
    for _ in range(17):
        socket.send(input="Hi")
    gate.open()
    assert socket.events()[-1]["response"]["status"] == "completed"
    assert code_of(closed(socket)) == 1008
    assert len(upstream.requests) == 1


# clients that leave or do not read


def committed(service: Service) -> threading.Event:
    """Return an event that is set when a response was stored with its ending."""
    done = threading.Event()
    original = service.responses.commit

    async def commit(*args: Any) -> Any:
        result = await original(*args)
        done.set()
        return result

    service.responses.commit = commit
    return done


def test_a_client_that_leaves_does_not_end_the_run(service: Service, key: str, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [gated(gate)]
    with Socket(service.root, key) as socket:
        socket.send(input="Hi")
        response_id = socket.receive()["response"]["id"]
        assert gate.reached.wait(PATIENCE)
    done = committed(service)
    gate.open()
    assert done.wait(PATIENCE)
    assert service.retrieve(key, response_id)["output"][0]["content"][0]["text"] == "Held and done"


def test_a_response_is_cancelled_over_http_and_ends_on_its_connection(
    service: Service, key: str, upstream: Upstream, socket: Socket
) -> None:
    gate = Gate()
    upstream.scripts = [gated(gate), answer("Next")]
    socket.send(input="Hi")
    response_id = socket.receive()["response"]["id"]
    assert gate.reached.wait(PATIENCE)
    path = f"/v1/responses/{response_id}/cancel"
    assert service.client.post(path, headers={"authorization": f"Bearer {key}"}).status_code == 200
    while (event := socket.receive())["type"] != "response.incomplete":
        assert event["type"] != "error"
    assert socket.create(input="Hi")["status"] == "completed"


def test_clients_that_do_not_read_keep_no_other_from_being_served_and_their_runs_end(
    service: Service, key: str, upstream: Upstream
) -> None:
    long = Script.stream(*(text("word " * 2000) for _ in range(600)), finish(), usage(1, 2))
    upstream.scripts = [long] * 3 + [answer("Served")]
    stalled = [Socket(service.root, key, max_queue=1) for _ in range(3)]
    ids = []
    for socket in stalled:
        socket.send(input="Hi")
        ids.append(socket.receive()["response"]["id"])
    with Socket(service.root, key) as socket:
        assert socket.create(input="Hi")["output"][0]["content"][0]["text"] == "Served"
    service.settle(PATIENCE)
    assert {service.retrieve(key, response_id)["status"] for response_id in ids} == {"completed"}
    for socket in stalled:
        socket.wire.socket.close()


def test_a_hundred_connections_are_served_at_once(service: Service, key: str) -> None:
    service.agent("demo", provider="demo", model="demo")
    url = service.root.replace("http", "ws", 1) + "/v1/responses"

    async def one(number: int) -> str:
        headers = {"authorization": f"Bearer {key}"}
        previous: str | None = None
        said = ""
        async with connect_async(url, additional_headers=headers, proxy=None, open_timeout=60) as wire:
            for words in (f"My name is N{number}.", "What is my name?"):
                body = {"model": "demo", "input": words, "store": False, "previous_response_id": previous}
                await wire.send(json.dumps({"type": "response.create", **body}))
                while (event := json.loads(await wire.recv()))["type"] != "response.completed":
                    assert event["type"] != "error", event
                previous = event["response"]["id"]
                said = event["response"]["output"][0]["content"][0]["text"]
        return said

    async def many() -> list[str]:
        return await asyncio.gather(*(one(number) for number in range(100)))

    assert [f"N{number}" in said for number, said in enumerate(asyncio.run(many()))] == [True] * 100


def test_a_ping_is_answered_while_a_response_runs_and_a_message_waits(upstream: Upstream, socket: Socket) -> None:
    gate = Gate()
    upstream.scripts = [gated(gate), answer("Second")]
    socket.send(input="Hi")
    assert gate.reached.wait(PATIENCE)
    socket.send(input="Hi")
    assert all(socket.wire.ping().wait(PATIENCE) for _ in range(3))
    gate.open()
    assert [socket.events()[-1]["response"]["status"] for _ in range(2)] == ["completed", "completed"]
