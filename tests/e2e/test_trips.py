"""How often a request goes to DynamoDB, one trip after the other, before the model is called; and in all."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx2
import pytest

from antiphon.access import keys, roles
from antiphon.bootstrap import build_services, table_stores
from antiphon.ports import Delta, ModelCall, ModelProvider, StopDelta, TextDelta, UsageDelta
from antiphon.providers.configured import Providers
from antiphon.providers.demo.model import Demo
from antiphon.records import Agent, Limits, Tenant, User
from antiphon.settings import Settings
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.web.app import build_app
from antiphon.web.routes import conversing, create
from tests.support.dynamodb import dynamodb, sign_as_anyone
from tests.support.protocols import PROTOCOLS, Protocol
from tests.support.streams import assert_stream
from tests.support.tables import CORE, RESPONSES, create_tables
from tests.support.upstream import Upstream

ROLL_UPS = 4
"""After the commit one write each for user, key, agent and model."""


class Traced(DynamoDB):
    """Counts calls, and how many had to wait for one another: those under way at once end at once, like equal trips."""

    def __init__(self, endpoint_url: str) -> None:
        super().__init__(endpoint_url=endpoint_url)
        self._under_way = 0
        self._ended = asyncio.Event()
        self.forget()

    def forget(self) -> None:
        self.calls = 0
        self.trips = 0

    async def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        self.calls += 1
        self._under_way += 1
        before = self.trips
        try:
            return await super().call(operation, **arguments)
        finally:
            await self._end()
            self.trips = max(self.trips, before + 1)

    async def _end(self) -> None:
        self._under_way -= 1
        if self._under_way:
            await self._ended.wait()
        else:
            self._ended.set()
            self._ended = asyncio.Event()


class Watched:
    """A model; notes the trips and calls that came before it."""

    def __init__(self, database: Traced, model: ModelProvider) -> None:
        self._database = database
        self._model = model
        self.reads, self.check, self.count_tokens = model.reads, model.check, model.count_tokens
        self.aclose = model.aclose
        self.trips = self.calls = -1

    async def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        self.trips, self.calls = self._database.trips, self._database.calls
        async for delta in self._model.stream(call):
            yield delta


class Rig:
    def __init__(self, endpoint_url: str) -> None:
        self.database = Traced(endpoint_url)
        self.model = Watched(self.database, Demo())
        by_the_clock: dict[str, Any] = {"run_log": "off", "watch_seconds": 60}  # or calls of the log and the watch come
        settings = Settings(core_table=CORE, responses_table=RESPONSES, **by_the_clock)
        stores = table_stores(self.database, CORE, RESPONSES)
        providers = Providers({}, {}, builders={"demo": lambda _endpoint, _key: self.model})
        self.services = build_services(settings, stores, providers)
        self.key = keys.make_key("test", secrets.token_bytes)
        self.app = build_app(self.services, [create.router, conversing.router])

    async def prepare(self) -> None:
        await self.services.directory.put(User("default", "ada", role=roles.ADMIN, groups=("staff", "lab")))
        for instructions in ("Be brief.", "Be kind.", ""):
            agent = Agent("default", "agent", "demo", "demo", "ada", instructions=instructions)
            await self.services.directory.put_agent(agent)
        await self.services.keys.add(keys.record(self.key, tenant="default", user="ada", now=0))

    def limit(self) -> None:
        """Set a rate and a budget that are never reached."""
        limits = Limits(requests_per_minute=10_000, tokens_per_day=10_000_000)
        asyncio.run(self.services.directory.put(Tenant("default", limits)))

    def client(self) -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://test", headers=headers)

    async def turns(self, count: int, *, keyed: bool = False) -> list[tuple[int, int]]:
        """Run a conversation. Return the trips and calls before the model of each turn."""
        seen, previous = [], None
        async with self.client() as client:
            for number in range(count):
                self.database.forget()
                body = {"model": "agent", "input": f"Turn {number}", "previous_response_id": previous}
                key = {"idempotency-key": str(number)} if keyed else {}
                answer = await client.post("/v1/responses", json=body, headers=key)
                assert answer.status_code == 200, answer.text
                previous = answer.json()["id"]
                seen.append((self.model.trips, self.model.calls))
        await self.database.aclose()
        return seen

    async def additions(self, count: int, *, keyed: bool = False) -> list[tuple[int, int]]:
        """Add responses to a conversation. Return the trips and calls before the model of each."""
        seen = []
        async with self.client() as client:
            conversation = (await client.post("/v1/conversations", json={})).json()["id"]
            for number in range(count):
                self.database.forget()
                body = {"model": "agent", "input": f"Turn {number}", "conversation": conversation}
                key = {"idempotency-key": str(number)} if keyed else {}
                answer = await client.post("/v1/responses", json=body, headers=key)
                assert answer.status_code == 200, answer.text
                seen.append((self.model.trips, self.model.calls))
        await self.database.aclose()
        return seen

    async def streams(self, count: int) -> list[tuple[int, int, int]]:
        """Run a conversation of streams. Return the trips and calls before the model of each, and all its calls."""
        seen, previous = [], None
        async with self.client() as client:
            for number in range(count):
                self.database.forget()
                body = {"model": "agent", "input": f"Turn {number}", "previous_response_id": previous, "stream": True}
                answer = await client.post("/v1/responses", json=body)
                response = assert_stream(answer.content, answer.headers)[-1]["response"]
                assert [item["type"] for item in response["output"]] == ["message"]
                previous = response["id"]
                seen.append((self.model.trips, self.model.calls, self.database.calls))
        await self.model.aclose()
        await self.database.aclose()
        return seen


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    sign_as_anyone(monkeypatch)
    with dynamodb() as emulator:
        create_tables(emulator)
        built = Rig(emulator.url)
        asyncio.run(built.prepare())
        yield built


def test_a_warm_function_calls_the_model_after_at_most_three_trips_however_long_the_conversation(rig: Rig) -> None:
    trips = [trips for trips, _ in asyncio.run(rig.turns(101))]
    assert trips[0] <= 4, "a cold key costs its own look-up, and that of its user"
    assert max(trips[1:]) <= 3
    assert trips[10] == trips[100]


def test_a_turn_makes_no_more_calls_late_in_a_conversation_than_early(rig: Rig) -> None:
    calls = [calls for _, calls in asyncio.run(rig.turns(101))]
    assert calls[100] == calls[10]


def test_a_request_that_may_be_sent_again_makes_no_more_trips(rig: Rig) -> None:
    trips = [trips for trips, _ in asyncio.run(rig.turns(11, keyed=True))]
    assert max(trips[1:]) <= 3


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "keyed"])
def test_an_addition_to_a_conversation_makes_one_trip_more_than_a_continuation(rig: Rig, keyed: bool) -> None:
    seen = asyncio.run(rig.additions(101, keyed=keyed))
    assert max(trips for trips, _ in seen[1:]) <= 4, "the last one sees whether it was deleted meanwhile"
    assert seen[100] == seen[10]


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "keyed"])
def test_a_rate_and_a_budget_make_no_more_trips(rig: Rig, keyed: bool) -> None:
    rig.limit()
    seen = asyncio.run(rig.turns(11, keyed=keyed))
    assert max(trips for trips, _ in seen[1:]) <= 3


def test_a_rate_and_a_budget_are_two_calls_before_the_model_and_none_where_they_are_not_set(rig: Rig) -> None:
    _, (_, free), _ = asyncio.run(rig.turns(3))
    assert free == 3, "agent, conversation, claim"


@pytest.mark.parametrize("protocol", [None, *PROTOCOLS], ids=lambda protocol: protocol.name if protocol else "demo")
def test_every_provider_streams_by_the_grammar_and_costs_the_same_calls(rig: Rig, protocol: Protocol | None) -> None:
    said = [TextDelta("So"), TextDelta(" it is."), UsageDelta(3, 4), StopDelta("stop")]
    with Upstream([protocol.script(said)] if protocol else ()) as upstream:
        if protocol:
            rig.model = Watched(rig.database, protocol.provider(upstream.base_url))
        first, *later = asyncio.run(rig.streams(4))
    after = 1 + ROLL_UPS
    assert first == (4, 6, 6 + after), "with the key and its user; after the model comes the commit"
    assert later == [(2, 3, 3 + after), (3, 4, 4 + after), (3, 4, 4 + after)], (
        "from the third turn on, earlier ones are read too"
    )
