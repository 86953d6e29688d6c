"""Many writers of one conversation at once, deletions among them, and ``kill -9``: nothing is lost, mixed or left.

``ANTIPHON_ROUNDS`` sets the number of rounds, ``ANTIPHON_SEED`` repeats a run.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from antiphon.records import Owner
from tests.support.caller import TENANT, refused
from tests.support.local_server import Running, start
from tests.support.rounds import chance, rounds
from tests.support.service import Service
from tests.support.upstream import Request, Script, Upstream, answer

Json = dict[str, Any]
LONG_AFTER = 10_000.0
"""Seconds: past every lease."""


class Echo(Upstream):
    """Answers with what the last message said."""

    def take(self, request: Request) -> Script:
        self.requests.append(request)
        return answer(f"re:{request.body['messages'][-1]['content']}")


def call(service: Service, key: str, method: str, path: str = "", body: Json | None = None) -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}"}
    return service.client.request(method, f"/v1/conversations{path}", json=body, headers=headers)


def persist(ask: Any) -> httpx2.Response:
    """Send a request until the conversation is free, as OpenAI's SDKs do, but at once."""
    while True:
        reply: httpx2.Response = ask()
        if reply.status_code != 409:
            return reply
        refused(reply, 409, "conversation_locked")
        time.sleep(0.01)


def message(said: str) -> Json:
    return {"type": "message", "role": "user", "content": said}


def words(service: Service, key: str, conversation: str) -> list[str]:
    """List what a conversation holds, oldest first, in pages."""
    said: list[str] = []
    query = "?order=asc&limit=7"
    while True:
        page = call(service, key, "GET", f"/{conversation}/items{query}").json()
        said += [part["text"] for item in page["data"] for part in item["content"]]
        if not page["has_more"]:
            return said
        query = f"?order=asc&limit=7&after={page['last_id']}"


def test_thirty_writers_at_once_are_all_added_whole_and_none_twice(
    service: Service, other: Service, upstream: Upstream
) -> None:
    upstream.take = Echo.take.__get__(upstream)  # type: ignore[method-assign]
    key, doors = service.key(), [service, other]
    conversation = call(service, key, "POST", body={"items": [message("begin")]}).json()["id"]

    def write(number: int) -> None:
        door = doors[number % 2]
        if number % 3:
            reply = persist(lambda: door.post(key, model="agent", input=f"ask {number}", conversation=conversation))
        else:
            two = {"items": [message(f"first {number}"), message(f"second {number}")]}
            reply = persist(lambda: call(door, key, "POST", f"/{conversation}/items", two))
        assert reply.status_code == 200, reply.text

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(write, range(30)))
    said = words(other, key, conversation)
    assert said[0] == "begin"
    pairs = list(zip(said[1::2], said[2::2], strict=True))
    asked = [(f"ask {number}", f"re:ask {number}") for number in range(30) if number % 3]
    added = [(f"first {number}", f"second {number}") for number in range(0, 30, 3)]
    assert sorted(pairs) == sorted(asked + added), "what was written together stands together, once"
    for request in upstream.requests:
        read = [message["content"] for message in request.body["messages"]]
        assert read[:-1] == said[: len(read) - 1], "a model reads the conversation up to its place"


def test_items_that_are_deleted_while_others_write_are_gone_and_no_other_is(
    service: Service, other: Service, upstream: Upstream
) -> None:
    key = service.key()
    numbers = range(12)
    made = call(service, key, "POST", body={"items": [message(f"old {number}") for number in numbers]}).json()
    page = call(service, key, "GET", f"/{made['id']}/items?order=asc").json()["data"]

    def work(number: int) -> None:
        door = (service, other)[number % 2]
        if number % 2:
            assert call(door, key, "DELETE", f"/{made['id']}/items/{page[number]['id']}").status_code == 200
        else:
            one = {"items": [message(f"new {number}")]}
            assert persist(lambda: call(door, key, "POST", f"/{made['id']}/items", one)).status_code == 200

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, numbers))
    said = words(service, key, made["id"])
    even = [number for number in numbers if number % 2 == 0]
    assert said[:6] == [f"old {number}" for number in even]
    assert sorted(said[6:]) == sorted(f"new {number}" for number in even)


def test_a_conversation_that_is_deleted_while_others_write_leaves_nothing(
    service: Service, other: Service, upstream: Upstream
) -> None:
    luck, key, doors = chance(), service.key(), [service, other]
    for number in rounds(8):
        conversation = call(service, key, "POST", body={"items": [message("begin")]}).json()["id"]
        created: list[str] = []

        def write(writer: int, conversation: str = conversation, created: list[str] = created) -> None:
            door = doors[writer % 2]
            while True:
                if writer % 2:
                    reply = door.post(key, model="agent", input="Hi", conversation=conversation)
                else:
                    reply = call(door, key, "POST", f"/{conversation}/items", {"items": [message("more")]})
                if reply.status_code == 404:
                    return
                if reply.status_code == 200 and writer % 2:
                    created.append(reply.json()["id"])

        with ThreadPoolExecutor(5) as pool:
            writers = [pool.submit(write, writer) for writer in range(4)]
            time.sleep(luck.random() * 0.2)
            reply = persist(partial(call, luck.choice(doors), key, "DELETE", f"/{conversation}"))
            assert reply.status_code == 200, reply.text
            for writer in writers:
                writer.result(30)
        refused(call(other, key, "GET", f"/{conversation}"), 404, "conversation_not_found")
        for response_id in created:
            refused(service.get(f"/v1/responses/{response_id}", key), 404, "response_not_found")
        left = service.run(
            service.responses.some_turns(Owner(TENANT, "ada"), conversation, None, newest_first=False, limit=100)
        )
        assert [turn.status for turn in left] == ["closed"], f"round {number}"


def test_metadata_that_many_change_at_once_is_one_of_theirs(service: Service, other: Service) -> None:
    key, doors = service.key(), [service, other]
    conversation = call(service, key, "POST", body={}).json()["id"]

    def change(number: int) -> Json:
        reply = call(doors[number % 2], key, "POST", f"/{conversation}", {"metadata": {"number": str(number)}})
        assert reply.status_code == 200, reply.text
        changed: Json = reply.json()["metadata"]
        return changed

    with ThreadPoolExecutor(10) as pool:
        theirs = list(pool.map(change, range(10)))
    assert theirs == [{"number": str(number)} for number in range(10)]
    assert call(other, key, "GET", f"/{conversation}").json()["metadata"] in theirs


# kill -9


@dataclass
class Writer:
    """Adds to a conversation until the server is gone; notes what the server said was added."""

    name: str
    acknowledged: list[tuple[str, ...]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def write(self, server: Running, conversation: str, killer: Killer) -> None:
        headers = {"authorization": f"Bearer {server.key}"}
        with httpx2.Client(base_url=server.base_url, headers=headers, timeout=30) as client:
            try:
                while True:
                    self._add(client, conversation, f"{self.name} {len(self.sent)}")
                    killer.count()
            except httpx2.HTTPError:
                pass

    def _add(self, client: httpx2.Client, conversation: str, said: str) -> None:
        self.sent.append(said)
        if self.name.startswith("item"):
            path, body = f"/conversations/{conversation}/items", {"items": [message(said)]}
        else:
            path, body = "/responses", {"model": "assistant", "input": said, "conversation": conversation}
        reply = client.post(path, json=body)
        if reply.status_code == 200:
            found = reply.json()
            answers = [part["text"] for item in found.get("output", ()) for part in item["content"]]
            self.acknowledged.append((said, *answers))
        else:
            self.sent.pop()
            assert reply.status_code == 409, reply.text
            time.sleep(0.01)


class Killer:
    """Kills a process once so many additions were acknowledged or refused."""

    def __init__(self, server: Running, after: int) -> None:
        self._server, self._left, self._lock = server, after, threading.Lock()

    def count(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self._server.process.kill()


def test_whatever_a_killed_server_said_was_added_is_there_once_and_the_conversation_goes_on(tmp_path: Path) -> None:
    luck = chance()
    for number in rounds(3):
        server = Running(start(tmp_path, ANTIPHON_LEASE_SECONDS="1"))
        headers = {"authorization": f"Bearer {server.key}"}
        made = httpx2.post(f"{server.base_url}/conversations", json={}, headers=headers, timeout=30).json()["id"]
        writers = [Writer("item a"), Writer("item b"), Writer("response c")]
        killer = Killer(server, luck.randint(1, 40))
        threads = [threading.Thread(target=writer.write, args=(server, made, killer)) for writer in writers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.process.communicate(timeout=20)
        with Service(tmp_path) as service:
            service.clock.ahead = LONG_AFTER
            going_on = service.post(server.key, model="assistant", input="still there?", conversation=made)
            assert going_on.status_code == 200, going_on.text
            said = words(service, server.key, made)
        for writer in writers:
            assert all(said.count(one) <= 1 for one in writer.sent), f"round {number}"
            for group in writer.acknowledged:
                place = said.index(group[0])
                assert tuple(said[place : place + len(group)]) == group, "an answer follows its question"
        assert said[-2] == "still there?"
