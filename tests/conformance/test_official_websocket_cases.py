"""The WebSocket cases of the Open Responses project's own compliance suite, told anew.

Source of the cases: the suite of github.com/openresponses/openresponses (``src/lib/compliance``); the words
and the code are ours. ``Socket`` holds every answer to the official schema and to the grammar, and every error to
``WebSocketErrorEvent``.
"""

from __future__ import annotations

from typing import Any

from tests.conformance.conftest import message
from tests.support.schema import check, check_response
from tests.support.service import Service
from tests.support.websocket import Socket


def completed(response: dict[str, Any]) -> str:
    """Require a completed response with output. Return its text."""
    check_response(response)
    assert response["status"] == "completed"
    assert response["output"]
    return str(response["output"][0]["content"][0]["text"])


def test_a_response_is_created_over_a_websocket(socket: Socket) -> None:
    completed(socket.create(input=[message("user", "Count to three.")]))


def test_one_connection_gives_several_responses_in_turn(socket: Socket) -> None:
    first, second = (socket.create(input=f"Say {word}.", store=False) for word in ("first", "second"))
    assert completed(first)
    assert completed(second)
    assert first["id"] != second["id"]


def test_an_unstored_response_goes_on_with_its_id_and_new_input_alone(socket: Socket) -> None:
    first = socket.create(input="My name is Cobalt.", store=False)
    second = socket.create(input="What is my name?", store=False, previous_response_id=first["id"])
    assert "Cobalt" in completed(second)


def test_an_unstored_response_is_not_found_on_a_new_connection_which_starts_anew(service: Service, key: str) -> None:
    with Socket(service.root, key) as socket:
        first = socket.create(input="My name is Copper.", store=False)
    with Socket(service.root, key) as socket:
        socket.refused(404, "previous_response_not_found", input="On.", store=False, previous_response_id=first["id"])
        completed(socket.create(input=[message("user", "Begin again.")], store=False))


def test_an_unknown_previous_response_is_not_found(socket: Socket) -> None:
    absent = "resp_openresponses_missing_1"
    socket.refused(404, "previous_response_not_found", input="On.", store=False, previous_response_id=absent)


def test_a_failed_continuation_is_dropped_from_the_connection(socket: Socket) -> None:
    first = socket.create(input="My name is Ember.", store=False)
    output = [{"type": "function_call_output", "call_id": "call_openresponses_missing", "output": "None."}]
    socket.refused(400, "tool_output_mismatch", input=output, store=False, previous_response_id=first["id"])
    socket.refused(404, "previous_response_not_found", input="On.", store=False, previous_response_id=first["id"])


def test_a_compacted_conversation_begins_a_new_chain(service: Service, key: str, socket: Socket) -> None:
    said = [message("user", "My name is Slate."), message("assistant", "Noted."), message("user", "Compact this.")]
    headers = {"authorization": f"Bearer {key}"}
    answer = service.client.post("/v1/responses/compact", json={"model": "agent", "input": said}, headers=headers)
    assert answer.status_code == 200
    check("CompactResource", answer.json())
    items = [*answer.json()["output"], message("user", "What is my name?")]
    assert "Slate" in completed(socket.create(input=items, tools=[], store=False))
