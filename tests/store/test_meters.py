"""Meters: what is said here holds for both."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from antiphon.records import Owner, Period
from antiphon.store.dynamodb import layout
from antiphon.store.sqlite import open_stores
from local.lambda_host.dynamodb import Command, Emulator
from tests.support.counting import Counting
from tests.support.stored import NOW, OWNER, Stores, add_turn
from tests.support.tables import CORE

MINUTE = Period.at("requests", 60, NOW)
DAY = Period.at("tokens", 86_400, NOW)


async def take(stores: Stores, limit: int, owner: Owner = OWNER, period: Period = MINUTE) -> bool:
    return await stores.meter.take(owner, period, limit)


async def count(stores: Stores, owner: Owner = OWNER, period: Period = MINUTE) -> int:
    return await stores.meter.count(owner, period)


def test_a_window_begins_and_ends_on_the_clock() -> None:
    assert Period.at("requests", 60, 119.9) == Period("requests", 60, 1)
    assert Period("requests", 60, 1).ends == 120
    assert Period.at("requests", 60, 120).number == 2


async def test_one_is_counted_until_the_limit_is_reached(stores: Stores) -> None:
    assert [await take(stores, 2) for _ in range(4)] == [True, True, False, False]
    assert await count(stores) == 2


async def test_a_limit_that_is_raised_leaves_room_and_one_that_is_lowered_none(stores: Stores) -> None:
    assert [await take(stores, limit) for limit in (1, 1, 2, 1, 3)] == [True, False, True, False, True]


async def test_what_was_added_counts_whatever_was_there(stores: Stores) -> None:
    assert await count(stores, period=DAY) == 0
    await stores.meter.add(OWNER, DAY, 40)
    await stores.meter.add(OWNER, DAY, 2)
    assert await count(stores, period=DAY) == 42
    assert not await take(stores, 42, period=DAY)
    assert await take(stores, 43, period=DAY)


@pytest.mark.parametrize(
    ("owner", "period"),
    [
        (Owner("acme", "bob"), MINUTE),
        (Owner("acme#ann", ""), MINUTE),
        (Owner("other", "ann"), MINUTE),
        (OWNER, Period("requests", 60, MINUTE.number + 1)),
        (OWNER, Period("tokens", 60, MINUTE.number)),
    ],
    ids=str,
)
async def test_every_user_and_every_window_has_a_counter_of_its_own(
    stores: Stores, owner: Owner, period: Period
) -> None:
    await take(stores, 1)
    assert await count(stores, owner, period) == 0
    assert await take(stores, 1, owner, period)


async def test_in_dynamodb_each_is_one_call_and_the_counter_forgets_itself(aws: Emulator, dynamodb: Stores) -> None:
    counted = Counting(aws)
    await take(dynamodb, 1)
    await take(dynamodb, 1)
    await dynamodb.meter.add(OWNER, MINUTE, 1)
    await count(dynamodb)
    assert counted.operations == ["UpdateItem", "UpdateItem", "UpdateItem", "GetItem"]
    row = aws.ask(Command("GetItem", {"TableName": CORE, "Key": layout.meter(OWNER, MINUTE)}))[1]["Item"]
    assert row[layout.TTL] == {"N": str(MINUTE.ends)}


async def test_of_many_at_once_over_several_connections_exactly_the_limit_is_counted(tmp_path: Path) -> None:
    """Real threads on one SQLite file, each with a connection of its own, as two processes have them."""
    opened = [open_stores(tmp_path / "antiphon.db") for _ in range(4)]

    meters = [meter for _, _, _, meter, *_ in opened]
    taken = await asyncio.gather(*(meters[index % 4].take(OWNER, MINUTE, 30) for index in range(80)))
    await asyncio.gather(*(meters[index % 4].add(OWNER, DAY, 5) for index in range(80)))
    spent = await meters[0].count(OWNER, DAY)
    for keys, *_ in opened:
        await keys.aclose()
    assert taken.count(True) == 30
    assert spent == 400


async def test_counters_of_windows_that_have_ended_are_swept_from_the_file(sqlite: Stores, tmp_path: Path) -> None:
    await take(sqlite, 1)
    await sqlite.meter.add(OWNER, DAY, 1)
    sqlite.set_clock(MINUTE.ends)
    await add_turn(sqlite.responses)
    with closing(sqlite3.connect(tmp_path / "antiphon.db")) as database:
        assert database.execute("SELECT name FROM meters").fetchall() == [(DAY.name,)]
