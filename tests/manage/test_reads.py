"""A page takes the same number of reads, however much there is."""

from __future__ import annotations

import secrets

import pytest

from antiphon.access import keys
from antiphon.bootstrap import build_services, table_stores
from antiphon.manage import agents, grants, people
from antiphon.manage.keys import list_keys
from antiphon.manage.operator import Operator
from antiphon.manage.responses import list_responses
from antiphon.providers.configured import Providers
from antiphon.records import Actor, Agent, Grant, Group, Owner, Role, User
from antiphon.settings import Settings
from antiphon.store.dynamodb.client import DynamoDB
from tests.support.counting import Counting
from tests.support.stored import claimed
from tests.support.tables import CORE, RESPONSES

OPERATOR = Operator.of_store(Actor("default", "op", "cli"))
FEW, MANY = 11, 33


@pytest.fixture
async def services(emulator):
    database = DynamoDB(endpoint_url=emulator.url)
    stores = table_stores(database, CORE, RESPONSES)
    yield build_services(Settings(core_table=CORE, responses_table=RESPONSES), stores, Providers({}, {}))
    await database.aclose()


async def fill(services, start, end):
    now = int(services.clock())
    for number in range(start, end):
        name = f"n{number:05}"
        for record in (User("default", name), Role("default", name), Group("default", name)):
            await services.directory.put(record)
        await services.directory.put_agent(Agent("default", name, "demo", "demo", author="ada"))
        await services.directory.put(Grant("default", "shared", f"user:{name}", 1))
        text = keys.make_key("dev", secrets.token_bytes)
        await services.keys.add(keys.record(text, tenant="default", user="ada", now=now - number))
        of_ada = {"owner": Owner("default", "ada"), "agent": "echo", "created_at": now - number}
        await services.responses.claim(claimed(seed=number, expires_at=now + 99_999, **of_ada))


LISTS = {
    "keys": (list_keys, (), 2),
    "keys of a user": (lambda *args, **more: list_keys(*args, user="ada", **more), (), 2),
    "users": (people.list_users, (), 1),
    "roles": (people.list_roles, (), 1),
    "groups": (people.list_groups, (), 1),
    "agents": (agents.list_agents, (), 1),
    "grants": (grants.list_grants, ("shared",), 2),
    "responses": (list_responses, ("ada",), 2),
}
"""Each list with its further arguments and the calls that its first page takes."""


async def test_the_first_page_of_a_list_takes_as_many_calls_and_reads_as_little_with_many_records(emulator, services):
    await services.directory.put_agent(Agent("default", "shared", "demo", "demo", author="ada"))
    await fill(services, 0, FEW)
    few = {name: await counted(emulator, services, name) for name in LISTS}
    await fill(services, FEW, MANY)
    many = {name: await counted(emulator, services, name) for name in LISTS}
    for name, (_, _, calls) in LISTS.items():
        assert (len(few[name].operations), len(many[name].operations)) == (calls, calls), name
        assert many[name].read_bytes < 2 * few[name].read_bytes + 1000, name


async def test_a_further_page_takes_at_most_one_call_more(emulator, services):
    await services.directory.put_agent(Agent("default", "shared", "demo", "demo", author="ada"))
    await fill(services, 0, 2 * FEW)
    for name, (operation, more, calls) in LISTS.items():
        page = await operation(services, OPERATOR, *more, limit=10)
        last = page.records[-1].get("id") or page.records[-1]["principal"]
        counter = await counted(emulator, services, name, after=last)
        assert len(counter.operations) <= calls + 1, name


async def test_a_user_is_shown_with_as_many_calls_however_many_agents_are_public(emulator, services):
    await services.directory.put(User("default", "ada", role="ADMIN"))
    calls = []
    for start, end in ((0, people.AGENTS_SHOWN), (people.AGENTS_SHOWN, 3 * people.AGENTS_SHOWN)):
        for number in range(start, end):
            await services.directory.put_agent(Agent("default", f"n{number:05}", "demo", "demo", author="op"))
            await services.directory.put(Grant("default", f"n{number:05}", "public", 1))
        counter = Counting(emulator)
        shown = await people.show_user(services, OPERATOR, "ada")
        counter.stop()
        calls.append(sorted(counter.operations))
        assert len(shown["agents"]) == people.AGENTS_SHOWN
        assert shown["has_more_agents"] == (start > 0)
    assert calls[0] == calls[1]


async def counted(emulator, services, name, **more):
    operation, arguments, _ = LISTS[name]
    counter = Counting(emulator)
    page = await operation(services, OPERATOR, *arguments, limit=10, **more)
    counter.stop()
    assert len(page.records) == 10, name
    assert page.more
    return counter
