"""Conversations as chains of responses: what is read before a turn, and what is not."""

from __future__ import annotations

import asyncio

import pytest

from antiphon.errors import ChainTooLarge, SlotTaken
from antiphon.ids import parse_response_id
from antiphon.records import StoredResponse
from tests.support.stored import (
    NOW,
    OWNER,
    PLENTY,
    Stores,
    add_chain,
    add_turn,
    claimed,
    noise,
    plain,
    read,
    read_chain,
)


async def test_a_chain_is_all_turns_oldest_first(stores: Stores) -> None:
    turns = await add_chain(stores.responses, 12)
    assert await read_chain(stores, turns[-1]) == turns
    assert await read_chain(stores, turns[4]) == turns[:5]
    assert await read_chain(stores, turns[0]) == turns[:1]


async def test_a_chain_can_end_in_a_response_in_progress(stores: Stores) -> None:
    first = await add_turn(stores.responses)
    running = claimed(first, seed=7)
    await stores.responses.claim(running)
    assert [plain(turn) for turn in await read_chain(stores, running) or []] == [plain(first), running]


async def test_branches_share_what_was_before_and_nothing_else(stores: Stores) -> None:
    trunk = await add_chain(stores.responses, 3)
    left = await add_turn(stores.responses, trunk[-1], "left", seed=11)
    right = await add_turn(stores.responses, trunk[-1], "right", seed=12, branch=True)
    twig = await add_turn(stores.responses, right, "twig", seed=13)
    far = await add_turn(stores.responses, trunk[0], "far", seed=14, branch=True)
    assert await stores.responses.chain(OWNER, left.id, NOW, PLENTY) == [*trunk, left]
    assert await stores.responses.chain(OWNER, far.id, NOW, PLENTY) == [trunk[0], far]
    expected, found = [*trunk, right, twig], await stores.responses.chain(OWNER, twig.id, NOW, PLENTY) or []
    assert found == expected


@pytest.mark.parametrize("missing", [0, 2, 4])
async def test_a_chain_with_a_deleted_turn_is_absent(stores: Stores, missing: int) -> None:
    turns = await add_chain(stores.responses, 5)
    await stores.responses.delete(OWNER, turns[missing].id)
    assert await read_chain(stores, turns[-1]) is None
    assert missing == 0 or await read_chain(stores, turns[missing - 1]) == turns[:missing]


async def test_a_chain_with_an_expired_turn_is_absent(stores: Stores) -> None:
    first = await add_turn(stores.responses, expires_at=NOW + 5)
    last = await add_turn(stores.responses, first, seed=1)
    assert await read_chain(stores, last, NOW + 4.9) is not None
    assert await read_chain(stores, last, NOW + 5) is None


async def test_a_turn_in_a_deleted_turns_place_does_not_enter_the_old_chain(stores: Stores) -> None:
    turns = await add_chain(stores.responses, 4)
    await stores.responses.delete(OWNER, turns[2].id)
    new = await add_turn(stores.responses, turns[1], seed=50)
    assert parse_response_id(new.id) == parse_response_id(turns[2].id)
    assert await read_chain(stores, turns[3]) is None
    assert await read(stores, turns[2]) is None
    assert await read_chain(stores, new) == [*turns[:2], new]


async def test_large_turns_in_the_middle_of_a_chain_are_whole(stores: Stores) -> None:
    turns: list[StoredResponse] = []
    for seed, length in enumerate([10, 700_000, 10, 10, 1_800_000, 350_000, 350_000, 350_000, 10]):
        parent = turns[-1] if turns else None
        turns.append(await add_turn(stores.responses, parent, noise(length, seed), seed=seed))
    assert await read_chain(stores, turns[-1]) == turns


async def test_a_chain_over_the_limit_is_refused_and_one_at_the_limit_is_not(stores: Stores) -> None:
    turns = await add_chain(stores.responses, 6, noise(1000))
    size = sum(turn.size for turn in turns)
    assert await read_chain(stores, turns[-1], most=size) == turns
    with pytest.raises(ChainTooLarge):
        await read_chain(stores, turns[-1], most=size - 1)


async def test_a_hundred_turns_are_read_in_order(stores: Stores) -> None:
    turns = await add_chain(stores.responses, 100, noise(20_000))
    assert len(turns[-1].lineage) > 1
    assert await read_chain(stores, turns[-1]) == turns


async def test_two_continuations_at_once_get_one_place_and_one_refusal(stores: Stores) -> None:
    async def attempt(turn: StoredResponse) -> bool:
        try:
            await stores.responses.claim(turn)
        except SlotTaken:
            return False
        return True

    async def story() -> tuple[bool, bool]:
        first = await add_turn(stores.responses)
        return await asyncio.gather(attempt(claimed(first, seed=1)), attempt(claimed(first, seed=2)))

    assert sorted(await story()) == [False, True]


async def test_a_chain_that_is_small_as_stored_and_huge_as_json_is_not_read(stores: Stores) -> None:
    """Repetitive text compresses a thousandfold: 1.9 MB on disk stalled a server, and turn 42 killed a function."""
    chain = await add_chain(stores.responses, 4, text="the same words again " * 50_000)
    assert sum(turn.size for turn in chain) < 100_000
    found = await stores.responses.chain(OWNER, chain[-1].id, NOW, 5_000_000)
    assert found is not None
    assert len(found) == 4
    with pytest.raises(ChainTooLarge):
        await stores.responses.chain(OWNER, chain[-1].id, NOW, 3_000_000)
    with pytest.raises(ChainTooLarge):
        await stores.responses.chain(OWNER, chain[0].id, NOW, 1_000_000)
