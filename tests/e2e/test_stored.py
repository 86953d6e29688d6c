"""Stored responses over a real socket: read as JSON and as a stream, list what they were made from, delete."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from antiphon.access import roles
from tests.support.caller import refused
from tests.support.schema import check
from tests.support.service import Service
from tests.support.streams import assert_stream, sent_events
from tests.support.upstream import Script, Upstream, answer, finish, text, tool_call, usage

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}}
ABSENT = ("resp_" + "0" * 31, "resp_x", "RESP_" + "0" * 31, "%2e%2e", "x" * 10_000)


def send(service: Service, key: str, method: str, path: str) -> httpx2.Response:
    return service.client.request(method, path, headers={"authorization": f"Bearer {key}"})


def read(service: Service, key: str, response_id: str, tail: str = "") -> httpx2.Response:
    return service.get(f"/v1/responses/{response_id}{tail}", key)


def items(service: Service, key: str, response_id: str, query: str = "?order=asc") -> dict[str, Any]:
    reply = read(service, key, response_id, f"/input_items{query}")
    assert reply.status_code == 200, reply.text
    listed: dict[str, Any] = reply.json()
    for item in listed["data"]:
        check("ItemField", item)
    return listed


# delete


def test_a_deleted_response_is_gone_everywhere(service: Service, key: str, upstream: Upstream) -> None:
    response = service.create(key, input="Hi")
    path = f"/v1/responses/{response['id']}"
    reply = send(service, key, "DELETE", path)
    assert (reply.status_code, reply.json()) == (200, {"id": response["id"], "object": "response", "deleted": True})
    refused(service.get(path, key), 404, "response_not_found")
    refused(service.get(f"{path}?stream=true", key), 404, "response_not_found")
    refused(service.get(f"{path}/input_items", key), 404, "response_not_found")
    refused(send(service, key, "POST", f"{path}/cancel"), 404, "response_not_found")
    refused(send(service, key, "DELETE", path), 404, "response_not_found")
    going_on = service.post(key, model="agent", input="On", previous_response_id=response["id"])
    refused(going_on, 404, "previous_response_not_found")
    item = {"type": "item_reference", "id": response["output"][0]["id"]}
    refused(service.post(key, model="agent", input=[item]), 404, "response_not_found")
    assert len(upstream.requests) == 1


def test_the_content_of_a_deleted_response_leaves_the_database(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream) as service:
        key = service.key()
        response = service.create(key, input="canary-in", metadata={"name": "canary-meta"})
        assert send(service, key, "DELETE", f"/v1/responses/{response['id']}").status_code == 200
    with closing(sqlite3.connect(tmp_path / "antiphon.db")) as database:
        assert database.execute("SELECT count(*) FROM responses").fetchone() == (0,)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"canary" not in (tmp_path / "antiphon.db").read_bytes()


def test_deleting_one_branch_leaves_the_other(service: Service, key: str) -> None:
    first = service.create(key, input="root")
    left = service.create(key, input="left", previous_response_id=first["id"])
    right = service.create(key, input="right", previous_response_id=first["id"])
    assert send(service, key, "DELETE", f"/v1/responses/{left['id']}").status_code == 200
    assert service.retrieve(key, right["id"]) == right
    service.create(key, input="on", previous_response_id=right["id"])


@pytest.mark.parametrize(
    ("method", "tail"), [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]
)
def test_anothers_response_answers_exactly_as_one_that_does_not_exist(
    service: Service, key: str, method: str, tail: str
) -> None:
    response = service.create(key, input="Hi")
    service.user("bob", role=roles.ADMIN)
    other = service.key("bob")
    theirs = send(service, other, method, f"/v1/responses/{response['id']}{tail}")
    absent = send(service, other, method, f"/v1/responses/{ABSENT[0]}{tail}")
    refused(theirs, 404, "response_not_found")
    assert theirs.content == absent.content
    assert service.retrieve(key, response["id"]) == response


@pytest.mark.parametrize(
    ("method", "tail"), [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]
)
@pytest.mark.parametrize("foreign", ABSENT[1:])
def test_an_id_of_foreign_shape_is_404_and_asks_no_store(
    service: Service, key: str, method: str, tail: str, foreign: str
) -> None:
    service.get("/v1/models", key)
    service.forget_calls()
    reply = send(service, key, method, f"/v1/responses/{foreign}{tail}")
    assert reply.status_code == 404
    assert service.responses.calls == {}


def test_a_read_only_key_reads_and_neither_deletes_nor_cancels(service: Service, key: str) -> None:
    response = service.create(key, input="Hi")
    reader = service.key(read_only=True)
    assert service.retrieve(reader, response["id"]) == response
    assert items(service, reader, response["id"])["data"]
    refused(send(service, reader, "DELETE", f"/v1/responses/{response['id']}"), 403, "read_only_key")
    refused(send(service, reader, "POST", f"/v1/responses/{response['id']}/cancel"), 403, "read_only_key")
    assert service.retrieve(key, response["id"]) == response


@pytest.mark.parametrize("broken", ["get", "delete"])
def test_a_deletion_that_the_store_does_not_serve_is_503(service: Service, key: str, broken: str) -> None:
    response = service.create(key, input="Hi")
    service.responses.broken.add(broken)
    refused(send(service, key, "DELETE", f"/v1/responses/{response['id']}"), 503, "storage_unavailable")
    service.responses.broken.clear()
    assert service.retrieve(key, response["id"]) == response


# input items


def texts(listed: dict[str, Any]) -> list[str]:
    return [item["content"][0]["text"] for item in listed["data"]]


def test_a_text_input_is_listed_as_the_message_that_it_is(service: Service, key: str) -> None:
    response = service.create(key, input="Hi")
    listed = items(service, key, response["id"])
    [item] = listed["data"]
    assert (item["type"], item["role"], item["content"]) == ("message", "user", [{"type": "input_text", "text": "Hi"}])
    assert (listed["object"], listed["first_id"], listed["last_id"]) == ("list", item["id"], item["id"])
    assert listed["has_more"] is False


def test_every_item_that_the_response_was_generated_from_is_listed(service: Service, key: str) -> None:
    first = service.create(key, input="one")
    second = service.create(key, input="two", previous_response_id=first["id"])
    third = service.create(key, input="three", previous_response_id=second["id"])
    answered = [turn["output"][0]["content"][0]["text"] for turn in (first, second)]
    assert texts(items(service, key, third["id"])) == ["one", answered[0], "two", answered[1], "three"]
    assert texts(items(service, key, first["id"])) == ["one"]


def test_items_of_every_form_are_as_the_specification_says(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [
        Script.stream(tool_call(0, "c1", "look", "{}"), finish("tool_calls"), usage(1, 1)),
        answer("ok"),
    ]
    call = service.create(key, input="Look", tools=[TOOL])
    sent = [
        {"type": "function_call_output", "call_id": "c1", "output": "seen"},
        {"role": "developer", "content": "Be brief."},
        {"role": "assistant", "content": "So?"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "So."}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "id": "msg_mine", "role": "user", "content": [{"type": "input_text", "text": "On"}]},
    ]
    response = service.create(key, input=sent, tools=[TOOL], previous_response_id=call["id"])
    listed = items(service, key, response["id"])["data"]
    kinds = [item["type"] for item in listed]
    output = ["function_call_output", "message", "message", "message", "reasoning", "message"]
    assert kinds == ["message", "function_call", *output]
    assert listed[-1]["id"] == "msg_mine"


def numbered(service: Service, key: str, count: int) -> str:
    sent = [{"role": "user", "content": f"{number}"} for number in range(count)]
    return str(service.create(key, input=sent)["id"])


def test_the_newest_twenty_come_first_unless_asked_otherwise(service: Service, key: str) -> None:
    response_id = numbered(service, key, 25)
    listed = items(service, key, response_id, "")
    assert texts(listed) == [f"{number}" for number in range(24, 4, -1)]
    assert listed["has_more"] is True


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_of_any_size_give_every_item_once(service: Service, key: str, order: str, limit: int) -> None:
    response_id = numbered(service, key, 7)
    found: list[str] = []
    after, more = "", True
    while more:
        listed = items(service, key, response_id, f"?order={order}&limit={limit}{after}")
        assert (listed["first_id"], listed["last_id"]) == (listed["data"][0]["id"], listed["data"][-1]["id"])
        found += texts(listed)
        after, more = f"&after={listed['last_id']}", listed["has_more"]
    expected = [f"{number}" for number in range(7)]
    assert found == (expected if order == "asc" else expected[::-1])


def test_the_page_after_the_last_item_is_empty(service: Service, key: str) -> None:
    response_id = numbered(service, key, 1)
    last = items(service, key, response_id)["last_id"]
    listed = items(service, key, response_id, f"?after={last}")
    assert listed == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_items_with_one_id_are_listed_once_so_that_pages_come_to_an_end(service: Service, key: str) -> None:
    twice = {"type": "message", "id": "msg_same", "role": "user", "content": "again"}
    response = service.create(key, input=[twice, {"role": "user", "content": "between"}, twice])
    assert texts(items(service, key, response["id"])) == ["again", "between"]


def test_items_of_a_response_whose_earlier_turn_is_deleted_are_refused_and_never_given_in_part(
    service: Service, key: str
) -> None:
    first = service.create(key, input="one")
    second = service.create(key, input="two", previous_response_id=first["id"])
    send(service, key, "DELETE", f"/v1/responses/{first['id']}")
    refused(read(service, key, second["id"], "/input_items"), 404, "previous_response_not_found")
    assert service.retrieve(key, second["id"]) == second


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("limit=0", "out_of_range", "limit"),
        ("limit=101", "out_of_range", "limit"),
        ("limit=-1", "out_of_range", "limit"),
        ("limit=", "invalid_type", "limit"),
        ("limit=1.0", "invalid_type", "limit"),
        ("limit=٣", "invalid_type", "limit"),
        ("limit=" + "9" * 5000, "invalid_type", "limit"),
        ("limit=1&limit=2", "invalid_value", "limit"),
        ("order=up", "unsupported_value", "order"),
        ("after=msg_nowhere", "invalid_value", "after"),
        ("after=", "invalid_value", "after"),
        ("include[]=everything", "unsupported_value", "include"),
        ("before=msg_1", "unknown_parameter", "before"),
        ("canary=canary", "unknown_parameter", "canary"),
    ],
)
def test_a_query_that_cannot_be_honoured_is_refused(
    service: Service, key: str, query: str, code: str, param: str
) -> None:
    response = service.create(key, input="Hi")
    refused(read(service, key, response["id"], f"/input_items?{query}"), 400, code, param)


@pytest.mark.parametrize("name", ["include", "include[]"])
def test_include_takes_the_specifications_values_in_either_spelling(service: Service, key: str, name: str) -> None:
    response = service.create(key, input="Hi")
    query = f"?{name}=reasoning.encrypted_content&{name}=message.output_text.logprobs"
    assert read(service, key, response["id"], query).json() == response
    assert texts(items(service, key, response["id"], query)) == ["Hi"]


# read as a stream


def replayed(service: Service, key: str, response_id: str, query: str = "") -> list[dict[str, Any]]:
    reply = read(service, key, response_id, f"?stream=true{query}")
    assert reply.status_code == 200, reply.text
    return assert_stream(reply.content, reply.headers)


def test_a_stored_response_is_replayed_as_a_stream_that_amounts_to_it(
    service: Service, key: str, upstream: Upstream
) -> None:
    call = tool_call(0, "c1", "look", '{"a":1}')
    upstream.scripts = [Script.stream(text("Wait "), text("here"), call, finish("tool_calls"), usage(1, 1))]
    sent = service.stream(key, input="Hi", tools=[TOOL])[-1]["response"]
    assert replayed(service, key, sent["id"])[-1]["response"] == sent
    assert len(upstream.requests) == 1


def test_a_failed_response_is_replayed_as_failed(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [Script.error(400)]
    failed = service.stream(key, input="Hi")[-1]["response"]
    assert replayed(service, key, failed["id"])[-1]["response"] == failed


def test_a_lost_response_is_replayed_as_failed(service: Service, key: str) -> None:
    service.responses.broken.add("commit")
    lost = service.stream(key, input="Hi")[-1]["response"]
    service.clock.ahead = 100_000
    assert replayed(service, service.key(), lost["id"])[-1]["response"]["error"]["code"] == "worker_lost"


def test_a_replay_goes_on_after_a_number(service: Service, key: str) -> None:
    response = service.create(key, input="Hi")
    whole = replayed(service, key, response["id"])
    part = read(service, key, response["id"], "?stream=true&starting_after=3").content
    assert [event["sequence_number"] for event in sent_events(part)] == list(range(4, len(whole)))
    beyond = read(service, key, response["id"], "?stream=true&starting_after=999").text
    assert beyond.removeprefix(": ok\n\n") == "data: [DONE]\n\n"  # a Function URL begins with a comment


def test_a_replay_is_padded_unless_asked_otherwise(service: Service, key: str) -> None:
    response = service.create(key, input="Hi")
    assert any("obfuscation" in event for event in replayed(service, key, response["id"]))
    plain = replayed(service, key, response["id"], "&include_obfuscation=false")
    assert not any("obfuscation" in event for event in plain)


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("stream=yes", "invalid_type", "stream"),
        ("starting_after=1", "invalid_value", "starting_after"),
        ("stream=false&starting_after=1", "invalid_value", "starting_after"),
        ("stream=true&starting_after=-1", "out_of_range", "starting_after"),
        ("stream=true&starting_after=x", "invalid_type", "starting_after"),
        ("include_obfuscation=true", "invalid_value", "include_obfuscation"),
        ("include=message.output_text.colours", "unsupported_value", "include"),
        ("fields=id", "unknown_parameter", "fields"),
    ],
)
def test_a_read_that_cannot_be_honoured_is_refused(
    service: Service, key: str, query: str, code: str, param: str
) -> None:
    response = service.create(key, input="Hi")
    refused(read(service, key, response["id"], f"?{query}"), 400, code, param)


# WebSocket


def test_who_asks_for_a_websocket_learns_that_there_is_none(tmp_path: Path) -> None:
    own = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with Service(tmp_path, ws="none") as service:
        reply = service.get("/v1/responses", service.key(), **own)
    refused(reply, 426, "upgrade_required")
    assert reply.headers["upgrade"] == "HTTP/1.1"


def test_a_plain_get_of_the_responses_stays_405(service: Service, key: str) -> None:
    reply = service.get("/v1/responses", key)
    refused(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == "POST"
