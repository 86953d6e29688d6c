"""Stored responses of agents that a caller may not see (any more): absent in every place that takes an id.

Open Responses leaves access to the server. The rule that a refusal must not reveal existence is OWASP's "Insecure
Direct Object Reference Prevention" cheat sheet's, and that of design/access.md: invisible equals absent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from antiphon.access import keys, roles
from antiphon.records import Agent, Grant, User
from local.lambda_host.dynamodb import Command, Reply
from tests.support.caller import TENANT
from tests.support.durable import until
from tests.support.dynamodb import dynamodb as emulated
from tests.support.dynamodb import sign_as_anyone
from tests.support.service import Service
from tests.support.tables import CORE, RESPONSES, create_tables
from tests.support.upstream import Gate, Script, Upstream, finish, text, usage

ABSENT = "resp_" + "0" * 31

Place = Callable[[Service, str, str], httpx2.Response]


def _send(method: str, suffix: str) -> Place:
    def send(service: Service, key: str, response: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key}"}
        return service.client.request(method, f"/v1/responses/{response}{suffix}", headers=headers)

    return send


def _continue(service: Service, key: str, response: str) -> httpx2.Response:
    return service.post(key, model="other", input="Go on", previous_response_id=response)


def _refer(service: Service, key: str, response: str) -> httpx2.Response:
    return service.post(key, model="other", input=[{"type": "item_reference", "id": f"msg_{response[5:]}o000"}])


def _count(route: str) -> Place:
    def count(service: Service, key: str, response: str) -> httpx2.Response:
        body = {"model": "other", "input": "Go on", "previous_response_id": response}
        headers = {"authorization": f"Bearer {key}"}
        return service.client.post(f"/v1/responses/{route}", json=body, headers=headers)

    return count


PLACES: dict[str, Place] = {
    "get": _send("GET", ""),
    "get stream": _send("GET", "?stream=true"),
    "input_items": _send("GET", "/input_items"),
    "delete": _send("DELETE", ""),
    "cancel": _send("POST", "/cancel"),
    "previous_response_id": _continue,
    "item_reference": _refer,
    "input_tokens": _count("input_tokens"),
    "compact": _count("compact"),
}
EVERY_PLACE = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


def seen(answer: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return all that a caller sees of an answer, but for its name and its time."""
    changing = {"x-request-id", "date"}
    return answer.status_code, answer.content, {k: v for k, v in answer.headers.items() if k not in changing}


def as_absent(place: Place, service: Service, key: str, response: str) -> None:
    hidden, absent = place(service, key, response), place(service, key, ABSENT)
    assert hidden.status_code == 404, hidden.text
    assert seen(hidden) == seen(absent)


@pytest.fixture
def limited(service: Service) -> str:
    """A key of the same user that is limited to another agent."""
    service.agent("other")
    return service.key(agents=("other",))


@EVERY_PLACE
def test_a_key_that_is_limited_to_agents_reaches_no_response_of_another(
    service: Service, key: str, limited: str, place: Place
) -> None:
    response = service.create(key, input="Hi")
    as_absent(place, service, limited, response["id"])
    assert service.retrieve(key, response["id"]) == response


@EVERY_PLACE
def test_a_withdrawn_grant_hides_what_was_stored_under_it(service: Service, place: Place) -> None:
    service.user("bob")
    service.agent("other")
    service.put(Grant(TENANT, "other", "user:bob", 1))
    service.put(Grant(TENANT, "agent", "user:bob", 1))
    key = service.key("bob")
    response = service.create(key, input="Hi")
    service.put(Grant(TENANT, "agent", "user:bob", 0))
    as_absent(place, service, key, response["id"])
    service.put(Grant(TENANT, "agent", "user:bob", 1))
    assert service.retrieve(key, response["id"]) == response


@EVERY_PLACE
@pytest.mark.parametrize("tenant", [TENANT, "rival"])
def test_another_users_or_tenants_response_is_absent(service: Service, key: str, place: Place, tenant: str) -> None:
    response = service.create(key, input="Hi")
    service.put(User(tenant, "eve", role=roles.ADMIN))
    for agent in ("agent", "other"):
        service.run(service.directory.put_agent(Agent(tenant, agent, provider="up", model="m", author="eve")))
        service.put(Grant(tenant, agent, "public", 1))
    foreign = keys.make_key("test", secrets.token_bytes)
    service.run(service.keys.add(keys.record(foreign, tenant=tenant, user="eve", now=int(service.clock()))))
    as_absent(place, service, foreign, response["id"])
    assert service.retrieve(key, response["id"]) == response


@EVERY_PLACE
def test_a_hidden_response_that_still_runs_is_absent_too(
    service: Service, key: str, limited: str, upstream: Upstream, place: Place
) -> None:
    gate = Gate()
    upstream.scripts = [Script.stream(text("Slow"), gate, finish(), usage(1, 1))]
    with service.streaming(key, input="Hi") as stream:
        lines = stream.iter_lines()
        created = next(line for line in lines if line.startswith("data: "))
        response = created.split('"id":"')[1].split('"')[0]
        assert gate.reached.wait(10)
        as_absent(place, service, limited, response)
        gate.open()
        assert any("response.completed" in line for line in lines)


def test_a_hidden_conversation_that_is_too_large_is_absent_too(tmp_path: Path, upstream: Upstream) -> None:
    with Service(tmp_path, upstream, max_chain_bytes=2_000) as service:
        service.agent("other")
        key, limited = service.key(), service.key(agents=("other",))
        first = service.create(key, input="1")
        second = service.create(key, input="2", previous_response_id=first["id"])
        assert _continue(service, key, second["id"]).json()["error"]["code"] == "context_length_exceeded"
        as_absent(_continue, service, limited, second["id"])


def test_a_turn_of_a_hidden_agent_hides_the_input_items_of_what_follows_it(service: Service, key: str) -> None:
    service.agent("other")
    limited = service.key(agents=("other",))
    first = service.create(key, input="Hi")
    second = service.create(key, model="other", input="Go on", previous_response_id=first["id"])
    assert service.retrieve(limited, second["id"]) == second
    path = f"/v1/responses/{second['id']}/input_items"
    hidden = service.get(path, limited)
    assert service.get(path, key).status_code == 200
    service.client.delete(f"/v1/responses/{first['id']}", headers={"authorization": f"Bearer {key}"})
    assert seen(hidden) == seen(service.get(path, key))
    assert hidden.status_code == 404


def test_a_hidden_response_is_neither_deleted_nor_cancelled(service: Service, key: str, limited: str) -> None:
    response: dict[str, Any] = service.create(key, input="Hi")
    for place in ("delete", "cancel"):
        PLACES[place](service, limited, response["id"])
    assert service.retrieve(key, response["id"]) == response


@pytest.fixture
def tables(tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Service, list[str]]]:
    """A service on DynamoDB, and what it asks of it: each operation, with its table and whether it is consistent."""
    sign_as_anyone(monkeypatch)
    asked: list[str] = []
    with emulated() as emulator:
        create_tables(emulator)

        def listen(call: Command) -> Reply:
            consistent = call.arguments.get("ConsistentRead")
            asked.append(f"{call.operation} {call.arguments.get('TableName')} {consistent}")
            return emulator.ask(call)

        emulator.handle = listen
        where: dict[str, Any] = {"core_table": CORE, "responses_table": RESPONSES, "aws_endpoint_url": emulator.url}
        with Service(tmp_path, upstream, database=None, **where) as service:
            yield service, asked


@EVERY_PLACE
def test_the_id_of_another_user_costs_the_calls_that_an_absent_one_costs(
    tables: tuple[Service, list[str]], place: Place
) -> None:
    """The same work is done for both, so the time of an answer is the same, too."""
    service, asked = tables
    service.agent("other")
    key = service.key()
    response = service.create(key, input="Hi")
    service.user("eve")
    service.put(Grant(TENANT, "other", "public", 1))
    eve = service.key("eve")
    costs = []
    place(service, eve, ABSENT)  # what is read once for a key
    used = [keys.digest(each) for each in (key, eve)]
    until(lambda: len(service.run(service.keys.last_used(TENANT, used))) == len(used))  # stored beside the answer
    for response_id in (ABSENT, response["id"]):
        asked.clear()
        assert place(service, eve, response_id).status_code == 404
        costs.append(sorted(asked))
    assert costs[0] == costs[1] != []
