"""The WebSocket API of the stack: the real create function behind a gateway on this machine, which it pushes to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from local.lambda_host.host import Host
from tests.support.caller import misspelt
from tests.support.hosted import AGENT, UPSTREAM, Stored
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, usage
from tests.support.websocket import PATIENCE, Socket


def dial(host: Host, key: str | None, path: str = "/responses") -> Socket:
    assert host.socket is not None
    return Socket(host.socket.root, key, path)


def gated(gate: Gate) -> Script:
    return Script.stream(text("Held"), gate, text(" and done"), finish(), usage(1, 2))


def test_a_message_is_answered_by_pushed_events_and_the_response_is_stored(host: Host, stored: Stored) -> None:
    with dial(host, stored.ada) as socket:
        socket.send(model=AGENT, input="Hi")
        response = socket.events()[-1]["response"]
    read = f"{host.rest.root}/v1/responses/{response['id']}"
    assert asked(read, stored.ada) == response


def asked(url: str, key: str) -> Any:
    import httpx2

    reply = httpx2.get(url, headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=30)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_stored_conversation_goes_on_and_an_unstored_one_is_not_found(host: Host, stored: Stored) -> None:
    with dial(host, stored.ada) as socket:
        first = socket.create(model=AGENT, input="My name is Ada.")
        second = socket.create(model=AGENT, input="What is my name?", previous_response_id=first["id"])
        assert "Ada" in second["output"][0]["content"][0]["text"]
        unstored = socket.create(model=AGENT, input="Hi", store=False)
        socket.refused(
            404,
            "previous_response_not_found",
            model=AGENT,
            input="On",
            store=False,
            previous_response_id=unstored["id"],
        )


def test_a_message_that_is_wrong_is_refused_and_the_connection_stays(host: Host, stored: Stored) -> None:
    with dial(host, stored.ada) as socket:
        socket.refused(404, "model_not_found", "model", model="absent", input="Hi")
        socket.wire.send("{")
        assert socket.receive()["error"]["code"] == "invalid_json"
        assert socket.create(model=AGENT, input="Hi")["status"] == "completed"


def test_a_key_that_may_not_use_the_api_opens_no_connection(host: Host, stored: Stored) -> None:
    """What the gateway refuses is in its own words: a WebSocket API has no gateway responses to set."""
    for key in (None, misspelt(stored.ada), "nonsense"):
        with pytest.raises(InvalidStatus) as refused:
            dial(host, key)
        assert refused.value.response.status_code == 403


def test_a_second_message_while_a_response_runs_is_refused(host: Host, stored: Stored, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [gated(gate), answer("Next")]
    upstream.requests.clear()
    with dial(host, stored.bob) as socket:
        socket.send(model=UPSTREAM, input="Hi")
        assert gate.reached.wait(PATIENCE)
        socket.send(model=UPSTREAM, input="Hi")
        events = [socket.receive()]
        while events[-1]["type"] != "error":
            events.append(socket.receive())
        assert (events[-1]["status"], events[-1]["error"]["code"]) == (409, "response_in_progress")
        gate.open()
        while events[-1]["type"] != "response.completed":
            events.append(socket.receive())
        assert len(upstream.requests) == 1
        assert socket.create(model=UPSTREAM, input="Hi")["status"] == "completed"


def test_a_message_that_is_delivered_twice_is_answered_once(host: Host, stored: Stored, upstream: Upstream) -> None:
    """Lambda delivers an asynchronous invocation at least once."""
    upstream.scripts = [answer("Once")]
    upstream.requests.clear()
    sent: list[Any] = []
    assert host.socket is not None
    invoke = host.socket._invoke
    host.socket._invoke = lambda event: sent.append(event) or invoke(event)
    try:
        with dial(host, stored.bob) as socket:
            assert socket.create(model=UPSTREAM, input="Hi")["status"] == "completed"
            invoke(sent[-1]).ended()
            invoke(sent[-1]).ended()
            assert len(upstream.requests) == 1
            socket.refused(404, "model_not_found", model="absent", input="Hi")
    finally:
        host.socket._invoke = invoke


def test_a_client_that_leaves_does_not_end_the_run(host: Host, stored: Stored, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [gated(gate)]
    upstream.requests.clear()
    answers: list[Any] = []
    assert host.socket is not None
    invoke = host.socket._invoke
    host.socket._invoke = lambda event: answers.append(invoke(event)) or answers[-1]
    try:
        with dial(host, stored.bob) as socket:
            socket.send(model=UPSTREAM, input="Hi")
            response_id = socket.receive()["response"]["id"]
            assert gate.reached.wait(PATIENCE)
        gate.open()
        assert answers[-1].ended().document == {}
    finally:
        host.socket._invoke = invoke
    read = asked(f"{host.rest.root}/v1/responses/{response_id}", stored.bob)
    assert read["output"][0]["content"][0]["text"] == "Held and done"


def test_an_event_over_the_gateways_limit_is_an_error_and_the_response_can_be_read(
    host: Host, stored: Stored, upstream: Upstream
) -> None:
    upstream.scripts = [Script.stream(*(text("word " * 2000) for _ in range(15)), finish(), usage(1, 2))]
    with dial(host, stored.bob) as socket:
        socket.send(model=UPSTREAM, input="Hi")
        events = [socket.receive()]
        while events[-1]["type"] != "error":
            events.append(socket.receive())
    assert (events[-1]["status"], events[-1]["error"]["code"]) == (413, "request_too_large")
    read = asked(f"{host.rest.root}/v1/responses/{events[0]['response']['id']}", stored.bob)
    assert read["status"] in {"completed", "in_progress"}


def test_a_message_over_the_gateways_limit_closes_the_connection_with_1009(host: Host, stored: Stored) -> None:
    with dial(host, stored.ada) as socket:
        socket.send(model=AGENT, input="a" * 140_000)
        with pytest.raises(ConnectionClosed) as ended:
            socket.wire.recv(PATIENCE)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1009


def test_the_openai_sdk_connects_by_the_url_of_the_stack(host: Host, stored: Stored) -> None:
    """It appends ``/responses`` to the URL that it is given; the stage has that name."""
    assert host.socket is not None
    url = host.socket.root.replace("http", "ws", 1)
    with openai.OpenAI(base_url=f"{host.rest.root}/v1", websocket_base_url=url, api_key=stored.ada) as client:
        with client.responses.connect() as connection:
            connection.response.create(model=AGENT, input="Hello!")
            for event in connection:
                if event.type == "response.completed":
                    break
        assert client.responses.retrieve(event.response.id).output_text == event.response.output_text


def test_an_event_of_no_known_kind_is_ignored_as_before(host: Host) -> None:
    assert host.invoke("CreateResponse", {"warm": True}).ended().document == {
        "ignored": "This function answers HTTP requests only."
    }


def test_a_policy_of_the_authorizer_names_the_connection_that_was_asked_for(host: Host, stored: Stored) -> None:
    arn = "arn:aws:execute-api:eu-central-1:123456789012:api/responses/$connect"
    event = {
        "type": "REQUEST",
        "methodArn": arn,
        "headers": {"Authorization": f"bearer {stored.ada}"},
        "requestContext": {"routeKey": "$connect"},
    }
    document = host.invoke("CreateResponse", event).ended().document
    assert document is not None
    assert document["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": arn}
    ]
    assert stored.ada not in json.dumps(document)


def test_logs_hold_no_key_and_no_words_of_a_message(host: Host, stored: Stored, tmp_path: Path) -> None:
    with dial(host, stored.ada) as socket:
        socket.create(model=AGENT, input="canary-words")
    log = next(iter(host.pools["CreateResponse"].environments))._log.name
    told = Path(log).read_text()
    assert '"served"' in told
    assert "canary-words" not in told
    assert stored.ada not in told
