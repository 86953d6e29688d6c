"""``kill -9`` of the real functions: behind every batch of a log, and at random times, in the foreground and in the
background.

What must hold is what ``test_durable_kills`` and ``test_kills`` require of the local process.

``ANTIPHON_ROUNDS`` sets the number of kills, ``ANTIPHON_SEED`` repeats their times.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx2
import pytest

from antiphon.bootstrap import Stores, build_stores
from antiphon.records import Agent, Owner, ToolServer
from antiphon.settings import Settings
from antiphon.stream.fold import ENDINGS
from local.lambda_host.host import Host
from tests.support.answering import Answer, Answering, Asked
from tests.support.hosted import UPSTREAM, Stored, database, hosted
from tests.support.pinned import pinned
from tests.support.rounds import chance, rounds
from tests.support.streams import assert_events, sent_events
from tests.support.upstream import Gate, Script, Upstream, finish, text, tool_call, usage

PATIENCE = 30.0
BATCHES = 4
STREAMS = 2
SOON = {"ANTIPHON_LEASE_SECONDS": "1", "ANTIPHON_WATCH_SECONDS": "0.1"}
VICTIMS = ("CreateResponse", "RunResponse")
"""The functions that are killed: they hold a run, or follow one."""

NO_INPUT: dict[str, Any] = {"type": "object", "properties": {}}
TOOLS = [{"type": "function", "name": name, "parameters": NO_INPUT, "strict": False} for name in ("one", "two", "six")]
PIECES = [
    *(text(f"word{number} ") for number in range(30)),
    *(tool_call(number, f"call_{tool['name']}", str(tool["name"]), "{}") for number, tool in enumerate(TOOLS)),
    finish("tool_calls"),
    usage(3, 33),
]
ITEMS = 1 + len(TOOLS)


@pytest.fixture(scope="module")
def stored() -> Iterator[Stored]:
    with database() as stored:
        yield stored


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def stock() -> Iterator[Answering]:
    """An API whose operations are tools of an agent."""
    with Answering() as server:
        yield server


@pytest.fixture(scope="module")
def host(
    stored: Stored, upstream: Upstream, stock: Answering, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    environ = {**SOON, "ANTIPHON_TOOL_HOSTS": stock.place}
    with hosted(stored.url, tmp_path_factory.mktemp("logs"), upstream, environ) as host:
        yield host


class Bob:
    """Calls the functions."""

    def __init__(self, host: Host, key: str) -> None:
        self.root = f"{host.rest.root}/v1/responses"
        self._how: dict[str, Any] = {"timeout": PATIENCE, "trust_env": False}
        self._key = {"authorization": f"Bearer {key}"}

    def post(self, headers: dict[str, str] | None = None, **fields: Any) -> httpx2.Response:
        body = {"model": UPSTREAM, "input": "Hi", **fields}
        return httpx2.post(self.root, json=body, headers={**self._key, **(headers or {})}, **self._how)

    def streaming(self, headers: dict[str, str], **fields: Any) -> Any:
        body = {"model": UPSTREAM, "input": "Hi", "stream": True, **fields}
        return httpx2.stream("POST", self.root, json=body, headers={**self._key, **headers}, **self._how)

    def follow(self, response_id: str, after: int) -> bytes:
        path = f"{self.root}/{response_id}?stream=true&starting_after={after}"
        answer = httpx2.get(path, headers=self._key, **self._how)
        assert answer.status_code == 200, answer.text
        return answer.content

    def ended(self, response_id: str) -> dict[str, Any]:
        """Poll until a response has ended, as clients do."""
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            answer = httpx2.get(f"{self.root}/{response_id}", headers=self._key, **self._how)
            assert answer.status_code == 200, answer.text
            found.update(answer.json())
            return found["status"] not in {"queued", "in_progress"}

        wait_until(has_ended)
        return found


@pytest.fixture(scope="module")
def bob(host: Host, stored: Stored) -> Bob:
    return Bob(host, stored.bob)


class Victim(threading.Thread):
    """Reads a stream until it ends or breaks."""

    def __init__(self, bob: Bob, name: str, *, background: bool) -> None:
        super().__init__(daemon=True)
        self.raw = b""
        self.background = background
        self.headers = {"Idempotency-Key": name}
        self.fields = {"tools": TOOLS, "stream": True, "background": background}
        self._bob = bob
        self.start()

    def run(self) -> None:
        try:
            with self._bob.streaming(self.headers, **self.fields) as stream:
                for chunk in stream.iter_bytes():
                    self.raw += chunk
        except httpx2.HTTPError:
            pass

    @property
    def events(self) -> list[dict[str, Any]]:
        """What came in whole frames."""
        return sent_events(self.raw[: self.raw.rfind(b"\n\n") + 1])

    @property
    def done(self) -> list[dict[str, Any]]:
        return [event["item"] for event in self.events if event["type"] == "response.output_item.done"]


def wait_until(come_true: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not come_true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def kill(host: Host) -> None:
    for name in VICTIMS:
        host.pools[name].kill()


def count_batches(url: str, response_id: str) -> int:
    async def count() -> int:
        stores = build_stores(Settings(core_table="CoreTable", responses_table="ResponsesTable", aws_endpoint_url=url))
        try:
            return len(await stores.runs.read(Owner("default", "bob"), response_id, 0))
        finally:
            await stores.aclose()

    return asyncio.run(count())


@pytest.mark.parametrize("background", [False, True], ids=["foreground", "background"])
@pytest.mark.parametrize("batches", range(BATCHES))
def test_a_kill_of_the_functions_behind_any_batch_costs_nobody_a_number_or_an_ending(
    host: Host, stored: Stored, upstream: Upstream, bob: Bob, batches: int, background: bool
) -> None:
    gates = [Gate() for _ in range(BATCHES)]
    steps = [step for number, gate in enumerate(gates) for step in (gate, text(f"word{number} "))]
    upstream.requests.clear()
    upstream.scripts = [Script.stream(*steps, finish(), usage(3, 4)), Script.stream(*PIECES)]
    client = Victim(bob, f"batch {batches} {background}", background=background)
    assert gates[0].reached.wait(PATIENCE)
    wait_until(lambda: client.events)
    response_id = client.events[0]["response"]["id"]
    for number in range(batches):
        gates[number].open()
        wait_until(lambda least=number + 1: count_batches(stored.url, response_id) >= least)
    kill(host)
    for gate in gates:
        gate.open()
    client.join(PATIENCE)
    seen = client.events
    whole = seen + sent_events(bob.follow(response_id, seen[-1]["sequence_number"]))
    ended = bob.ended(response_id)
    assert [event["sequence_number"] for event in whole] == list(range(len(whole)))
    assert whole[-1]["response"] == ended
    assert ended["status"] == ("completed" if background and not batches else "failed")
    assert_events(whole)
    outputs = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "Yes."}
        for item in ended["output"]
        if item["type"] == "function_call"
    ]
    on = bob.post(input=[*outputs, {"role": "user", "content": "Go on"}], previous_response_id=response_id)
    assert (on.status_code, on.json()["status"]) == (200, "completed")


def test_whatever_killed_functions_said_was_done_is_there_and_nothing_stays_blocked(
    host: Host, upstream: Upstream, bob: Bob
) -> None:
    luck = chance()
    for number in rounds(3):
        victims = killed(host, upstream, bob, luck, number)
        upstream.scripts = [Script.stream(*PIECES)]
        for victim in victims:
            heal(bob, victim)


def killed(host: Host, upstream: Upstream, bob: Bob, luck: random.Random, number: int) -> list[Victim]:
    """Stop some streams at random events, and kill what runs them a little later."""
    gates = [Gate() for _ in range(STREAMS)]
    upstream.requests.clear()
    upstream.scripts = []
    for gate in gates:
        at = luck.randint(0, len(PIECES))
        upstream.scripts.append(Script.stream(*PIECES[:at], gate, *PIECES[at:]))
    upstream.scripts.append(Script.stream(*PIECES))
    background = luck.random() < 0.5
    victims = [Victim(bob, f"round {number} stream {stream}", background=background) for stream in range(STREAMS)]
    for gate in gates:
        assert gate.reached.wait(PATIENCE)
    time.sleep(luck.uniform(0, 0.3))  # chance: around the writing of a batch
    if luck.random() < 0.5:
        for gate in gates:
            gate.open()
    kill(host)
    for gate in gates:
        gate.open()
    for victim in victims:
        victim.join(PATIENCE)
    return victims


def heal(bob: Bob, victim: Victim) -> None:
    """Hold what is stored against what was sent, and require that nothing stays blocked once the lease has ended."""
    before = None
    if victim.events:
        before = bob.ended(victim.events[0]["response"]["id"])
        items = {item["id"]: item for item in before["output"]}
        assert [items.get(item["id"]) for item in victim.done] == victim.done
        ending = next((event["response"] for event in victim.events if event["type"] in ENDINGS), None)
        assert ending in (None, before)
        if before["status"] == "completed":
            assert [item.get("status") for item in before["output"]] == ["completed"] * ITEMS
        else:
            assert (before["status"], before["error"]["code"]) == ("failed", "worker_lost")
    again: list[httpx2.Response] = []

    def answered() -> bool:
        again.append(bob.post(victim.headers, **victim.fields))
        return again[-1].status_code != 409

    wait_until(answered)
    assert again[-1].status_code == 200, again[-1].text
    response = sent_events(again[-1].content)[-1]["response"]
    assert response["status"] == "completed"
    if before is not None:
        assert (response["id"] == before["id"]) == (before["status"] == "completed")


def stock_of(stock: Answering) -> ToolServer:
    """Return the operations of an API as tools: ``reserve``, which must not run twice, and ``look``, which may."""
    paths = {"/reserve": {"post": {"operationId": "reserve"}}, "/look": {"get": {"operationId": "look"}}}
    document = {"openapi": "3.1.0", "paths": paths}
    entry = {"http": {"label": "stock", "openapi": document, "url": stock.url("")}, "safe_to_repeat": ["look"]}
    return asyncio.run(pinned(entry, tool_hosts=(stock.place,))).server


def with_stores(url: str, use: Callable[[Stores], Coroutine[Any, Any, Any]]) -> Any:
    async def work() -> Any:
        stores = build_stores(Settings(core_table="CoreTable", responses_table="ResponsesTable", aws_endpoint_url=url))
        try:
            return await use(stores)
        finally:
            await stores.aclose()

    return asyncio.run(work())


@pytest.mark.parametrize("held", [("/reserve", "/look"), ("/look",)], ids=["before any result", "after one result"])
def test_a_kill_of_the_functions_around_calls_of_tools_runs_none_twice_that_may_not_and_loses_no_result(
    host: Host, stored: Stored, upstream: Upstream, stock: Answering, bob: Bob, held: tuple[str, ...]
) -> None:
    let_go = threading.Event()
    counts = {"/reserve": 0, "/look": 0}

    def answered(asked: Asked) -> Answer:
        counts[asked.path] += 1
        if asked.path in held:
            let_go.wait(PATIENCE)
        return Answer(json=f"{asked.path} {counts[asked.path]}")

    stock.answer = answered
    keeper = Agent("default", "keeper", "up", "m", author="bob", servers=(stock_of(stock),))
    with_stores(stored.url, lambda stores: stores.directory.put_agent(keeper))
    calls = [tool_call(0, "call_a", "stock__reserve", "{}"), tool_call(1, "call_b", "stock__look", "{}")]
    upstream.requests.clear()
    upstream.scripts = [
        Script.stream(*calls, finish("tool_calls"), usage(3, 3)),
        Script.stream(text("Done."), finish()),
    ]
    response_id = bob.post(model="keeper", background=True).json()["id"]
    wait_until(lambda: all(counts.values()))

    def has_result() -> bool:
        of_bob = Owner("default", "bob")
        record = with_stores(stored.url, lambda stores: stores.responses.get(of_bob, response_id, 0))
        return any(call["result"] is not None for call in record.calls)

    wait_until(lambda: len(held) == len(counts) or has_result())
    kill(host)
    let_go.set()
    ended = bob.ended(response_id)
    assert (ended["status"], ended["output"][-1]["content"][0]["text"]) == ("completed", "Done.")
    reserve, look = ended["output"][:2]
    assert counts["/reserve"] == 1
    assert counts["/look"] >= 2, "more if the machine is so busy that the worker after the kill is taken for lost"
    assert look["output"] in {f'"/look {number}"' for number in range(2, counts["/look"] + 1)}
    if "/reserve" in held:
        assert "not known whether the tool ran" in reserve["error"]["message"]
    else:
        assert reserve["output"] == '"/reserve 1"'
