"""Conversations in both stores: records, places, pages, changes of one turn, and deletion."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from antiphon.errors import ChainTooLarge, SlotTaken, Superseded
from antiphon.ids import CONVERSATION_DEPTH, added_id, deleted_id, place_of
from antiphon.ports import Opened
from antiphon.records import CLOSED, DELETED, Conversation, Owner, StoredResponse, lineage_after, without_content
from tests.support.stored import DAY, NOW, OWNER, PLENTY, Stores, as_read, claimed, ended, entropy, noise, plain

SEGMENT = "A" * 22
CONVERSATION = f"conv_{SEGMENT}"
LATER = NOW + 30 * DAY


def record(**changes: Any) -> Conversation:
    return replace(Conversation(OWNER, CONVERSATION, NOW, NOW + 31 * DAY, {"topic": "demo"}), **changes)


def turn(number: int, parent: StoredResponse | None = None, **changes: Any) -> StoredResponse:
    """Make the turn that is added after that many."""
    new = added_id(SEGMENT, number, entropy(number))
    made = claimed(id=new, lease=f"lease {number}", lineage=lineage_after(parent) if parent else ())
    response = {"id": new, "previous_response_id": None, "output": []}
    return replace(made, response=response, **changes)


async def add(stores: Stores, length: int, text: str = "Hi") -> list[StoredResponse]:
    """Store a conversation of that many turns; each as it is read."""
    await stores.responses.save_conversation(record())
    turns: list[StoredResponse] = []
    for number in range(length):
        new = turn(number, turns[-1] if turns else None)
        await stores.responses.claim(new)
        await stores.responses.commit(ended(new, text))
        found = await stores.responses.get(OWNER, new.id, NOW)
        assert found is not None
        turns.append(found)
    return turns


async def opened(stores: Stores, now: float = NOW, owner: Owner = OWNER) -> Opened | None:
    return await stores.responses.open_conversation(owner, CONVERSATION, now)


# the record


async def test_a_record_is_read_as_it_was_saved_and_only_by_its_owner(stores: Stores) -> None:
    assert await stores.responses.save_conversation(record())
    assert await opened(stores) == Opened(record(), None)
    assert await opened(stores, owner=Owner("acme", "bob")) is None
    assert await opened(stores, owner=Owner("other", "ann")) is None
    assert await opened(stores, now=NOW + 31 * DAY) is None
    for wanted in ("conv_x", "", "resp_" + "0" * 31, f"conv_{'B' * 22}"):
        assert await stores.responses.open_conversation(OWNER, wanted, NOW) is None


async def test_of_two_changes_of_one_record_one_is_stored(stores: Stores) -> None:
    await stores.responses.save_conversation(record())
    first, second = record(metadata={"a": "b"}, revision=1), record(metadata={"c": "d"}, revision=1)
    assert await stores.responses.save_conversation(first)
    assert not await stores.responses.save_conversation(second)
    assert await opened(stores) == Opened(first, None)
    assert not await stores.responses.save_conversation(record())


async def test_a_record_that_is_gone_is_not_changed(stores: Stores) -> None:
    assert not await stores.responses.save_conversation(record(revision=1))
    assert await opened(stores) is None


# its turns


async def test_a_conversation_is_opened_with_its_newest_turn(stores: Stores) -> None:
    turns = await add(stores, 3)
    assert await opened(stores) == Opened(record(), turns[-1])
    running = turn(3, turns[-1])
    await stores.responses.claim(running)
    found = await opened(stores)
    assert found is not None
    assert plain(found.newest) == running


async def test_a_newest_turn_that_was_cut_is_opened_without_its_content(dynamodb: Stores) -> None:
    (large,) = await add(dynamodb, 1, noise(1_200_000))
    found = await opened(dynamodb)
    assert found is not None
    assert found.newest is not None
    assert found.newest.chunks == large.chunks == 2
    assert found.newest == replace(large, input=[], response={"output": []})


async def test_of_two_who_add_after_the_same_turn_one_is_refused(stores: Stores) -> None:
    (first,) = await add(stores, 1)
    one = turn(1, first)
    other = replace(one, id=added_id(SEGMENT, 1, entropy(9)), lease="other")
    await stores.responses.claim(one)
    with pytest.raises(SlotTaken):
        await stores.responses.claim(other)
    assert plain(await stores.responses.get(OWNER, one.id, NOW)) == one


async def test_all_turns_are_read_by_the_lineage_of_the_next(stores: Stores) -> None:
    turns = await add(stores, 5, noise(300_000))
    lineage = lineage_after(turns[-1])
    assert await stores.responses.turns(OWNER, lineage, PLENTY) == turns
    assert await stores.responses.turns(Owner("acme", "bob"), lineage, PLENTY) == []
    with pytest.raises(ChainTooLarge):
        await stores.responses.turns(OWNER, lineage, 1_000_000)


async def test_a_chain_that_began_in_a_conversation_leaves_out_what_was_deleted_there(stores: Stores) -> None:
    turns = await add(stores, 3)
    beside = claimed(turns[-1], seed=7)
    assert not place_of(beside.id).in_conversation

    async def work() -> list[StoredResponse] | None:
        await stores.responses.claim(beside)
        await stores.responses.delete(OWNER, turns[1].id)
        return await stores.responses.chain(OWNER, beside.id, NOW, PLENTY)

    found = await work()
    assert found is not None
    assert [one.id for one in found] == [turns[0].id, turns[2].id, beside.id]
    await stores.responses.delete(OWNER, turns[2].id)
    assert await stores.responses.chain(OWNER, beside.id, NOW, PLENTY) is None


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_turns_are_read_in_either_order_some_at_a_time(stores: Stores, newest_first: bool, limit: int) -> None:
    turns = await add(stores, 5)

    async def pages() -> list[StoredResponse]:
        seen: list[StoredResponse] = []
        after = None
        while True:
            page = await stores.responses.some_turns(OWNER, CONVERSATION, after, newest_first=newest_first, limit=limit)
            assert len(page) <= limit
            if not page:
                return seen
            seen += page
            after = place_of(page[-1].id).depth

    assert await pages() == (turns[::-1] if newest_first else turns)


async def test_large_turns_are_read_whole(stores: Stores) -> None:
    turns = await add(stores, 2, noise(900_000))
    found = await stores.responses.some_turns(OWNER, CONVERSATION, None, newest_first=False, limit=1)
    assert found == turns[:1]


# a change of one turn


@pytest.mark.parametrize("length", [3, 900_000])
async def test_a_turn_is_changed_in_its_place(stores: Stores, length: int) -> None:
    turns = await add(stores, 2, noise(length))

    def emptied(found: StoredResponse) -> StoredResponse:
        return replace(found, input=[], response={**found.response, "output": []})

    changed = await stores.responses.rewrite(OWNER, turns[0].id, emptied)
    assert changed is not None
    found = await stores.responses.turns(OWNER, lineage_after(turns[-1]), PLENTY)
    assert [plain(one) for one in found] == [plain(emptied(turns[0])), plain(turns[1])]


async def test_a_turn_that_runs_or_is_absent_is_not_changed(stores: Stores) -> None:
    running = turn(0)
    await stores.responses.claim(running)
    assert await stores.responses.rewrite(OWNER, running.id, lambda found: found) is None
    assert await stores.responses.rewrite(OWNER, turn(5).id, lambda found: found) is None
    assert await stores.responses.rewrite(Owner("acme", "bob"), running.id, lambda found: found) is None


async def test_changes_of_one_turn_at_once_are_all_made(stores: Stores) -> None:
    (only,) = await add(stores, 1)
    items = [{"type": "message", "id": str(number)} for number in range(6)]
    await stores.responses.rewrite(OWNER, only.id, lambda found: replace(found, input=items))

    def without(wanted: str) -> Any:
        return lambda found: replace(found, input=[item for item in found.input if item["id"] != wanted])

    async def at_once() -> None:
        await asyncio.gather(*(stores.responses.rewrite(OWNER, only.id, without(str(number))) for number in range(5)))

    await at_once()
    found = await stores.responses.get(OWNER, only.id, NOW)
    assert found is not None
    assert found.input == [items[5]]


# deletion


async def test_a_deleted_turn_is_gone_and_its_place_stays_taken(stores: Stores) -> None:
    turns = await add(stores, 2, noise(600_000))
    assert await stores.responses.delete(OWNER, turns[-1].id)
    assert await stores.responses.get(OWNER, turns[-1].id, NOW) is None
    assert not await stores.responses.delete(OWNER, turns[-1].id)
    with pytest.raises(SlotTaken):
        await stores.responses.claim(replace(turn(1), id=added_id(SEGMENT, 1, entropy(9)), lease="other"))
    found = await opened(stores)
    assert found is not None
    assert found.newest is not None
    assert (found.newest.id, found.newest.status) == (deleted_id(turns[-1].id), DELETED)
    assert found.newest.lineage == turns[-1].lineage
    assert found.newest.input == []


async def test_a_running_turn_that_is_deleted_is_not_committed(stores: Stores) -> None:
    running = turn(0)
    await stores.responses.claim(running)
    assert await stores.responses.delete(OWNER, running.id)
    with pytest.raises(Superseded) as lost:
        await stores.responses.commit(ended(running))
    assert lost.value.winner is None


async def test_a_cleared_conversation_keeps_nothing_but_its_last_place(stores: Stores) -> None:
    turns = await add(stores, 3, noise(500_000))
    last = without_content(turn(3, turns[-1]), turn(3).id, CLOSED)
    await stores.responses.claim(last)
    await stores.responses.clear_conversation(OWNER, CONVERSATION, last.id)
    assert await opened(stores) is None
    left = await stores.responses.some_turns(OWNER, CONVERSATION, None, newest_first=False, limit=10)
    assert [plain(one) for one in left] == [as_read(last)]
    await stores.responses.clear_conversation(OWNER, CONVERSATION, last.id)
    for one in turns:
        assert await stores.responses.get(OWNER, one.id, NOW) is None


async def test_clearing_a_conversation_leaves_others_alone(stores: Stores) -> None:
    turns = await add(stores, 2)
    last = without_content(turn(2, turns[-1]), turn(2).id, CLOSED)
    other = Owner("acme", "bob")
    theirs = claimed(owner=other, id=turn(0).id)
    await stores.responses.claim(theirs)
    await stores.responses.clear_conversation(OWNER, CONVERSATION, last.id)
    assert plain(await stores.responses.get(other, theirs.id, NOW)) == theirs


def test_a_conversations_first_depth_is_one_that_no_chain_reaches() -> None:
    assert CONVERSATION_DEPTH == 100_000
    assert place_of(turn(0).id).turns == 0
    assert place_of(turn(7).id).turns == 7
