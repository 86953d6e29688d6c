"""Many requests at once for one thing, over real sockets: whoever wins, what holds of one request holds of all.

``ANTIPHON_ROUNDS`` sets the number of rounds, ``ANTIPHON_SEED`` repeats a run.
"""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import httpx2

from tests.support.caller import refused
from tests.support.durable import Running
from tests.support.rounds import chance, rounds
from tests.support.service import Service
from tests.support.streams import assert_stream
from tests.support.upstream import Gate, Script, Upstream, answer, finish, text, usage

ENDED = {"completed", "cancelled"}


def send(service: Service, key: str, method: str, path: str) -> httpx2.Response:
    return service.client.request(method, f"/v1/responses/{path}", headers={"authorization": f"Bearer {key}"})


def words(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item["content"])


def test_fifty_continuations_at_once_all_become_turns_of_the_same_conversation(
    service: Service, other: Service, upstream: Upstream
) -> None:
    upstream.scripts = [answer("Root"), answer("Leaf")]
    key = service.key()
    root = service.create(key, input="root")
    doors = [service, other]

    def go_on(number: int) -> dict[str, Any]:
        return doors[number % 2].create(key, input=f"branch {number}", previous_response_id=root["id"])

    with ThreadPoolExecutor(50) as pool:
        turns = list(pool.map(go_on, range(50)))
    assert len({turn["id"] for turn in turns}) == 50
    segment = root["id"][:27]
    assert sum(turn["id"].startswith(segment) for turn in turns) == 1, "one goes on, the others branch off"
    for number, turn in enumerate(turns):
        assert service.retrieve(key, turn["id"]) == turn
        items = send(other, key, "GET", f"{turn['id']}/input_items?order=asc").json()["data"]
        said = [part["text"] for item in items for part in item["content"]]
        assert said == ["root", "Root", f"branch {number}"], "no turn has another's words"


def test_a_cancellation_and_an_ending_at_once_agree_on_who_was_first(
    service: Service, other: Service, upstream: Upstream
) -> None:
    luck, key = chance(), service.key()
    for number in rounds(20):
        gate = Gate()
        upstream.scripts = [Script.stream(text("One "), gate, text("two"), finish(), usage(1, 2))]
        door = luck.choice([service, other])
        opens_first = luck.random() < 0.7
        with service.streaming(key, input="Hi") as stream:
            run = Running(stream)
            run.until(b'"delta":"One "')
            opener = threading.Thread(target=gate.open)
            if opens_first:
                opener.start()
            cancelled = send(door, key, "POST", f"{run.id}/cancel")
            if not opens_first:
                opener.start()
            last = run.ended()[-1]["response"]
            opener.join()
        assert cancelled.status_code == 200, cancelled.text
        stored = other.retrieve(key, run.id)
        assert stored == last, f"round {number}"
        assert stored["status"] in ENDED
        assert cancelled.json() == stored, f"round {number}"
        if stored["status"] == "completed":
            assert words(stored) == "One two"


def test_a_running_response_that_is_deleted_ends_its_stream_and_leaves_nothing(
    service: Service, other: Service, upstream: Upstream
) -> None:
    luck, key = chance(), service.key()
    for number in rounds(10):
        gate = Gate()
        upstream.scripts = [Script.stream(text("One "), gate, text("two"), finish(), usage(1, 2))]
        door = luck.choice([service, other])
        headers = {"Idempotency-Key": f"round {number}"}
        with service.streaming(key, headers=headers, input="Hi") as stream:
            run = Running(stream)
            run.until(b'"delta":"One "')
            opener, opens_first = threading.Thread(target=gate.open), luck.random() < 0.7
            if opens_first:
                opener.start()
            deleted = send(door, key, "DELETE", run.id)
            if not opens_first:
                opener.start()
            assert run.ended()[-1]["response"]["status"] in ENDED | {"failed"}
            opener.join()
        assert deleted.status_code == 200, deleted.text
        for asked in (service, other):
            refused(asked.get(f"/v1/responses/{run.id}", key), 404, "response_not_found")
            refused(send(asked, key, "GET", f"{run.id}/input_items"), 404, "response_not_found")
        again = service.post(key, model="agent", input="Hi", stream=True, headers=headers)
        refused(again, 404, "response_not_found")


def test_one_idempotency_key_in_twenty_requests_at_once_calls_the_model_once(
    service: Service, other: Service, upstream: Upstream
) -> None:
    key, doors = service.key(), [service, other]
    for number in rounds(3):
        gate = Gate()
        upstream.scripts = [Script.stream(gate, text("Once"), finish(), usage(1, 1))]
        upstream.requests.clear()
        headers = {"Idempotency-Key": f"round {number}"}

        def ask(door: int, headers: dict[str, str] = headers) -> httpx2.Response:
            return doors[door % 2].post(key, model="agent", input="Hi", headers=headers)

        with ThreadPoolExecutor(20) as pool:
            asking = [pool.submit(ask, door) for door in range(20)]
            assert gate.reached.wait(10)
            assert len(list(itertools.islice(as_completed(asking), 19))) == 19
            gate.open()
            answers = [one.result() for one in asking]
        first = [one for one in answers if one.status_code == 200]
        assert len(first) == 1
        for one in answers:
            if one is not first[0]:
                refused(one, 409, "idempotency_in_progress")
        with ThreadPoolExecutor(20) as pool:
            repeated = list(pool.map(ask, range(20)))
        assert {one.content for one in repeated} == {first[0].content}
        assert len(upstream.requests) == 1


def test_one_idempotency_key_in_twenty_streams_at_once_gives_all_the_same_ending(
    service: Service, other: Service, upstream: Upstream
) -> None:
    key, doors = service.key(), [service, other]
    upstream.scripts = [answer("Once")]
    headers = {"Idempotency-Key": "stream"}

    def ask(door: int) -> dict[str, Any]:
        while True:
            reply = doors[door % 2].post(key, model="agent", input="Hi", stream=True, headers=headers)
            if reply.status_code == 200:
                ending: dict[str, Any] = assert_stream(reply.content)[-1]["response"]
                return ending
            refused(reply, 409, "idempotency_in_progress")

    with ThreadPoolExecutor(20) as pool:
        endings = list(pool.map(ask, range(20)))
    assert all(ending == endings[0] for ending in endings)
    assert len(upstream.requests) == 1
