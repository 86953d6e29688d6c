"""Roll-ups: what is said here holds for both stores."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from antiphon.bootstrap import build_stores
from antiphon.errors import CODES
from antiphon.ports import DayOfUse, Dimension, Subject
from antiphon.settings import Settings
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.rows import weight
from antiphon.usage.counters import COUNTERS
from local.lambda_host.dynamodb import Command, Emulator
from tests.support.counting import Counting
from tests.support.stored import NOW, Stores, add_turn
from tests.support.tables import CORE

ANN = Subject("acme", "user", "ann")
MODEL = Subject("acme", "model", "openai/gpt-5")
TODAY = "2026-11-29"
LATER = NOW + 86_400


async def add(
    stores: Stores, subject: Subject = ANN, day: str = TODAY, response_id: str = "resp_1", **counters: int
) -> None:
    await stores.usage.add(response_id, day, LATER, [(subject, counters or {"requests": 1})])


async def ids(stores: Stores, kind: Dimension, limit: int, first: str = TODAY, last: str = TODAY) -> list[list[str]]:
    """Read all pages. Return the ids of each."""
    pages, after = [], None
    while True:
        rows, after = await stores.usage.page("acme", kind, first, last, after=after, limit=limit)
        pages.append(list(dict.fromkeys(row.id for row in rows)))
        if after is None:
            return pages


async def test_what_is_added_to_a_day_adds_up_by_counter(stores: Stores) -> None:
    await add(stores, requests=1, input_tokens=10)
    await add(stores, requests=1, output_tokens=5)
    await add(stores, day="2026-11-30", nanousd=0)
    assert await stores.usage.of(ANN, TODAY, "2026-11-30") == [
        DayOfUse("ann", TODAY, {"requests": 2, "input_tokens": 10, "output_tokens": 5}),
        DayOfUse("ann", "2026-11-30", {"nanousd": 0}),
    ]
    assert await stores.usage.of(ANN, "2026-12-01", "2026-12-31") == []


async def test_every_response_of_a_shared_model_adds_to_the_same_day_wherever_it_is_kept(stores: Stores) -> None:
    for number in range(20):
        await add(stores, MODEL, response_id=f"resp_{number}", requests=1, input_tokens=number)
    assert await stores.usage.of(MODEL, TODAY, TODAY) == [
        DayOfUse(MODEL.id, TODAY, {"requests": 20, "input_tokens": 190})
    ]
    page = await stores.usage.page("acme", "model", TODAY, TODAY, after=None, limit=10)
    assert page == ([DayOfUse(MODEL.id, TODAY, {"requests": 20, "input_tokens": 190})], None)


@pytest.mark.parametrize(
    "other",
    [
        Subject("other", "user", "ann"),
        Subject("acme#user", "user", "ann"),
        Subject("acme", "key", "ann"),
        Subject("acme", "user", "ann#"),
        Subject("acme", "user", "an"),
    ],
    ids=str,
)
async def test_no_subject_counts_for_another(stores: Stores, other: Subject) -> None:
    await add(stores)
    assert await stores.usage.of(other, TODAY, TODAY) == []
    await add(stores, other, requests=7)
    assert [row.counters for row in await stores.usage.of(ANN, TODAY, TODAY)] == [{"requests": 1}]


async def test_a_stretch_of_time_goes_over_months_and_years(stores: Stores) -> None:
    days = ["2026-10-31", "2026-11-01", "2026-11-30", "2026-12-31", "2027-01-01", "2027-02-01"]
    for day in days:
        await add(stores, day=day)
    assert [row.day for row in await stores.usage.of(ANN, "2026-11-01", "2027-01-31")] == days[1:5]
    rows, after = await stores.usage.page("acme", "user", "2026-11-01", "2027-01-31", after=None, limit=5)
    assert ([row.day for row in rows], after) == (days[1:5], None)


@pytest.mark.parametrize("kind", ["key", "agent"])
async def test_pages_hold_every_subject_once_in_order(stores: Stores, kind: Dimension) -> None:
    names = sorted(f"n{number:02}" for number in range(23))
    for name in names:
        await add(stores, Subject("acme", kind, name), response_id=f"a{name}")
        await add(stores, Subject("acme", kind, name), response_id=f"b{name}")
    pages = await ids(stores, kind, 5)
    assert [name for page in pages for name in page] == names
    assert max(map(len, pages)) == 5


async def test_ids_with_separators_of_the_stores_are_ids_like_others(stores: Stores) -> None:
    names = ["a", "a!b", "a#b", "a$", "a%23b", "ab", "é"]
    for name in names:
        await add(stores, Subject("acme", "model", name))
    pages = await ids(stores, "model", 2)
    assert sorted(name for page in pages for name in page) == names


async def test_a_page_takes_as_many_reads_for_a_thousand_keys_as_for_ten(aws: Emulator, dynamodb: Stores) -> None:
    async def page() -> list[str]:
        counted = Counting(aws)
        rows, after = await dynamodb.usage.page("acme", "key", "2026-11-01", TODAY, after=None, limit=50)
        assert len({row.id for row in rows}) == (50 if after else 10)
        counted.stop()
        return counted.operations

    def fill(begin: int, end: int) -> None:
        for number in range(begin, end):
            name = f"key_{number:05}"
            row = layout.key(layout.usage("acme", "key", "2026-11", number % 4), layout.day_of_use(name, TODAY)) | {
                "requests": {"N": "1"}
            }
            assert aws.ask(Command("PutItem", {"TableName": CORE, "Item": row}))[0] == 200

    fill(0, 10)
    few = await page()
    fill(10, 1000)
    assert await page() == few == ["Query"] * 4


async def test_in_dynamodb_each_subject_is_one_write_and_the_day_forgets_itself(
    aws: Emulator, dynamodb: Stores
) -> None:
    counted = Counting(aws)
    errors = {f"error:{code}": 10**6 for code in list(CODES)[:10]}
    used = [(ANN, dict.fromkeys(COUNTERS, 10**9) | errors), (MODEL, {"requests": 1})]
    await dynamodb.usage.add("resp_1", TODAY, LATER, used)
    assert counted.operations == ["UpdateItem", "UpdateItem"]
    await dynamodb.usage.of(ANN, "2026-11-01", TODAY)
    assert counted.operations[2:] == ["Query"], "a limit of a month is one read"
    rows = aws.ask(Command("Scan", {"TableName": CORE}))[1]["Items"]
    assert {row[layout.TTL]["N"] for row in rows} == {str(LATER)}
    assert max(weight(row) for row in rows) <= 1024, "a write of up to 1 KB is one unit"


ADDER = """
import asyncio, sys
from antiphon.bootstrap import build_stores
from antiphon.ports import Subject
from antiphon.settings import Settings

async def main():
    stores = build_stores(Settings(database=sys.argv[1]))
    for number in range(100):
        used = [(Subject("acme", "user", "ann"), {"requests": 1, "input_tokens": number})]
        await stores.usage.add(f"resp_{number}", "2026-11-29", 2_000_000_000, used)
    await stores.aclose()

asyncio.run(main())
"""


async def test_of_processes_that_add_at_once_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
    stores = build_stores(Settings(database=str(path)))
    adders = [subprocess.Popen([sys.executable, "-c", ADDER, str(path)]) for _ in range(2)]
    assert [await asyncio.to_thread(adder.wait) for adder in adders] == [0, 0]
    (day,) = await stores.usage.of(ANN, TODAY, TODAY)
    await stores.aclose()
    assert day.counters == {"requests": 200, "input_tokens": 2 * sum(range(100))}


async def test_many_adds_at_once_to_dynamodb_all_count(dynamodb: Stores) -> None:
    await asyncio.gather(*(add(dynamodb, MODEL, response_id=f"resp_{number}") for number in range(60)))
    await asyncio.gather(*(add(dynamodb) for _ in range(40)))
    assert [row.counters for row in await dynamodb.usage.of(MODEL, TODAY, TODAY)] == [{"requests": 60}]
    assert [row.counters for row in await dynamodb.usage.of(ANN, TODAY, TODAY)] == [{"requests": 40}]


async def test_days_whose_time_is_over_are_swept_from_the_file(sqlite: Stores, tmp_path: Path) -> None:
    await add(sqlite)
    sqlite.set_clock(LATER)
    await add_turn(sqlite.responses)
    with closing(sqlite3.connect(tmp_path / "antiphon.db")) as database:
        assert database.execute("SELECT count(*) FROM usage").fetchone() == (0,)
