"""What a WebSocket remembers: unstored responses that are continued on their connection, and warm-ups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.access import roles
from antiphon.records import Grant, Role
from tests.support.caller import TENANT
from tests.support.durable import replayed
from tests.support.server_tools import Tools, says, server
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, finish, tool_call, usage
from tests.support.websocket import Socket


@pytest.fixture
def service(tmp_path: Path, upstream: Upstream) -> Iterator[Service]:
    with Service(tmp_path, upstream, cache_seconds=0) as running:
        yield running


def told(upstream: Upstream, turn: int) -> list[str]:
    """Return what the model was told, without roles."""
    return [message["content"] for message in upstream.requests[turn].body["messages"]]


def test_an_unstored_response_is_continued_on_its_connection(upstream: Upstream, socket: Socket) -> None:
    upstream.scripts = [answer("Hello Ada"), answer("Ada"), answer("Bye")]
    first = socket.create(input="I am Ada", store=False)
    second = socket.create(input="Who am I?", store=False, previous_response_id=first["id"])
    third = socket.create(input="Bye", store=False, previous_response_id=second["id"])
    assert told(upstream, 1) == ["I am Ada", "Hello Ada", "Who am I?"]
    assert told(upstream, 2) == ["I am Ada", "Hello Ada", "Who am I?", "Ada", "Bye"]
    assert third["previous_response_id"] == second["id"]


@pytest.mark.parametrize("shows", [True, False], ids=["shown", "hidden"])
def test_calls_of_an_unstored_response_are_read_on_its_connection_whether_or_not_it_shows_them(
    tmp_path: Path, upstream: Upstream, shows: bool
) -> None:
    called = Script.stream(tool_call(0, "call_a", "crm__find", "{}"), finish("tool_calls"), usage(10, 5))
    upstream.scripts = [called, answer("It is Ada"), answer("Still Ada")]
    with Service(tmp_path, upstream, runner=Tools(find=says("Ada Lovelace"))) as service:
        service.agent("agent", servers=(server("find"),), show_tools=shows)
        with Socket(service.root, service.key()) as socket:
            first = socket.create(input="Who?", store=False)
            socket.create(input="And now?", store=False, previous_response_id=first["id"])
    assert told(upstream, 2) == ["Who?", None, "Ada Lovelace", "It is Ada", "And now?"]


def test_an_unstored_response_leaves_nothing_in_the_store(service: Service, key: str, socket: Socket) -> None:
    response = socket.create(input="Hi", store=False)
    assert service.get(f"/v1/responses/{response['id']}", key).status_code == 404
    assert service.responses.calls["claim"] == 0


def test_only_the_newest_response_is_remembered(socket: Socket) -> None:
    first = socket.create(input="Hi", store=False)
    second = socket.create(input="Again", store=False, previous_response_id=first["id"])
    socket.refused(404, "previous_response_not_found", input="x", store=False, previous_response_id=first["id"])
    assert socket.create(input="On", store=False, previous_response_id=second["id"])["status"] == "completed"


def test_another_connection_remembers_nothing_of_it(service: Service, key: str, socket: Socket) -> None:
    response = socket.create(input="Hi", store=False)
    with Socket(service.root, key) as other:
        other.refused(404, "previous_response_not_found", input="x", store=False, previous_response_id=response["id"])
    assert socket.create(input="On", store=False, previous_response_id=response["id"])["status"] == "completed"


def test_an_unstored_turn_continues_a_stored_one_and_reads_it_again(
    service: Service, key: str, upstream: Upstream, socket: Socket
) -> None:
    upstream.scripts = [answer("Stored"), answer("Unstored"), answer("Third")]
    stored = service.create(key, input="One")
    second = socket.create(input="Two", store=False, previous_response_id=stored["id"])
    third = socket.create(input="Three", store=False, previous_response_id=second["id"])
    assert told(upstream, 2) == ["One", "Stored", "Two", "Unstored", "Three"]
    assert service.client.delete(f"/v1/responses/{stored['id']}", headers={"authorization": f"Bearer {key}"}).is_success
    socket.refused(404, "previous_response_not_found", input="Four", store=False, previous_response_id=third["id"])


def test_a_stored_response_cannot_continue_an_unstored_one(service: Service, socket: Socket) -> None:
    """What the caller asked not to store would be stored, or the stored conversation would have a hole."""
    first = socket.create(input="Hi", store=False)
    socket.refused(400, "invalid_value", "store", input="On", previous_response_id=first["id"])
    assert service.responses.calls["claim"] == 0


def test_an_item_of_an_unstored_response_can_be_referred_to(upstream: Upstream, socket: Socket) -> None:
    upstream.scripts = [answer("Hello Ada"), answer("Yes")]
    first = socket.create(input="I am Ada", store=False)
    items = [{"type": "item_reference", "id": first["output"][0]["id"]}, {"role": "user", "content": "Again"}]
    socket.create(input=items, store=False)
    assert told(upstream, 1) == ["Hello Ada", "Again"]


def test_a_continuation_that_is_refused_is_forgotten(socket: Socket) -> None:
    first = socket.create(input="Hi", store=False)
    output = [{"type": "function_call_output", "call_id": "call_absent", "output": "?"}]
    socket.refused(400, "tool_output_mismatch", input=output, store=False, previous_response_id=first["id"])
    socket.refused(404, "previous_response_not_found", input="x", store=False, previous_response_id=first["id"])


def test_a_continuation_that_fails_at_the_model_is_forgotten(upstream: Upstream, socket: Socket) -> None:
    upstream.scripts = [answer("Hello"), Script.error(400), answer("New")]
    first = socket.create(input="Hi", store=False)
    socket.send(input="On", store=False, previous_response_id=first["id"])
    while (event := socket.receive())["type"] != "response.failed":
        assert event["type"] in {"response.created", "response.in_progress", "error"}
    socket.refused(404, "previous_response_not_found", input="x", store=False, previous_response_id=first["id"])
    assert socket.create(input="New", store=False)["status"] == "completed"


def test_a_stored_conversation_goes_on_after_a_failed_continuation(upstream: Upstream, socket: Socket) -> None:
    first = socket.create(input="Hi")
    socket.refused(400, "out_of_range", input="On", temperature=3, previous_response_id=first["id"])
    assert socket.create(input="On", previous_response_id=first["id"])["status"] == "completed"


def test_a_conversation_over_the_size_limit_is_forgotten(tmp_path: Path) -> None:
    with Service(tmp_path, max_chain_bytes=4096) as service, Socket(service.root, service.key()) as socket:
        first = socket.create(input="a" * 5000, store=False)
        socket.refused(404, "previous_response_not_found", input="x", store=False, previous_response_id=first["id"])


def test_a_grant_that_is_revoked_closes_the_conversation_of_an_open_connection(service: Service) -> None:
    service.user("eve", role="USER")
    service.put(Role(TENANT, "USER", remote_agents=frozenset(roles.PERMISSIONS)))
    service.put(Grant(TENANT, "agent", "user:eve", 1))
    with Socket(service.root, service.key("eve")) as socket:
        first = socket.create(input="Hi", store=False)
        service.put(Grant(TENANT, "agent", "user:eve", 0))
        socket.refused(404, "model_not_found", "model", input="On", store=False, previous_response_id=first["id"])


# warm-up


def test_a_warm_up_calls_no_model_and_can_be_continued(upstream: Upstream, socket: Socket) -> None:
    warm = socket.create(generate=False, instructions="Rhyme.", input="I am Ada", store=False)
    assert (warm["status"], warm["output"], upstream.requests) == ("completed", [], [])
    socket.create(input="Who am I?", store=False, previous_response_id=warm["id"])
    assert told(upstream, 0) == ["I am Ada", "Who am I?"]


def test_a_warm_up_may_have_no_input(upstream: Upstream, socket: Socket) -> None:
    """Codex warms up with ``input: []`` before there is a prompt."""
    for nothing in ([], None):
        warm = socket.create(generate=False, input=nothing, store=False)
        socket.create(input="Hi", store=False, previous_response_id=warm["id"])
    assert [told(upstream, turn) for turn in range(2)] == [["Hi"], ["Hi"]]


def test_a_stored_warm_up_is_continued_from_anywhere(
    service: Service, key: str, upstream: Upstream, socket: Socket
) -> None:
    warm = socket.create(generate=False, input="I am Ada")
    assert service.retrieve(key, warm["id"]) == warm
    assert [event["type"] for event in replayed(service, key, warm["id"])] == [
        "response.created",
        "response.in_progress",
        "response.completed",
    ]
    service.create(key, input="Who am I?", previous_response_id=warm["id"])
    assert told(upstream, 0) == ["I am Ada", "Who am I?"]


def test_a_warm_up_is_checked_as_any_request(service: Service, upstream: Upstream, socket: Socket) -> None:
    socket.refused(400, "out_of_range", "temperature", generate=False, input="Hi", temperature=3)
    socket.refused(404, "model_not_found", "model", generate=False, input="Hi", model="absent")
    socket.refused(400, "invalid_type", "generate", generate="no", input="Hi")
    assert upstream.requests == []
    assert service.responses.calls["claim"] == 0


def test_a_warm_up_counts_as_a_request(tmp_path: Path) -> None:
    with Service(tmp_path, requests_per_minute=1) as service, Socket(service.root, service.key()) as socket:
        socket.create(generate=False, input="Hi")
        event = socket.refused(429, "rate_limit_exceeded", generate=False, input="Hi")
        assert 1 <= int(event["headers"]["retry-after"]) <= 60
