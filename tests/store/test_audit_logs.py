from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from antiphon.audit import AuditEntry, Trail
from antiphon.errors import AlreadyExists, StorageUnavailable
from antiphon.ports import AuditFilter, AuditLog
from antiphon.records import Actor, Agent, Grant, Group, Key, Limits, Role, Tenant, User
from antiphon.redaction import without_secrets
from antiphon.store.dynamodb.audit import DynamoDBAudit
from antiphon.store.dynamodb.client import ConditionFailed, DynamoDB
from antiphon.store.sqlite import open_stores
from antiphon.store.sqlite.audit import SQLiteAudit
from antiphon.store.sqlite.database import SQLite
from local.lambda_host.dynamodb import Command, Emulator, Reply
from tests.support.counting import Counting
from tests.support.stored import AUDIT_DAYS, DAY, NOW, Stores
from tests.support.tables import CORE

ANN = Actor("acme", "ann", "http", "key_1", "203.0.113.9")
BOB = Actor("acme", "bob", "cli", host="desk")
GUIDE = Agent("acme", "guide", "demo", "demo", author="eve", created_at=NOW, updated_at=NOW)
KEY = Key("d" * 64, "key_9", "acme", "eve", "ap_dev_abcd", name="laptop", created_at=NOW)


async def entries(stores: Stores, **wanted: str) -> list[AuditEntry]:
    return (await stores.audit.some("acme", 100, AuditFilter(**wanted))).entries


async def noted(stores: Stores, **wanted: str) -> list[tuple[str, str, str]]:
    return [(entry.actor.user, entry.action, entry.target) for entry in await entries(stores, **wanted)]


class StuckTrail(Trail):
    """Makes every entry at the same moment, as trails of different processes can."""

    def _next(self) -> int:
        return NOW * 1_000_000


@pytest.fixture(params=["sqlite", "dynamodb"])
def stuck(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditLog]:
    trail = StuckTrail(lambda: NOW, lambda count: b"\0" * count)
    if request.param == "sqlite":
        file = SQLite(tmp_path / "antiphon.db")
        yield SQLiteAudit(file, trail)
        asyncio.run(file.aclose())
        return
    database = DynamoDB(endpoint_url=request.getfixturevalue("aws").url)
    yield DynamoDBAudit(database, CORE, trail)
    asyncio.run(database.aclose())


Change = Callable[[Stores], Awaitable[object]]
CHANGES: list[tuple[Change, list[str]]] = [
    (lambda s: s.directory.put(User("acme", "eve"), ANN), ["user.created user:eve"]),
    (lambda s: s.directory.put(User("acme", "eve", role="ADMIN"), ANN), ["user.changed user:eve"]),
    (lambda s: s.directory.put(Role("acme", "STAFF", frozenset({"USE"})), ANN), ["role.created role:STAFF"]),
    (lambda s: s.directory.put(Group("acme", "board"), ANN), ["group.created group:board"]),
    (lambda s: s.directory.put(Tenant("acme", Limits(tokens_per_day=9)), ANN), ["tenant.created tenant:acme"]),
    (lambda s: s.directory.put_agent(GUIDE, ANN), ["grant.created agent:guide", "agent.created agent:guide"]),
    (lambda s: s.directory.put_agent(replace(GUIDE, model="x"), ANN), ["agent.changed agent:guide"]),
    (lambda s: s.directory.put_agent(GUIDE, ANN, rolled_back_to=1), ["agent.rolled_back agent:guide"]),
    (lambda s: s.directory.put(Grant("acme", "guide", "group:board", 1), ANN), ["grant.created agent:guide"]),
    (lambda s: s.directory.put(Grant("acme", "guide", "group:board", 3), ANN), ["grant.changed agent:guide"]),
    (lambda s: s.directory.put(Grant("acme", "guide", "role:STAFF", 3), ANN), ["grant.created agent:guide"]),
    (lambda s: s.directory.put(Grant("acme", "guide", "group:board", 0), ANN), ["grant.removed agent:guide"]),
    (lambda s: s.keys.add(KEY, ANN), ["key.created key:key_9"]),
    (lambda s: s.keys.revoke("acme", "key_9", NOW, ANN), ["key.revoked key:key_9"]),
    (
        lambda s: s.directory.delete(Role("acme", "STAFF"), ANN),
        ["role.deleted role:STAFF", "grant.removed agent:guide"],
    ),
    (lambda s: s.directory.delete(User("acme", "eve"), ANN), ["user.deleted user:eve", "grant.removed agent:guide"]),
    (lambda s: s.directory.delete(Group("acme", "board"), ANN), ["group.deleted group:board"]),
    (lambda s: s.directory.delete_agent("acme", "guide", ANN), ["agent.deleted agent:guide"]),
    (lambda s: s.directory.restore_agent("acme", "guide", ANN), ["agent.restored agent:guide"]),
]
"""Changes in an order in which each is one, with what it notes, newest first."""


async def test_every_change_is_noted_and_repeating_it_is_not(stores: Stores) -> None:
    for change, expected in CHANGES:
        before = len(await entries(stores))
        await change(stores)
        now = await entries(stores)
        assert [f"{entry.action} {entry.target}" for entry in now[: len(now) - before]] == expected
        assert {entry.actor for entry in now} == {ANN}
        if expected[0].startswith(("agent.rolled", "grant.removed")):
            continue
        await change(stores) if "key.created" not in expected[0] else None
        assert len(await entries(stores)) == len(now), f"{expected} is noted again"


async def test_an_entry_has_the_fields_that_changed_who_changed_them_when_and_from_where(stores: Stores) -> None:
    await stores.directory.put(User("acme", "eve", name="Eve", groups=("board",)), ANN)
    stores.set_clock(NOW + 1.5)
    await stores.directory.put(User("acme", "eve", name="Eve", role="ADMIN"), BOB)
    changed, created = await entries(stores)
    assert (created.actor, created.at, created.before) == (ANN, NOW, None)
    assert created.after == {"id": "eve", "name": "Eve", "groups": ["board"]}
    assert (changed.actor, changed.at) == (BOB, NOW + 1.5)
    assert changed.before == {"groups": ["board"], "role": None}
    assert changed.after == {"groups": None, "role": "ADMIN"}
    assert changed.expires_at == NOW + 1 + AUDIT_DAYS * DAY


async def test_a_change_of_an_agent_names_the_versions_and_a_roll_back_where_it_went(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE, ANN)
    await stores.directory.put_agent(replace(GUIDE, model="x"), ANN)
    await stores.directory.put_agent(GUIDE, ANN, rolled_back_to=1)
    back, changed, *_ = await entries(stores, kind="agent")
    assert (changed.before, changed.after) == ({"model": "demo", "version": 1}, {"model": "x", "version": 2})
    assert (back.before, back.after) == (
        {"model": "x", "version": 2},
        {"model": "demo", "version": 3, "rolled_back_to": 1},
    )


async def test_entries_are_found_by_actor_kind_and_target_and_by_all_of_them(stores: Stores) -> None:
    await stores.directory.put(User("acme", "eve"), ANN)
    await stores.directory.put(User("acme", "eve", name="E"), BOB)
    await stores.keys.add(KEY, ANN)
    await stores.directory.put_agent(GUIDE, BOB)
    await stores.directory.put(User("other", "eve"), Actor("other", "ann", "http"))
    assert len(await noted(stores)) == 5
    assert await noted(stores, actor="ann") == [
        ("ann", "key.created", "key:key_9"),
        ("ann", "user.created", "user:eve"),
    ]
    assert await noted(stores, kind="user") == [
        ("bob", "user.changed", "user:eve"),
        ("ann", "user.created", "user:eve"),
    ]
    assert await noted(stores, target="agent:guide") == [
        ("bob", "grant.created", "agent:guide"),
        ("bob", "agent.created", "agent:guide"),
    ]
    assert await noted(stores, actor="bob", kind="user", target="user:eve") == [("bob", "user.changed", "user:eve")]
    assert await noted(stores, actor="bob", kind="key") == []
    assert await noted(stores, target="user:a#b") == []


@pytest.mark.parametrize("wanted", [AuditFilter(), AuditFilter(actor="ann"), AuditFilter("ann", "group")])
async def test_pages_follow_each_other_newest_first_and_none_is_before_a_time(
    stores: Stores, wanted: AuditFilter
) -> None:
    for number in range(7):
        stores.set_clock(NOW + number)
        await stores.directory.put(Group("acme", f"g{number}"), ANN)
    seen: list[str] = []
    after = None
    while True:
        page = await stores.audit.some("acme", 3, wanted, since=NOW + 1, after=after)
        seen += [entry.target for entry in page.entries]
        if not page.more:
            break
        after = page.entries[-1].id
    assert seen == [f"group:g{number}" for number in (6, 5, 4, 3, 2, 1)]
    last = (await stores.audit.some("acme", 100, wanted)).entries[-1]
    assert (await stores.audit.some("acme", 3, wanted, since=NOW + 1, after=last.id)).entries == []


async def test_entries_of_one_moment_are_in_the_order_in_which_they_were_made(stores: Stores) -> None:
    for number in range(20):
        await stores.directory.put(Group("acme", f"g{number}"), ANN)
    assert [entry.target for entry in await entries(stores)] == [f"group:g{number}" for number in range(19, -1, -1)]


async def test_an_entry_is_gone_when_its_time_is_up(stores: Stores) -> None:
    await stores.directory.put(Group("acme", "board"), ANN)
    stores.set_clock(NOW + AUDIT_DAYS * DAY)
    assert await entries(stores) == []


async def test_a_look_is_noted_like_a_change(stores: Stores) -> None:
    await stores.audit.note("acme", ANN, "response.read", "response:resp_1", None, {"user": "eve"})
    [entry] = await entries(stores, kind="response")
    assert (entry.actor, entry.target, entry.before, entry.after) == (ANN, "response:resp_1", None, {"user": "eve"})


async def test_no_entry_takes_the_place_of_another(stuck: AuditLog) -> None:
    """Two processes would have to make the same four random bytes in the same microsecond; then the second fails."""
    await stuck.note("acme", ANN, "response.read", "response:resp_1")
    with pytest.raises((ConditionFailed, sqlite3.IntegrityError)):
        await stuck.note("acme", ANN, "response.read", "response:resp_2")
    assert [entry.target for entry in (await stuck.some("acme", 9)).entries] == ["response:resp_1"]


async def test_a_change_that_fails_notes_nothing(stores: Stores) -> None:
    await stores.keys.add(KEY, ANN)
    with pytest.raises(AlreadyExists):
        await stores.keys.add(replace(KEY, user="mallory"), BOB)
    assert await stores.keys.revoke("acme", "key_x", NOW, BOB) is None
    assert not await stores.directory.delete(User("acme", "nobody"), BOB)
    assert not await stores.directory.delete_agent("acme", "nothing", BOB)
    assert await noted(stores, actor="bob") == []


async def test_a_key_that_is_revoked_twice_is_noted_once(stores: Stores) -> None:
    await stores.keys.add(KEY, ANN)
    await stores.keys.revoke("acme", "key_9", NOW, ANN)
    await stores.keys.revoke("acme", "key_9", NOW + 5, BOB)
    assert await noted(stores) == [("ann", "key.revoked", "key:key_9"), ("ann", "key.created", "key:key_9")]


async def test_a_lost_update_is_made_again_on_what_is_there_now(aws: Emulator, dynamodb: Stores) -> None:
    """Whoever writes second does not write over what it never saw: both entries follow each other."""
    await dynamodb.directory.put(User("acme", "eve"), ANN)
    meet_in_the_middle(aws)
    await asyncio.gather(
        dynamodb.directory.put(User("acme", "eve", name="Eve"), ANN),
        dynamodb.directory.put(User("acme", "eve", role="ADMIN"), BOB),
    )
    second, first, _ = await entries(dynamodb)
    assert first.after is not None
    assert second.before is not None
    assert {name: second.before[name] for name in first.after} == first.after


def meet_in_the_middle(aws: Emulator) -> None:
    """Hold the first read back until the second one has come, so that both writers have read the same."""
    ask, both = aws.handle, threading.Barrier(2)
    reads = iter(range(2))

    def handle(call: Command) -> Reply:
        answer = ask(call)
        if call.operation == "GetItem" and next(reads, None) is not None:
            both.wait(10)
        return answer

    aws.handle = handle


@pytest.mark.parametrize(("change", "expected"), CHANGES[:1] + CHANGES[5:6])
async def test_a_change_without_its_entry_is_not_made(
    aws: Emulator, dynamodb: Stores, change: Change, expected: list[str]
) -> None:
    """A role that may not write the audit log changes nothing: DynamoDB checks the rights of all writes first."""
    ask = aws.handle

    def handle(call: Command) -> Reply:
        if any("AUDIT#" in str(write) for write in call.arguments.get("TransactItems", ())):
            return 400, {"__type": "com.amazon.coral.service#AccessDeniedException"}
        return ask(call)

    aws.handle = handle
    with pytest.raises(Exception, match="AccessDenied"):
        await change(dynamodb)
    aws.handle = ask
    _, answer = aws.ask(Command("Scan", {"TableName": "core"}))
    assert answer["Items"] == [], expected


async def test_a_change_is_a_read_and_a_transaction_of_some_twenty_write_units(aws: Emulator, dynamodb: Stores) -> None:
    counted = Counting(aws)
    await dynamodb.directory.put(User("acme", "eve"), ANN)
    counted.stop()
    assert counted.operations == ["GetItem", "TransactWriteItems"]
    assert 10 <= counted.write_units <= 25


async def test_a_list_reads_as_many_rows_as_it_shows_however_many_there_are(aws: Emulator, dynamodb: Stores) -> None:
    async def reads(wanted: AuditFilter) -> tuple[list[str], float]:
        counted = Counting(aws)
        assert len((await dynamodb.audit.some("acme", 10, wanted)).entries) == 10
        counted.stop()
        return counted.operations, counted.read_units

    async def add(count: int) -> None:
        for number in range(count):
            await dynamodb.directory.put(Group("acme", f"g{number}", name=str(count)), ANN)

    await add(12)
    few = [await reads(wanted) for wanted in (AuditFilter(), AuditFilter(kind="group"), AuditFilter("ann", "group"))]
    await add(60)
    many = [await reads(wanted) for wanted in (AuditFilter(), AuditFilter(kind="group"), AuditFilter("ann", "group"))]
    assert [operations for operations, _ in few] == [["Query"], ["Query", "BatchGetItem"], ["Query", "BatchGetItem"]]
    assert many == few


def test_the_file_lets_nobody_change_or_remove_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"

    async def begin() -> None:
        _, directory, *_ = open_stores(path)
        await directory.put(User("acme", "eve"), ANN)
        await directory.aclose()

    asyncio.run(begin())
    connection = sqlite3.connect(path)
    for statement in ("UPDATE audit SET actor = 'bob'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="audit log"):
            connection.execute(statement)
    connection.close()


SECRETS = {
    "servers[0].auth.value": "f00dcafe0123456789",
    "headers.Authorization": "Bearer abcdefghijklmnop",
    "headers.X-Api-Key": "qwertzuiop",
    "url": "https://ada:hunter2hunter2@example.com/mcp?key=topsecret1",
    "text": "use sk-abcdefghijklmnopqrstuv to call",
    "own": "ap_dev_" + "A" * 46,
}


def test_what_looks_like_a_secret_is_not_shown() -> None:
    document: dict[str, Any] = {
        "servers": [
            {
                "auth": {"type": "bearer", "value": SECRETS["servers[0].auth.value"], "api_key_env": "KEY_OF_CRM"},
                "settings": {"url": SECRETS["url"], "headers": {"Authorization": SECRETS["headers.Authorization"]}},
                "more": {"X-Api-Key": SECRETS["headers.X-Api-Key"], "Accept": "text/plain"},
            }
        ],
        "instructions": SECRETS["text"],
        "name": SECRETS["own"],
        "auth": {"secret": "arn:aws:secretsmanager:eu-central-1:1:secret:crm-AbCdEf", "nested": [{"a": "b"}]},
    }
    shown = str(without_secrets(document))
    for secret in (*SECRETS.values(), "hunter2hunter2", "topsecret1", "abcdefghijklmnop", "nested': [{'a': 'b'"):
        assert secret not in shown
    for plain in ("bearer", "KEY_OF_CRM", "example.com/mcp?key=", "use [hidden] to call", "text/plain", "crm-AbCdEf"):
        assert plain in shown


async def test_a_long_text_is_kept_as_its_size_and_digest(stores: Stores) -> None:
    await stores.directory.put_agent(replace(GUIDE, instructions="x" * 200_000), ANN)
    await stores.directory.put_agent(replace(GUIDE, instructions="y" * 200_000), ANN)
    changed, *_ = await entries(stores, kind="agent")
    assert changed.after is not None
    assert changed.after["instructions"]["characters"] == 200_002
    assert len(str(changed)) < 2000


async def test_a_change_whose_entry_the_file_cannot_take_is_not_made(tmp_path: Path) -> None:
    keys, directory, *_ = open_stores(tmp_path / "antiphon.db")
    connection = sqlite3.connect(tmp_path / "antiphon.db")
    connection.execute("DROP TABLE audit")
    connection.close()
    with pytest.raises(StorageUnavailable):
        await directory.put(User("acme", "eve"), ANN)
    with pytest.raises(StorageUnavailable):
        await keys.add(KEY, ANN)
    assert await directory.list_users("acme") == await keys.list("acme") == []
    await keys.aclose()
