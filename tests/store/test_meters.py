"""Meters: what is said here holds for both."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from antiphon.ports import Subject
from antiphon.records import Period
from antiphon.store.dynamodb import layout
from antiphon.store.sqlite import open_stores
from local.lambda_host.dynamodb import Command, Emulator
from tests.support.counting import Counting
from tests.support.stored import NOW, Stores, add_turn
from tests.support.tables import CORE

MINUTE = Period.at("requests", 60, NOW)
NEXT = Period("requests", 60, MINUTE.number + 1)
ANN = Subject("acme", "user", "ann")


async def take(stores: Stores, limit: int, subject: Subject = ANN, period: Period = MINUTE) -> bool:
    return await stores.meter.take(subject, period, limit)


def test_a_window_begins_and_ends_on_the_clock() -> None:
    assert Period.at("requests", 60, 119.9) == Period("requests", 60, 1)
    assert Period("requests", 60, 1).ends == 120
    assert Period.at("requests", 60, 120).number == 2


async def test_one_is_counted_until_the_limit_is_reached(stores: Stores) -> None:
    assert [await take(stores, 2) for _ in range(4)] == [True, True, False, False]


async def test_a_limit_that_is_raised_leaves_room_and_one_that_is_lowered_none(stores: Stores) -> None:
    assert [await take(stores, limit) for limit in (1, 1, 2, 1, 3)] == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("subject", "period"),
    [
        (Subject("acme", "user", "bob"), MINUTE),
        (Subject("acme", "key", "ann"), MINUTE),
        (Subject("acme#user", "user", "ann"), MINUTE),
        (Subject("other", "user", "ann"), MINUTE),
        (ANN, NEXT),
    ],
    ids=str,
)
async def test_every_subject_and_every_window_has_a_counter_of_its_own(
    stores: Stores, subject: Subject, period: Period
) -> None:
    await take(stores, 1)
    assert await take(stores, 1, subject, period)


async def test_in_dynamodb_each_is_one_call_and_the_counter_forgets_itself(aws: Emulator, dynamodb: Stores) -> None:
    counted = Counting(aws)
    await take(dynamodb, 1)
    await take(dynamodb, 1)
    assert counted.operations == ["UpdateItem", "UpdateItem"]
    row = aws.ask(Command("GetItem", {"TableName": CORE, "Key": layout.meter(ANN, MINUTE)}))[1]["Item"]
    assert row[layout.TTL] == {"N": str(MINUTE.ends)}


async def test_of_many_at_once_over_several_connections_exactly_the_limit_is_counted(tmp_path: Path) -> None:
    """Real threads on one SQLite file, each with a connection of its own, as two processes have them."""
    opened = [open_stores(tmp_path / "antiphon.db") for _ in range(4)]

    meters = [meter for _, _, _, meter, *_ in opened]
    taken = await asyncio.gather(*(meters[index % 4].take(ANN, MINUTE, 30) for index in range(80)))
    for keys, *_ in opened:
        await keys.aclose()
    assert taken.count(True) == 30


async def test_counters_of_windows_that_have_ended_are_swept_from_the_file(sqlite: Stores, tmp_path: Path) -> None:
    await take(sqlite, 1)
    await take(sqlite, 1, period=NEXT)
    sqlite.set_clock(MINUTE.ends)
    await add_turn(sqlite.responses)
    with closing(sqlite3.connect(tmp_path / "antiphon.db")) as database:
        assert database.execute("SELECT name FROM meters").fetchall() == [(NEXT.name,)]
