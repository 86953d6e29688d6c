"""Both run stores: a log with one writer for each number, and the runs that wait for a worker."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from antiphon.records import LogBatch, OpenRun, Owner
from antiphon.store.dynamodb.client import DynamoDB
from tests.support.stored import NOW, OWNER, Stores, add_turn, claimed, plain

ID = claimed().id
OTHER = Owner("acme", "bob")
ODD = Owner("a#b%23", "ann@example.com#1")
LATER = NOW + 3600


def batch(number: int, data: bytes = b"0\n", epoch: int = 1, *, last: bool = False) -> LogBatch:
    return LogBatch(number, epoch, NOW + number / 10, data, last)


async def test_a_log_is_read_in_order_from_any_number_on(stores: Stores) -> None:
    for number in range(12):
        assert await stores.runs.append(OWNER, ID, batch(number), LATER)
    assert await stores.runs.read(OWNER, ID, 0) == [batch(number) for number in range(12)]
    assert await stores.runs.read(OWNER, ID, 10) == [batch(10), batch(11)]
    assert await stores.runs.read(OWNER, ID, 12) == []
    assert await stores.runs.latest(OWNER, ID) == batch(11)


async def test_a_log_of_several_pages_is_read_whole(stores: Stores) -> None:
    """A Query of DynamoDB returns at most 1 MB (Amazon DynamoDB Developer Guide, "Paginating table query results")."""
    batches = [batch(number, bytes([65 + number]) * 300_000) for number in range(8)]
    for each in batches:
        assert await stores.runs.append(OWNER, ID, each, LATER)
    assert await stores.runs.read(OWNER, ID, 0) == batches
    assert await stores.runs.read(OWNER, ID, 2) == batches[2:]


async def test_a_log_is_empty_at_first_and_nobody_elses(stores: Stores) -> None:
    assert await stores.runs.latest(OWNER, ID) is None
    await stores.runs.append(OTHER, ID, batch(0), LATER)
    assert await stores.runs.read(OWNER, ID, 0) == []


async def test_a_number_is_written_once_and_the_first_writer_keeps_it(stores: Stores) -> None:
    mine, zombies = batch(0, epoch=2), batch(0, b"1\n", epoch=1)
    assert await stores.runs.append(OWNER, ID, mine, LATER)
    assert not await stores.runs.append(OWNER, ID, zombies, LATER)
    assert await stores.runs.read(OWNER, ID, 0) == [mine]


async def test_a_batch_that_is_sent_twice_by_its_writer_is_one_batch(stores: Stores) -> None:
    for _ in range(2):
        assert await stores.runs.append(OWNER, ID, batch(0, b"", last=True), LATER)
    assert await stores.runs.read(OWNER, ID, 0) == [batch(0, b"", last=True)]


async def test_of_many_writers_of_one_number_one_wins(stores: Stores) -> None:
    batches = [batch(0, str(writer).encode(), epoch=writer) for writer in range(8)]
    won = await asyncio.gather(*(stores.runs.append(OWNER, ID, mine, LATER) for mine in batches))
    assert won.count(True) == 1
    assert await stores.runs.read(OWNER, ID, 0) == [batches[won.index(True)]]


async def test_a_response_that_is_deleted_takes_its_log_with_it(stores: Stores) -> None:
    turn = await add_turn(stores.responses, logged=True)
    await stores.runs.append(OWNER, turn.id, batch(0), LATER)
    await stores.responses.delete(OWNER, turn.id)
    assert await stores.runs.read(OWNER, turn.id, 0) == []
    await stores.runs.append(OWNER, turn.id, batch(0), LATER)
    await stores.runs.erase(OWNER, turn.id)
    assert await stores.runs.read(OWNER, turn.id, 0) == []


async def test_what_a_writer_logs_while_its_response_is_deleted_goes_too(
    dynamodb: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file deletes a response and its log at once; tables, one after the other."""
    turn = await add_turn(dynamodb.responses, logged=True)
    await dynamodb.runs.append(OWNER, turn.id, batch(0), LATER)
    call = DynamoDB.call

    async def late(database: DynamoDB, operation: str, **arguments: Any) -> Any:
        if operation == "DeleteItem":
            await dynamodb.runs.append(OWNER, turn.id, batch(0), LATER)
        return await call(database, operation, **arguments)

    monkeypatch.setattr(DynamoDB, "call", late)
    assert await dynamodb.responses.delete(OWNER, turn.id)
    assert await dynamodb.runs.read(OWNER, turn.id, 0) == []


async def test_runs_for_workers_are_listed_and_counted_until_they_are_closed(stores: Stores) -> None:
    mine, theirs = OpenRun(OWNER, ID, NOW), OpenRun(ODD, ID, NOW + 1.5)
    for run in (mine, theirs, mine):
        await stores.runs.open(run)
    assert sorted(await stores.runs.list_open(), key=lambda run: run.at) == [mine, theirs]
    assert (len(await stores.runs.list_open(OWNER)), await stores.runs.list_open(OTHER)) == (1, [])
    for _ in range(2):
        await stores.runs.close(OWNER, ID)
    assert await stores.runs.list_open() == [theirs]


# taking a response over


async def test_a_queued_response_gets_a_writer_and_only_one(stores: Stores) -> None:
    queued = claimed(status="queued", job={"request": {"model": "guide"}})
    await stores.responses.claim(queued)
    seen = await stores.responses.get(OWNER, queued.id, NOW)
    assert plain(seen) == queued
    assert seen is not None
    writers = [replace(seen, status="in_progress", lease=f"writer{n}", epoch=n) for n in (1, 2)]
    assert [await stores.responses.take_over(seen, writer) for writer in writers] == [True, False]
    assert plain(await stores.responses.get(OWNER, queued.id, NOW)) == plain(writers[0])
    assert await stores.responses.is_wanted(writers[0])


async def test_a_writer_that_was_replaced_can_store_nothing_more(stores: Stores) -> None:
    old = claimed(logged=True)
    await stores.responses.claim(old)
    new = replace(old, lease="new", epoch=1)
    assert await stores.responses.take_over(old, new)
    await stores.responses.checkpoint(replace(old, response={**old.response, "output": [{"type": "x"}]}))
    assert plain(await stores.responses.get(OWNER, old.id, NOW)) == new


async def test_a_response_that_was_cancelled_is_not_taken_over(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    await stores.responses.cancel(OWNER, turn.id)
    assert not await stores.responses.take_over(turn, replace(turn, lease="new"))
