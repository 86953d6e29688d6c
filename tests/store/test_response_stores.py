"""Responses in each kind of store: places, owners, expiry, content of any size, and lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.errors import SlotTaken
from antiphon.ids import parse_response_id
from antiphon.records import Owner
from tests.support.stored import (
    DAY,
    NOW,
    OWNER,
    PLENTY,
    Stores,
    add_turn,
    as_read,
    claimed,
    ended,
    noise,
    plain,
    read,
    read_chain,
)

LATER = NOW + 30 * DAY

HARD = 'NUL \x00, tab \t, quote ", \\ud83d as text, emoji \N{FAMILY}\N{ZERO WIDTH JOINER}\N{PILE OF POO}, \u2028\uffff'


async def test_a_claimed_response_is_read_in_progress_with_its_lease(stores: Stores) -> None:
    turn = claimed(expires_at=None)
    await stores.responses.claim(turn)
    assert plain(await read(stores, turn)) == turn


async def test_a_place_is_claimed_once_and_the_first_turn_stays(stores: Stores) -> None:
    first = claimed()
    second = replace(first, id=first.id[:-6] + "zzzzzz", lease="other")
    await stores.responses.claim(first)
    with pytest.raises(SlotTaken):
        await stores.responses.claim(second)
    assert plain(await read(stores, first)) == first
    assert await read(stores, second) is None


async def test_a_claim_sent_twice_by_its_writer_is_one_claim(stores: Stores) -> None:
    await stores.responses.claim(claimed())
    await stores.responses.claim(claimed())
    assert plain(await read(stores, claimed())) == claimed()


async def test_an_ended_response_keeps_its_place(stores: Stores) -> None:
    ann = await add_turn(stores.responses)
    with pytest.raises(SlotTaken):
        await stores.responses.claim(replace(claimed(), id=ann.id, lease="other"))


async def test_the_same_id_is_free_for_another_owner(stores: Stores) -> None:
    mine, theirs = claimed(), claimed(owner=Owner("acme", "bob"), agent="other")
    await stores.responses.claim(mine)
    await stores.responses.claim(theirs)
    assert plain(await read(stores, mine)) == mine
    assert plain(await read(stores, theirs)) == theirs


async def test_an_expired_place_can_be_claimed_though_its_row_is_there(stores: Stores) -> None:
    old = await add_turn(stores.responses, text=noise(900_000))
    new = claimed(id=old.id[:-6] + "zzzzzz", lease="new", created_at=LATER, expires_at=LATER + DAY)
    await stores.responses.claim(new)
    assert plain(await read(stores, new, LATER)) == new
    assert await read(stores, old, NOW) is None


@pytest.mark.parametrize(
    "owner", [Owner("acme", "bob"), Owner("other", "ann"), Owner("acme#ann", ""), Owner("", "acme#ann")]
)
async def test_another_owners_response_is_absent_everywhere(stores: Stores, owner: Owner) -> None:
    turn = await add_turn(stores.responses)
    stolen = replace(turn, owner=owner)
    assert await read(stores, stolen) is None
    assert await read_chain(stores, stolen) is None
    assert not await stores.responses.delete(owner, turn.id)
    assert await read(stores, turn) == turn


@pytest.mark.parametrize(
    "text", ["", "resp_", "../x", "resp_%2e", "x" * 10_000, "RESP_" + "0" * 31, "resp_" + "0" * 30 + "\n"]
)
async def test_a_string_that_cannot_be_an_id_is_absent(stores: Stores, text: str) -> None:
    assert await stores.responses.get(OWNER, text, NOW) is None
    assert await stores.responses.chain(OWNER, text, NOW, PLENTY) is None
    assert not await stores.responses.delete(OWNER, text)


async def test_an_id_with_the_right_place_and_another_mark_is_absent(stores: Stores) -> None:
    turn = await add_turn(stores.responses)
    other = replace(turn, id=turn.id[:-6] + "zzzzzz")
    assert parse_response_id(other.id) == parse_response_id(turn.id)
    assert await read(stores, other) is None
    assert await read_chain(stores, other) is None
    assert not await stores.responses.delete(OWNER, other.id)
    assert await read(stores, turn) == turn


async def test_what_has_expired_is_absent_though_its_row_is_there(stores: Stores) -> None:
    turn = await add_turn(stores.responses)
    assert await read(stores, turn, LATER - 0.001) == turn
    assert await read(stores, turn, LATER) is None
    assert await read_chain(stores, turn, LATER) is None
    stores.set_clock(LATER)
    assert not await stores.responses.delete(turn.owner, turn.id)
    assert await read(stores, turn, NOW) is None


async def test_what_never_expires_is_there_for_ever(stores: Stores) -> None:
    turn = await add_turn(stores.responses, expires_at=None)
    assert await read(stores, turn, NOW * 10) == turn


@pytest.mark.parametrize("kilobytes", [1, 2, 3, 371, 372, 399, 400, 401, 495, 3000])
async def test_a_body_of_any_size_is_read_as_it_was_written(stores: Stores, kilobytes: int) -> None:
    text = noise(kilobytes * 1024 - len(HARD)) + HARD
    turn = await add_turn(stores.responses, text=text, input=[{"text": HARD}])
    assert plain(turn) == as_read(ended(claimed(input=[{"text": HARD}]), text))
    assert turn.size > kilobytes * 700
    assert await read_chain(stores, turn) == [turn]


async def test_a_large_input_is_read_from_the_claim_on_and_after_the_commit(stores: Stores) -> None:
    turn = claimed(input=[{"text": noise(1_500_000)}])
    await stores.responses.claim(turn)
    assert plain(await read(stores, turn)) == turn
    await stores.responses.commit(ended(turn))
    assert plain(await read(stores, turn)) == as_read(ended(turn))


@pytest.mark.parametrize("length", [10, 900_000])
async def test_a_deleted_response_is_absent_and_was_there_once(stores: Stores, length: int) -> None:
    turn = await add_turn(stores.responses, text=noise(length))
    assert await stores.responses.delete(OWNER, turn.id)
    assert await read(stores, turn) is None
    assert await read_chain(stores, turn) is None
    assert not await stores.responses.delete(OWNER, turn.id)


async def test_responses_of_an_owner_are_listed_in_pages_newest_first_without_their_content(stores: Stores) -> None:
    turns = [claimed(seed=seed, created_at=NOW + seed) for seed in range(3)]
    for turn in turns:
        await stores.responses.claim(turn)
    await stores.responses.claim(claimed(seed=7, owner=Owner("acme", "bob")))
    first = await stores.responses.some(OWNER, 2, NOW)
    second = await stores.responses.some(OWNER, 2, NOW, after=first.records[-1])
    assert [turn.id for turn in (*first.records, *second.records)] == [turn.id for turn in reversed(turns)]
    assert (first.more, second.more) == (True, False)
    assert all(not turn.response and not turn.input for turn in first.records)


async def test_a_list_of_responses_leaves_out_what_was_deleted_or_has_expired(stores: Stores) -> None:
    gone, old, kept = (claimed(seed=1), claimed(seed=2, expires_at=NOW + 5), claimed(seed=3))
    for turn in (gone, old, kept):
        await stores.responses.claim(turn)
    await stores.responses.delete(OWNER, gone.id)
    assert [turn.id for turn in (await stores.responses.some(OWNER, 9, NOW + 6)).records] == [kept.id]
