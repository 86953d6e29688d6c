"""How long conversations are kept, how large they grow, what is left of them, and how they go with other features."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from antiphon.records import DAY, Limits, Tenant
from tests.support.caller import TENANT, refused
from tests.support.conversing import ANSWER, Json, begin, listed, ok, send, told, user, words
from tests.support.durable import ended
from tests.support.service import Service
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text
from tests.support.websocket import Socket


def post(service: Service, key: str, conversation: str, body: Json, **headers: str) -> Any:
    own = {"authorization": f"Bearer {key}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return service.client.post(f"/v1/conversations/{conversation}/items", json=body, headers=own)


# time


def test_old_items_go_and_a_conversation_that_is_used_stays(service: Service, key: str, upstream: Upstream) -> None:
    service.put(Tenant(TENANT, Limits(retention_days=10)))
    service.clock.ahead = 61
    conversation = begin(service, key, items=[user("old")])
    service.clock.ahead += 6 * DAY
    service.create(key, input="new", conversation=conversation)
    service.clock.ahead += 6 * DAY
    assert words(listed(service, key, conversation)) == ["new", ANSWER]
    service.create(key, input="now", conversation=conversation)
    assert told(upstream) == ["new", ANSWER, "now"]
    service.clock.ahead += 10 * DAY + 3601
    refused(send(service, key, "GET", f"/{conversation}"), 404, "conversation_not_found")
    refused(service.post(key, model="agent", input="Hi", conversation=conversation), 404, "conversation_not_found")


def test_a_conversation_of_which_all_items_have_gone_can_be_added_to(service: Service, key: str) -> None:
    conversation = begin(service, key, items=[user("old")])
    service.clock.ahead = 30 * DAY - 100
    ok(send(service, key, "POST", f"/{conversation}", {"metadata": {"still": "there"}}))
    ok(post(service, key, conversation, {"items": [user("new")]}))
    service.clock.ahead = 30 * DAY + 100
    assert words(listed(service, key, conversation)) == ["new"]


def test_a_response_whose_worker_was_lost_does_not_lock_its_conversation(tmp_path: Path, upstream: Upstream) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Half"), gate), answer("Right")]
    with Service(tmp_path, upstream) as first, Service(tmp_path, upstream) as second:
        key = first.key()
        conversation = begin(first, key)
        with first.streaming(key, input="One", conversation=conversation) as stream:
            next(stream.iter_lines())
            assert gate.reached.wait(10)
            refused(second.post(key, model="agent", input="Two", conversation=conversation), 409, "conversation_locked")
            second.clock.ahead = 10_000
            second.create(key, input="Two", conversation=conversation)
        gate.open()
        assert words(listed(second, key, conversation)) == ["Two", "Right"]


# size


def test_a_conversation_with_as_many_turns_as_it_may_have_is_refused(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream, max_chain_turns=3) as service:
        key = service.key()
        conversation = begin(service, key)
        for _ in range(3):
            service.create(key, input="Hi", conversation=conversation)
        more = service.post(key, model="agent", input="Hi", conversation=conversation)
        refused(more, 400, "context_length_exceeded", "conversation")
        refused(post(service, key, conversation, {"items": [user("Hi")]}), 400, "context_length_exceeded")
        assert len(listed(service, key, conversation)) == 6


def test_turns_that_have_gone_do_not_count(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream, max_chain_turns=3, retention_days=10) as service:
        key = service.key()
        conversation = begin(service, key)
        for number in range(8):
            service.create(key, input=str(number), conversation=conversation)
            service.clock.ahead += 5 * DAY
        assert words(listed(service, key, conversation))[0] == "7"
        service.create(key, input="8", conversation=conversation)
        assert told(upstream) == ["7", ANSWER, "8"]


def test_a_conversation_that_is_too_large_is_refused_and_can_still_be_listed(
    tmp_path: Path, upstream: Upstream
) -> None:
    with Service(tmp_path, upstream, max_chain_bytes=20_000) as service:
        key = service.key()
        conversation = begin(service, key, items=[user("a" * 15_000)])
        ok(post(service, key, conversation, {"items": [user("b" * 15_000)]}))
        ok(post(service, key, conversation, {"items": [user("c")]}))
        more = service.post(key, model="agent", input="Hi", conversation=conversation)
        refused(more, 400, "context_length_exceeded", "conversation")
        assert len(listed(service, key, conversation)) == 3


def test_a_page_of_large_items_ends_early_and_says_that_there_are_more(service: Service, key: str) -> None:
    conversation = begin(service, key, items=[user("x" * 2_500_000)])
    for _ in range(2):
        ok(post(service, key, conversation, {"items": [user("x" * 2_500_000)]}))
    page = ok(send(service, key, "GET", f"/{conversation}/items?order=asc"))
    assert (len(page["data"]), page["has_more"]) == (2, True)
    rest = ok(send(service, key, "GET", f"/{conversation}/items?order=asc&after={page['last_id']}"))
    assert (len(rest["data"]), rest["has_more"]) == (1, False)


# what is left


def test_the_content_of_a_deleted_conversation_leaves_the_database(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [answer("canary-out")]
    with Service(tmp_path, upstream) as service:
        key = service.key()
        conversation = begin(service, key, items=[user("canary-item")], metadata={"name": "canary-meta"})
        queued = service.create(key, input="canary-in", conversation=conversation, background=True)
        ended(service, key, queued["id"])
        service.create(key, input="canary-in", conversation=conversation)
        ok(send(service, key, "DELETE", f"/{conversation}"))
    assert b"canary" not in left(tmp_path)


def test_the_content_of_deleted_items_leaves_the_database(tmp_path: Path, upstream: Upstream) -> None:
    upstream.scripts = [answer("canary-out")]
    with Service(tmp_path, upstream, run_log="all") as service:
        key = service.key()
        conversation = begin(service, key, items=[user("canary-item")])
        service.create(key, input="canary-in", conversation=conversation)
        for item in listed(service, key, conversation):
            ok(send(service, key, "DELETE", f"/{conversation}/items/{item['id']}"))
        assert listed(service, key, conversation) == []
    assert b"canary" not in left(tmp_path)


def left(state: Path) -> bytes:
    with closing(sqlite3.connect(state / "antiphon.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (state / "antiphon.db").read_bytes()


def test_a_response_without_its_deleted_item_is_replayed_as_what_is_left(service: Service, key: str) -> None:
    conversation = begin(service, key)
    response = service.create(key, input="One", conversation=conversation, background=True)
    response = ended(service, key, response["id"])
    ok(send(service, key, "DELETE", f"/{conversation}/items/{response['output'][0]['id']}"))
    replayed = service.get(f"/v1/responses/{response['id']}?stream=true", key)
    assert replayed.status_code == 200
    assert ANSWER not in replayed.text


# with other features


def test_items_that_are_sent_again_are_added_once(service: Service, key: str) -> None:
    """OpenAI's SDKs send a request again by themselves when its answer is lost, without a key, counting their tries."""
    one, two = begin(service, key), begin(service, key)
    body = {"items": [user("Hi")]}
    first = ok(post(service, key, one, body, x_stainless_retry_count="0"))
    again = ok(post(service, key, one, body, x_stainless_retry_count="1"))
    assert again == first
    assert words(listed(service, key, one)) == ["Hi"]
    ok(post(service, key, two, body, x_stainless_retry_count="1"))
    assert words(listed(service, key, two)) == ["Hi"], "another conversation is another request"
    ok(post(service, key, one, body, x_stainless_retry_count="0"))
    assert words(listed(service, key, one)) == ["Hi", "Hi"], "the same words may be said twice"
    keyed = ok(post(service, key, one, body, idempotency_key="k"))
    assert ok(post(service, key, one, body, idempotency_key="k")) == keyed
    refused(post(service, key, one, {"items": [user("Ho")]}, idempotency_key="k"), 422, "idempotency_key_reused")


def test_a_response_that_is_sent_again_is_added_once(service: Service, key: str, upstream: Upstream) -> None:
    conversation = begin(service, key)
    body = {"model": "agent", "input": "Hi", "conversation": conversation}
    first = service.post(key, headers={"idempotency-key": "k"}, **body)
    again = service.post(key, headers={"idempotency-key": "k"}, **body)
    assert again.json() == first.json()
    assert words(listed(service, key, conversation)) == ["Hi", ANSWER]
    assert len(upstream.requests) == 1


def test_a_background_response_reads_the_conversation_locks_it_and_is_added(
    service: Service, key: str, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(gate, text("Done"), finish()), answer("Right")]
    conversation = begin(service, key, items=[user("One")])
    queued = service.create(key, input="Two", conversation=conversation, background=True)
    assert queued["conversation"] == {"id": conversation}
    assert gate.reached.wait(10)
    assert told(upstream) == ["One", "Two"]
    refused(service.post(key, model="agent", input="Three", conversation=conversation), 409, "conversation_locked")
    gate.open()
    assert ended(service, key, queued["id"])["status"] == "completed"
    service.create(key, input="Three", conversation=conversation)
    assert told(upstream) == ["One", "Two", "Done", "Three"]


def test_a_queued_response_is_cancelled_with_its_conversation(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream) as service:
        service.has_workers = False
        key = service.key()
        conversation = begin(service, key)
        queued = service.create(key, input="Hi", conversation=conversation, background=True)
        ok(send(service, key, "DELETE", f"/{conversation}"))
        refused(service.get(f"/v1/responses/{queued['id']}", key), 404, "response_not_found")
    assert upstream.requests == []


def test_every_item_that_is_listed_can_be_added_again(service: Service, key: str, upstream: Upstream) -> None:
    upstream.scripts = [answer("Said")]
    call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "4"}
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    one = begin(service, key, items=[user("Hi"), thought, call, output])
    service.create(key, input="Well?", conversation=one)
    items = listed(service, key, one)
    two = begin(service, key, items=items)
    again = listed(service, key, two)
    assert [item["type"] for item in again] == [item["type"] for item in items]
    assert words(again) == words(items)
    assert not {item["id"] for item in items} & {item["id"] for item in again}


def test_a_conversation_is_added_to_over_a_websocket(service: Service, key: str, upstream: Upstream) -> None:
    conversation = begin(service, key, items=[user("One")])
    with Socket(service.root, key) as socket:
        for said in ("Two", "Three"):
            assert socket.create(input=said, conversation=conversation)["status"] == "completed"
        unstored = socket.create(input="Four", conversation=conversation, store=False)
        assert told(upstream) == ["One", "Two", ANSWER, "Three", ANSWER, "Four"]
        socket.send(input="Five", previous_response_id=unstored["id"], store=False)
        assert socket.receive()["error"]["code"] == "previous_response_not_found"
        socket.send(generate=False, conversation=conversation)
        assert socket.receive()["error"]["param"] == "conversation"
    assert words(listed(service, key, conversation)) == ["One", "Two", ANSWER, "Three", ANSWER]


def test_an_item_shows_nothing_that_is_kept_for_a_provider(service: Service, key: str) -> None:
    conversation = begin(service, key)
    service.create(key, input="Hi", conversation=conversation)
    assert "sealed" not in json.dumps(listed(service, key, conversation))
