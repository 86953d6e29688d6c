"""Conversations over a real socket: what OpenAI's clients do with them, and what a model reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.caller import Caller, refused
from tests.support.conversing import ANSWER, Json, begin, listed, ok, send, told, user, words
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, tool_call

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}}
ABSENT = ("conv_" + "0" * 22, "conv_x", "resp_" + "0" * 31, "%2e%2e", "x" * 10_000)


# the resource


def test_a_conversation_is_created_read_changed_and_deleted(service: Caller, key: str) -> None:
    made = ok(send(service, key, "POST", "", {"metadata": {"topic": "demo"}}))
    assert made == {
        "id": made["id"],
        "object": "conversation",
        "created_at": made["created_at"],
        "metadata": {"topic": "demo"},
    }
    path = f"/{made['id']}"
    assert ok(send(service, key, "GET", path)) == made
    changed = ok(send(service, key, "POST", path, {"metadata": {"topic": "songs"}}))
    assert changed == {**made, "metadata": {"topic": "songs"}} == ok(send(service, key, "GET", path))
    assert ok(send(service, key, "DELETE", path)) == {
        "id": made["id"],
        "object": "conversation.deleted",
        "deleted": True,
    }
    refused(send(service, key, "GET", path), 404, "conversation_not_found")
    refused(send(service, key, "DELETE", path), 404, "conversation_not_found")


def test_a_response_reads_the_conversation_and_is_added_to_it(service: Caller, key: str, upstream: Upstream) -> None:
    conversation = begin(service, key, items=[user("My name is Ada.")])
    first = service.create(key, input="What is my name?", conversation=conversation)
    assert first["conversation"] == {"id": conversation}
    assert first["previous_response_id"] is None
    assert told(upstream) == ["My name is Ada.", "What is my name?"]
    second = service.create(key, input="Sure?", conversation={"id": conversation})
    assert told(upstream) == ["My name is Ada.", "What is my name?", ANSWER, "Sure?"]
    assert service.retrieve(key, second["id"]) == second
    assert words(listed(service, key, conversation)) == [
        "My name is Ada.",
        "What is my name?",
        ANSWER,
        "Sure?",
        ANSWER,
    ]


def test_a_stream_is_added_as_a_body_is(service: Caller, key: str) -> None:
    conversation = begin(service, key)
    events = service.stream(key, input="Hi", conversation=conversation)
    assert {event["response"]["conversation"]["id"] for event in events if "response" in event} == {conversation}
    assert words(listed(service, key, conversation)) == ["Hi", ANSWER]


def test_calls_and_outputs_go_through_a_conversation(service: Caller, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(tool_call(0, "call_1", "look"), finish("tool_calls")), answer("Done")]
    conversation = begin(service, key)
    service.create(key, input="Look!", conversation=conversation, tools=[TOOL])
    refused(
        service.post(key, model="agent", input="Well?", conversation=conversation), 400, "tool_output_mismatch", "input"
    )
    output = {"type": "function_call_output", "call_id": "call_1", "output": "a song"}
    ok(send(service, key, "POST", f"/{conversation}/items", {"items": [output]}))
    service.create(key, input="Well?", conversation=conversation)
    kinds = [item["type"] for item in listed(service, key, conversation)]
    assert kinds == ["message", "function_call", "function_call_output", "message", "message"]


def test_without_store_a_conversation_is_read_and_nothing_is_added(
    service: Caller, key: str, upstream: Upstream
) -> None:
    """https://github.com/llamastack/llama-stack/issues/5304: nothing may be kept of such a request."""
    conversation = begin(service, key, items=[user("One")])
    service.create(key, input="Two", conversation=conversation, store=False)
    assert told(upstream) == ["One", "Two"]
    assert words(listed(service, key, conversation)) == ["One"]


def test_a_failed_response_leaves_the_conversation_as_it_was(service: Caller, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(400), answer("Right")]
    conversation = begin(service, key, items=[user("One")])
    assert service.post(key, model="agent", input="Two", conversation=conversation).status_code == 500
    assert words(listed(service, key, conversation)) == ["One"]
    service.create(key, input="Two", conversation=conversation)
    assert told(upstream) == ["One", "Two"]
    assert words(listed(service, key, conversation)) == ["One", "Two", "Right"]


def test_an_incomplete_response_is_added_as_far_as_it_came(service: Caller, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.stream(text("Half"), finish("length")), answer("Right")]
    conversation = begin(service, key)
    assert service.create(key, input="One", conversation=conversation)["status"] == "incomplete"
    service.create(key, input="Two", conversation=conversation)
    assert words(listed(service, key, conversation)) == ["One", "Half", "Two", "Right"]


def test_a_cancelled_response_leaves_the_conversation_as_it_was(service: Caller, key: str, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Half"), gate), answer("Right")]
    conversation = begin(service, key)
    with service.streaming(key, input="One", conversation=conversation) as stream:
        running = next(line for line in stream.iter_lines() if line.startswith("data: "))
        assert gate.reached.wait(10)
        response_id = json.loads(running[6:])["response"]["id"]
        headers = {"authorization": f"Bearer {key}"}
        service.client.post(f"/v1/responses/{response_id}/cancel", headers=headers)
    gate.open()
    assert service.retrieve(key, response_id)["status"] in ("cancelled", "incomplete")
    assert listed(service, key, conversation) == []
    service.create(key, input="Two", conversation=conversation)
    assert words(listed(service, key, conversation)) == ["Two", "Right"]


def test_while_a_response_runs_nothing_else_is_added(service: Caller, key: str, upstream: Upstream) -> None:
    """https://github.com/paulgmiller/careme/issues/379: the code of OpenAI; our 409 is retried by its clients."""
    gate = Gate()
    upstream.scripts = [Script.stream(text("Slow"), gate, finish())]
    conversation = begin(service, key)
    with service.streaming(key, input="One", conversation=conversation) as stream:
        lines = stream.iter_lines()
        next(lines)
        assert gate.reached.wait(10)
        second = service.post(key, model="agent", input="Two", conversation=conversation)
        refused(second, 409, "conversation_locked", "conversation")
        refused(
            send(service, key, "POST", f"/{conversation}/items", {"items": [user("Two")]}), 409, "conversation_locked"
        )
        assert listed(service, key, conversation) == []
        gate.open()
        list(lines)
    assert words(listed(service, key, conversation)) == ["One", "Slow"]
    assert len(upstream.requests) == 1


def test_what_is_said_before_a_response_is_among_its_input_items(service: Caller, key: str) -> None:
    conversation = begin(service, key, items=[user("One")])
    response = service.create(key, input="Two", conversation=conversation)
    service.create(key, input="Three", conversation=conversation)
    page = service.get(f"/v1/responses/{response['id']}/input_items?order=asc", key).json()
    assert words(page["data"]) == ["One", "Two"]


def test_a_response_of_a_conversation_is_continued_beside_it(service: Caller, key: str, upstream: Upstream) -> None:
    conversation = begin(service, key, items=[user("One")])
    response = service.create(key, input="Two", conversation=conversation)
    beside = service.create(key, input="Three", previous_response_id=response["id"])
    assert told(upstream) == ["One", "Two", ANSWER, "Three"]
    service.create(key, input="Four", previous_response_id=beside["id"])
    assert told(upstream) == ["One", "Two", ANSWER, "Three", ANSWER, "Four"]
    assert words(listed(service, key, conversation)) == ["One", "Two", ANSWER]


def test_a_conversation_and_a_previous_response_exclude_each_other(service: Caller, key: str) -> None:
    conversation = begin(service, key)
    previous = service.create(key, input="Hi")["id"]
    both = service.post(key, model="agent", input="On", conversation=conversation, previous_response_id=previous)
    refused(both, 400, "invalid_value", "conversation")


def test_tokens_are_counted_with_the_conversation(service: Caller, key: str) -> None:
    conversation = begin(service, key, items=[user("one two three four five six seven")])

    def count(**more: Any) -> int:
        headers = {"authorization": f"Bearer {key}"}
        body = {"model": "agent", "input": "eight", **more}
        reply = service.client.post("/v1/responses/input_tokens", json=body, headers=headers)
        tokens: int = ok(reply)["input_tokens"]
        return tokens

    assert count(conversation=conversation) > count()
    assert words(listed(service, key, conversation)) == ["one two three four five six seven"]


# items


def test_items_are_added_read_and_deleted_one_by_one(service: Caller, key: str, upstream: Upstream) -> None:
    conversation = begin(service, key)
    added = ok(send(service, key, "POST", f"/{conversation}/items", {"items": [user("One"), user("Two")]}))
    assert (added["object"], added["has_more"]) == ("list", False)
    assert [added["first_id"], added["last_id"]] == [item["id"] for item in added["data"]]
    assert added["data"] == listed(service, key, conversation)
    one = added["data"][0]
    assert ok(send(service, key, "GET", f"/{conversation}/items/{one['id']}")) == one
    left = ok(send(service, key, "DELETE", f"/{conversation}/items/{one['id']}"))
    assert left["id"] == conversation
    refused(send(service, key, "GET", f"/{conversation}/items/{one['id']}"), 404, "item_not_found")
    refused(send(service, key, "DELETE", f"/{conversation}/items/{one['id']}"), 404, "item_not_found")
    service.create(key, input="Three", conversation=conversation)
    assert told(upstream) == ["Two", "Three"]


def test_an_answer_that_is_deleted_is_not_read_again(service: Caller, key: str, upstream: Upstream) -> None:
    conversation = begin(service, key)
    response = service.create(key, input="One", conversation=conversation)
    ok(send(service, key, "DELETE", f"/{conversation}/items/{response['output'][0]['id']}"))
    service.create(key, input="Two", conversation=conversation)
    assert told(upstream) == ["One", "Two"]
    assert service.retrieve(key, response["id"])["output"] == []


def test_an_output_whose_call_was_deleted_is_left_out(service: Caller, key: str, upstream: Upstream) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "4"}
    conversation = begin(service, key, items=[user("One"), call, output])
    (found,) = (item for item in listed(service, key, conversation) if item["type"] == "function_call")
    ok(send(service, key, "DELETE", f"/{conversation}/items/{found['id']}"))
    service.create(key, input="Two", conversation=conversation)
    assert told(upstream) == ["One", "Two"]


def test_a_deleted_response_takes_its_items_with_it_and_the_conversation_goes_on(
    service: Caller, key: str, upstream: Upstream
) -> None:
    conversation = begin(service, key, items=[user("One")])
    first = service.create(key, input="Two", conversation=conversation)
    service.create(key, input="Three", conversation=conversation)
    headers = {"authorization": f"Bearer {key}"}
    assert service.client.delete(f"/v1/responses/{first['id']}", headers=headers).status_code == 200
    refused(service.get(f"/v1/responses/{first['id']}", key), 404, "response_not_found")
    service.create(key, input="Four", conversation=conversation)
    assert told(upstream) == ["One", "Three", ANSWER, "Four"]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_any_size_have_every_item_once(service: Caller, key: str, order: str, size: int) -> None:
    conversation = begin(service, key, items=[user(str(number)) for number in range(3)])
    service.create(key, input="3", conversation=conversation)
    ok(send(service, key, "POST", f"/{conversation}/items", {"items": [user("4"), user("5")]}))
    seen: list[Json] = []
    query = f"?order={order}&limit={size}"
    while True:
        page = ok(send(service, key, "GET", f"/{conversation}/items{query}"))
        seen += page["data"]
        if not page["has_more"]:
            break
        assert len(page["data"]) == size
        query = f"?order={order}&limit={size}&after={page['last_id']}"
    expected = ["0", "1", "2", "3", ANSWER, "4", "5"]
    assert words(seen) == (expected if order == "asc" else expected[::-1])


def test_a_page_goes_on_after_an_item_that_was_deleted(service: Caller, key: str) -> None:
    conversation = begin(service, key, items=[user(str(number)) for number in range(4)])
    page = ok(send(service, key, "GET", f"/{conversation}/items?order=asc&limit=2"))
    ok(send(service, key, "DELETE", f"/{conversation}/items/{page['last_id']}"))
    assert words(listed(service, key, conversation, f"?order=asc&after={page['last_id']}")) == ["2", "3"]


def test_every_item_has_an_id_of_its_own_whatever_its_client_sent(service: Caller, key: str) -> None:
    same = {"id": "msg_1", **user("Again")}
    conversation = begin(service, key, items=[same, same])
    service.create(key, input=[same], conversation=conversation)
    ids = [item["id"] for item in listed(service, key, conversation)]
    assert len(set(ids)) == len(ids) == 4
    for item_id in ids:
        assert ok(send(service, key, "GET", f"/{conversation}/items/{item_id}"))["id"] == item_id


def test_a_stored_item_is_added_by_reference(service: Caller, key: str) -> None:
    said = service.create(key, input="Hi")["output"][0]
    conversation = begin(service, key, items=[{"type": "item_reference", "id": said["id"]}])
    assert words(listed(service, key, conversation)) == [ANSWER]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"items": [user("Hi")] * 21}, "out_of_range", "items"),
        ({"items": [{"type": "nope"}]}, "unsupported_value", "items[0].type"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "out_of_range", "metadata"),
        ({"metadata": {"k" * 65: "x"}}, "out_of_range", None),
        ({"metadata": {"k": "x" * 513}}, "out_of_range", None),
        ({"nope": 1}, "unknown_parameter", "nope"),
        ({"items": [{"type": "item_reference", "id": "msg_1"}]}, "response_not_found", "items[0].id"),
        (
            {"items": [{"type": "compaction", "encrypted_content": "x"}]},
            "invalid_encrypted_content",
            "items[0].encrypted_content",
        ),
    ],
)
def test_what_cannot_be_added_is_refused_by_its_path(
    service: Caller, key: str, body: Json, code: str, param: str | None
) -> None:
    status = 404 if code.endswith("not_found") else 400
    refused(send(service, key, "POST", "", body), status, code, param)
    if "items" in body:
        refused(send(service, key, "POST", f"/{begin(service, key)}/items", body), status, code, param)


def test_metadata_is_required_to_change_it_and_null_removes_it(service: Caller, key: str) -> None:
    conversation = begin(service, key, metadata={"a": "b"})
    refused(send(service, key, "POST", f"/{conversation}", {}), 400, "missing_required_parameter", "metadata")
    assert ok(send(service, key, "POST", f"/{conversation}", {"metadata": None}))["metadata"] == {}


# who


def test_anothers_conversation_answers_as_one_that_does_not_exist(service: Caller, key: str) -> None:
    conversation = begin(service, key, items=[user("Mine")])
    item = listed(service, key, conversation)[0]["id"]
    service.user("bob")
    other = service.key("bob")
    for wanted in (conversation, *ABSENT):
        who = other if wanted == conversation else key
        for method, tail, body in (
            ("GET", "", None),
            ("POST", "", {"metadata": {}}),
            ("DELETE", "", None),
            ("GET", "/items", None),
            ("POST", "/items", {"items": [user("Hi")]}),
            ("GET", f"/items/{item}", None),
            ("DELETE", f"/items/{item}", None),
        ):
            refused(send(service, who, method, f"/{wanted}{tail}", body), 404, "conversation_not_found")
    refused(
        service.post(other, model="agent", input="Hi", conversation=conversation),
        404,
        "conversation_not_found",
        "conversation",
    )
    assert words(listed(service, key, conversation)) == ["Mine"]


def test_an_item_of_another_conversation_is_not_found(service: Caller, key: str) -> None:
    one, two = begin(service, key, items=[user("One")]), begin(service, key, items=[user("Two")])
    item = listed(service, key, one)[0]["id"]
    refused(send(service, key, "GET", f"/{two}/items/{item}"), 404, "item_not_found")
    refused(send(service, key, "DELETE", f"/{two}/items/{item}"), 404, "item_not_found")
    refused(send(service, key, "GET", f"/{two}/items?after={item}"), 400, "invalid_value", "after")


def test_a_key_for_other_agents_does_not_see_the_conversation(service: Caller, key: str) -> None:
    service.agent("second")
    conversation = begin(service, key)
    limited = service.key(agents=("second",))
    assert ok(send(service, limited, "GET", f"/{conversation}"))
    service.create(key, input="Hi", conversation=conversation)
    for method, tail in (("GET", ""), ("DELETE", ""), ("GET", "/items")):
        refused(send(service, limited, method, f"/{conversation}{tail}"), 404, "conversation_not_found")
    refused(service.post(limited, model="second", input="Hi", conversation=conversation), 404, "conversation_not_found")
    service.create(key, model="second", input="Hi", conversation=conversation)


def test_a_read_only_key_reads_and_changes_nothing(service: Caller, key: str) -> None:
    conversation = begin(service, key, items=[user("One")])
    item = listed(service, key, conversation)[0]["id"]
    reader = service.key(read_only=True)
    assert words(listed(service, reader, conversation)) == ["One"]
    for method, tail, body in (
        ("POST", "", {"metadata": {}}),
        ("DELETE", "", None),
        ("POST", "/items", {"items": [user("Hi")]}),
        ("DELETE", f"/items/{item}", None),
    ):
        refused(send(service, reader, method, f"/{conversation}{tail}", body), 403, "read_only_key")
    refused(send(service, reader, "POST", "", {}), 403, "read_only_key")


# deletion and time


def test_a_deleted_conversation_takes_its_responses_with_it(service: Caller, key: str) -> None:
    conversation = begin(service, key, items=[user("One")])
    response = service.create(key, input="Two", conversation=conversation)
    ok(send(service, key, "DELETE", f"/{conversation}"))
    refused(service.get(f"/v1/responses/{response['id']}", key), 404, "response_not_found")
    refused(send(service, key, "GET", f"/{conversation}/items"), 404, "conversation_not_found")
    refused(service.post(key, model="agent", input="On", conversation=conversation), 404, "conversation_not_found")


def test_deleting_a_conversation_ends_the_response_that_runs_in_it(
    service: Caller, key: str, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Slow"), gate)]
    conversation = begin(service, key)
    with service.streaming(key, input="One", conversation=conversation) as stream:
        lines = stream.iter_lines()
        next(lines)
        assert gate.reached.wait(10)
        ok(send(service, key, "DELETE", f"/{conversation}"))
        assert list(lines)[-2] == "data: [DONE]"
    gate.open()
    refused(send(service, key, "GET", f"/{conversation}"), 404, "conversation_not_found")
