"""The roles of the functions, held against what these ask of DynamoDB: nothing is missing, nothing left over."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import httpx2
import pytest

from antiphon.access import keys, roles
from antiphon.bootstrap import Stores, build_services, table_stores
from antiphon.ports import Services
from antiphon.providers.configured import Providers
from antiphon.records import Agent, Owner, User
from antiphon.run.worker import perform, sweep
from antiphon.settings import Settings
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.web.app import build_app
from antiphon.web.routes import create, deciding, models, responses
from local.lambda_host.dynamodb import Command, Emulator, Reply
from tests.support.dynamodb import dynamodb, sign_as_anyone
from tests.support.managing import asking, waiting
from tests.support.stored import claimed, noise
from tests.support.tables import CORE, RESPONSES, create_tables
from tests.support.translated import permitted, translated

Asked = set[tuple[str, str, str]]


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    sign_as_anyone(monkeypatch)
    with dynamodb() as emulator:
        create_tables(emulator)
        yield emulator


@contextmanager
def listening(emulator: Emulator) -> Iterator[Asked]:
    """Note the table, the operation and each partition key of what is asked."""
    asked: Asked = set()

    def listen(call: Command) -> Reply:
        for write in call.arguments.get("TransactItems", ()):
            ((kind, item),) = write.items()
            asked.add((item["TableName"], f"{kind}Item", (item.get("Item") or item["Key"])["pk"]["S"]))
        for table, key in _keys(call.arguments):
            asked.add((table, call.operation, key))
        return emulator.ask(call)

    emulator.handle = listen
    yield asked
    emulator.handle = emulator.ask


def _keys(arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for table, request in arguments.get("RequestItems", {}).items():
        rows = request["Keys"] if "Keys" in request else [next(iter(each.values())) for each in request]
        yield from ((table, row.get("Key", row)["pk"]["S"]) for row in rows)
    if "TableName" in arguments:
        row = arguments.get("Key") or arguments.get("Item")
        values = arguments.get("ExpressionAttributeValues", {})
        yield arguments["TableName"], row["pk"]["S"] if row else values[":pk"]["S"]


def _client(services: Services, routers: list[Any], headers: dict[str, str]) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(build_app(services, routers))
    return httpx2.AsyncClient(transport=transport, base_url="http://here", headers=headers)


async def scenario(emulator: Emulator) -> dict[str, Asked]:
    """Do all that each function is for; return what each asked."""
    database = DynamoDB(endpoint_url=emulator.url)
    stores = table_stores(database, CORE, RESPONSES)
    settings = Settings(core_table=CORE, responses_table=RESPONSES, requests_per_minute=1000, tokens_per_day=10**9)
    key = keys.make_key("dev", secrets.token_bytes)
    await stores.directory.put(User("default", "ada", role=roles.ADMIN))
    await stores.directory.put_agent(Agent("default", "echo", "demo", "demo", author="ada"))
    await stores.keys.add(keys.record(key, tenant="default", user="ada", now=1))
    asked = {}
    for number, (name, (routers, work)) in enumerate(WORK.items()):
        services = [build_services(settings, stores, Providers({}, {})) for _ in range(2)]
        made = await _made(stores, 2 * number)
        headers = {"authorization": f"Bearer {key}"}
        if name == "GetResponse":
            async with _client(services[0], [create.router], headers) as client:
                await _create(client, made)
        with listening(emulator) as asked[name]:
            async with _client(services[1], routers, headers) as client:
                await work(client, made)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if others:
                await asyncio.wait(others)
    asked["RunResponse"] = await _worked(emulator, settings, stores, key)
    await database.aclose()
    return asked


async def _worked(emulator: Emulator, settings: Settings, stores: Stores, key: str) -> Asked:
    """Queue responses that nobody runs yet, and return what their workers and the sweeper ask."""
    lost: list[str] = []

    async def lose(_: Services, __: Owner, response_id: str) -> None:
        lost.append(response_id)

    services = build_services(settings, stores, Providers({}, {}), lose)
    async with _client(services, [create.router], {"authorization": f"Bearer {key}"}) as client:
        first = await client.post("/v1/responses", json={"model": "echo", "input": noise(900_000), "background": True})
        assert first.status_code == httpx2.codes.OK
    with listening(emulator) as asked:
        await perform(services, Owner("default", "ada"), lost[0], time.time() + 60)
        continued = {"model": "echo", "input": "On", "background": True, "previous_response_id": lost[0]}
    async with _client(services, [create.router], {"authorization": f"Bearer {key}"}) as client:
        second = await client.post("/v1/responses", json=continued)
        assert second.status_code == httpx2.codes.OK
    with listening(emulator) as further:
        await sweep(replace(services, clock=lambda: time.time() + 1000))
        await perform(services, Owner("default", "ada"), lost[1], time.time() + 60)
    return asked | further


async def _made(stores: Stores, seed: int) -> dict[str, str]:
    """Store two responses in progress: one whose writer is lost, and one whose writer does not answer."""
    now = int(time.time())
    of_ada = {"owner": Owner("default", "ada"), "agent": "echo", "created_at": now}
    lost = claimed(seed=seed, lease_until=1.0, **of_ada)
    silent = claimed(seed=seed + 1, lease_until=now + 900.0, **of_ada)
    for turn in (lost, silent):
        await stores.responses.claim(turn)
    turn = claimed(seed=seed + 2, lease_until=now + 900.0, **{**of_ada, "owner": Owner("default", "bob")})
    approval = replace(waiting(turn.owner, now, turn.id), by="role:ADMIN")
    await stores.responses.claim(turn)
    ended = asking(turn, approval, {**turn.response, "status": "completed"})
    other = waiting(turn.owner, now, turn.id)  # so that nothing goes on yet
    ended.response["antiphon"]["approvals"].append({"id": other.id})
    await stores.responses.commit(ended)
    await stores.approvals.save(other)
    await stores.approvals.save(approval)
    return {"lost": lost.id, "silent": silent.id, "approval": approval.id}


async def _create(client: httpx2.AsyncClient, made: dict[str, str]) -> None:
    continued: dict[str, str] = {}
    for more in ({"input": noise(900_000)}, {"stream": True}, {}):
        body = {"model": "echo", "input": "Hi", **more, **continued}
        headers = {"idempotency-key": secrets.token_hex(8)}
        for _ in range(2):  # the second is answered from what the first stored
            answer = await client.post("/v1/responses", json=body, headers=headers)
            assert answer.status_code == httpx2.codes.OK, answer.text
        if not body.get("stream"):
            made.setdefault("large", answer.json()["id"])
            made["last"] = answer.json()["id"]
        continued = {"previous_response_id": made["last"]}
    unknown = {"model": "none", "input": "Hi"}
    refused = await client.post("/v1/responses", json=unknown, headers={"idempotency-key": "k"})
    assert refused.status_code == httpx2.codes.NOT_FOUND
    counted = await client.post("/v1/responses/input_tokens", json={"model": "echo", "input": "Hi", **continued})
    assert counted.status_code == httpx2.codes.OK


async def _get(client: httpx2.AsyncClient, made: dict[str, str]) -> None:
    answers = [
        await client.get(f"/v1/responses/{made['last']}"),
        await client.get(f"/v1/responses/{made['last']}/input_items"),
        await client.post(f"/v1/responses/{made['lost']}/cancel"),
        await client.post(f"/v1/responses/{made['silent']}/cancel"),
        await client.delete(f"/v1/responses/{made['last']}"),
        await client.delete(f"/v1/responses/{made['large']}"),
    ]
    assert {answer.status_code for answer in answers} == {httpx2.codes.OK}, [answer.text for answer in answers]


async def _list(client: httpx2.AsyncClient, _: dict[str, str]) -> None:
    for path in ("/v1/models", "/v1/models/echo", "/v1/responses/models"):
        assert (await client.get(path)).status_code == httpx2.codes.OK


async def _create_and_get(client: httpx2.AsyncClient, made: dict[str, str]) -> None:
    await _create(client, made)
    await _get(client, dict(made))
    decided = await client.post(f"/v1/approvals/{made['approval']}", json={"decision": "approve"})
    assert decided.status_code == httpx2.codes.OK, decided.text


WORK: dict[str, tuple[list[Any], Callable[[httpx2.AsyncClient, dict[str, str]], Coroutine[Any, Any, None]]]] = {
    "CreateResponse": (
        [create.router, responses.router, deciding.router],
        _create_and_get,
    ),  # as behind its Function URL
    "GetResponse": ([responses.router], _get),
    "ListModels": ([models.router], _list),
}


def allowed(template: Any, function: str) -> dict[tuple[str, str, str], bool]:
    """Return what a role allows of DynamoDB: table, operation, pattern of the partition key; none was used yet."""
    names = {"CoreTable": CORE, "ResponsesTable": RESPONSES}
    rights = {}
    for (resource, patterns), actions in permitted(template, function).items():
        table = next((names[name] for name in names if f'"{name}"' in resource), None)
        for action in actions if table else ():
            for pattern in patterns or ("*",):
                rights[table, action.removeprefix("dynamodb:"), pattern] = False
    return rights


def test_a_role_allows_what_its_function_asks_and_no_more(emulator: Emulator) -> None:
    template = translated()
    for function, asked in asyncio.run(scenario(emulator)).items():
        rights = allowed(template, function)
        for table, operation, key in sorted(asked):
            used = [each for each in rights if each[:2] == (table, operation) and fnmatchcase(key, each[2])]
            assert used, f"{function} may not {operation} {key} of {table}"
            rights |= dict.fromkeys(used, True)
        assert [each for each, used in rights.items() if not used] == [], function
