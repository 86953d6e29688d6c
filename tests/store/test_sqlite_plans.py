"""No list in SQLite reads or sorts more than its page: each query walks an index from where the page begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

import pytest

from antiphon.ports import AuditFilter
from antiphon.records import PUBLIC, Agent, Group, Key, Role, User
from antiphon.store.sqlite.database import SQLite
from tests.support.listening import statements
from tests.support.stored import NOW, OWNER, Stores, claimed

KEY = Key("d", "key_1", "acme", "ann", "ap_", created_at=NOW)


def some(kind: type, stores: Stores) -> Awaitable[Any]:
    return stores.directory.some(kind, "acme", 20, after="a")


def audited(wanted: AuditFilter, stores: Stores) -> Awaitable[Any]:
    return stores.audit.some("acme", 20, wanted)


LISTS: dict[str, Callable[[Stores], Awaitable[Any]]] = {
    "keys": lambda stores: stores.keys.some("acme", 20),
    "keys that follow": lambda stores: stores.keys.some("acme", 20, after=KEY),
    "keys of a user": lambda stores: stores.keys.some("acme", 20, user="ann", after=KEY),
    "a key by its id": lambda stores: stores.keys.find("acme", "key_1"),
    **{kind.__name__: partial(some, kind) for kind in (User, Role, Group, Agent)},
    "grants": lambda stores: stores.directory.some_grants("acme", "guide", 20, after="a"),
    "agents of a user": lambda stores: stores.directory.agents("acme", ["user:ann", PUBLIC]),
    "first agents of a user": lambda stores: stores.directory.agents("acme", ["user:ann", PUBLIC], 10),
    **{f"audit log by {name}": partial(audited, AuditFilter(**{name: "x"})) for name in ("actor", "kind", "target")},
    "responses": lambda stores: stores.responses.some(OWNER, 20, NOW),
    "responses that follow": lambda stores: stores.responses.some(OWNER, 20, NOW, after=claimed()),
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_walks_an_index_and_sorts_nothing(sqlite: Stores, name: str) -> None:
    plans = await _plans(sqlite, LISTS[name])
    assert plans
    assert [step for step in plans if step.startswith("SCAN") or "TEMP B-TREE" in step] == []


async def test_an_agent_is_read_with_the_grants_of_its_caller_and_no_others(sqlite: Stores) -> None:
    plans = await _plans(sqlite, lambda stores: stores.directory.agent("acme", "guide", ["user:ann", "public"]))
    read = [step for step in plans if "grants" in step]
    assert read == ["SEARCH grants USING PRIMARY KEY (tenant=? AND agent=? AND principal=?)"]


async def _plans(sqlite: Stores, ask: Callable[[Stores], Awaitable[Any]]) -> list[str]:
    """Return the steps of every query that a call of the stores makes."""
    database: SQLite = sqlite.keys._database  # type: ignore[attr-defined] # the file of all stores
    async with statements(database) as asked:
        await ask(sqlite)
    return [step for sql in asked if sql.lstrip().startswith("SELECT") for step in await _plan(database, sql)]


INDEXES = {"agents of a user": "grants_by_principal", "audit log by actor": "audit_by_actor"}


@pytest.mark.parametrize(("name", "index"), INDEXES.items())
async def test_a_query_walks_the_index_that_is_made_for_it(sqlite: Stores, name: str, index: str) -> None:
    database: SQLite = sqlite.keys._database  # type: ignore[attr-defined] # the file of all stores
    async with statements(database) as asked:
        await LISTS[name](sqlite)
    plans = [step for sql in asked if sql.lstrip().startswith("SELECT") for step in await _plan(database, sql)]
    assert [step for step in plans if index in step and "SEARCH" in step]


async def _plan(database: SQLite, sql: str) -> list[str]:
    def work(db: Connection) -> list[str]:
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]

    return await database.read(work)
