from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from antiphon.errors import ChainTooLarge, SlotTaken, Superseded
from antiphon.ids import parse_response_id
from antiphon.records import Owner, StoredResponse
from tests.support.stored import (
    DAY,
    NOW,
    OWNER,
    PLENTY,
    Stores,
    add_chain,
    add_turn,
    as_read,
    claimed,
    ended,
    noise,
    plain,
)

LATER = NOW + 30 * DAY
HARD = 'NUL \x00, tab \t, quote ", \\ud83d as text, emoji \N{FAMILY}\N{ZERO WIDTH JOINER}\N{PILE OF POO}, \u2028\uffff'


async def read(stores: Stores, turn: StoredResponse, now: float = NOW) -> StoredResponse | None:
    return await stores.responses.get(turn.owner, turn.id, now)


async def read_chain(
    stores: Stores, turn: StoredResponse, now: float = NOW, most: int = PLENTY
) -> list[StoredResponse] | None:
    return await stores.responses.chain(turn.owner, turn.id, now, most)


# claim


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


# commit


async def test_a_committed_response_is_read_at_once_without_a_lease(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    await stores.responses.commit(ended(turn))
    assert plain(await read(stores, turn)) == as_read(ended(turn))


async def test_a_commit_sent_twice_by_its_writer_is_one_commit(stores: Stores) -> None:
    turn = await add_turn(stores.responses, text=noise(600_000))
    await stores.responses.commit(ended(claimed(), noise(600_000)))
    assert await read(stores, turn) == turn


@pytest.mark.parametrize("length", [3, 600_000])
async def test_a_commit_that_loses_to_a_cancellation_learns_the_winner(stores: Stores, length: int) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    cancelled = ended(turn, noise(length, seed=2), status="cancelled")
    await stores.responses.commit(cancelled)
    with pytest.raises(Superseded) as lost:
        await stores.responses.commit(ended(turn, noise(length, seed=3)))
    assert plain(lost.value.winner) == as_read(cancelled) == plain(await read(stores, turn))


async def test_nobody_commits_under_another_lease(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    with pytest.raises(Superseded) as lost:
        await stores.responses.commit(replace(ended(turn), lease="other"))
    assert plain(lost.value.winner) == turn == plain(await read(stores, turn))


async def test_a_commit_of_what_was_never_claimed_stores_nothing(stores: Stores) -> None:
    with pytest.raises(Superseded) as lost:
        await stores.responses.commit(ended(claimed(), noise(600_000)))
    assert lost.value.winner is None
    assert await read(stores, claimed()) is None


async def test_a_commit_after_a_deletion_stores_nothing(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    assert await stores.responses.delete(turn.owner, turn.id)
    with pytest.raises(Superseded) as lost:
        await stores.responses.commit(ended(turn))
    assert lost.value.winner is None
    assert await read(stores, turn) is None


async def test_a_commit_does_not_mistake_who_took_the_place_for_the_winner(stores: Stores) -> None:
    turn = claimed()
    other = replace(turn, id=turn.id[:-6] + "zzzzzz", lease="other")
    await stores.responses.claim(turn)
    await stores.responses.delete(turn.owner, turn.id)
    await stores.responses.claim(other)
    with pytest.raises(Superseded) as lost:
        await stores.responses.commit(ended(turn))
    assert lost.value.winner is None
    assert plain(await read(stores, other)) == other


async def test_of_many_commits_at_once_one_wins_and_all_others_learn_it(stores: Stores) -> None:
    turn = claimed()

    async def end(number: int) -> StoredResponse | None:
        try:
            await stores.responses.commit(ended(turn, f"{number}" + noise(500_000, seed=number)))
        except Superseded as lost:
            return lost.winner
        return None

    await stores.responses.claim(turn)
    answers = await asyncio.gather(*(end(number) for number in range(4)))
    found = await read(stores, turn)
    assert found is not None
    assert answers.count(None) == 1
    assert answers.count(found) == 3


# get


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


# chain


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
    chain: list[StoredResponse] = []
    for seed, length in enumerate([10, 700_000, 10, 10, 1_800_000, 350_000, 350_000, 350_000, 10]):
        parent = chain[-1] if chain else None
        chain.append(await add_turn(stores.responses, parent, noise(length, seed), seed=seed))
    turns = chain
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


# delete


@pytest.mark.parametrize("length", [10, 900_000])
async def test_a_deleted_response_is_absent_and_was_there_once(stores: Stores, length: int) -> None:
    turn = await add_turn(stores.responses, text=noise(length))
    assert await stores.responses.delete(OWNER, turn.id)
    assert await read(stores, turn) is None
    assert await read_chain(stores, turn) is None
    assert not await stores.responses.delete(OWNER, turn.id)


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


# cancel


async def cancel(stores: Stores, turn: StoredResponse) -> bool:
    return await stores.responses.cancel(turn.owner, turn.id)


async def is_wanted(stores: Stores, turn: StoredResponse) -> bool:
    return await stores.responses.is_wanted(turn)


async def test_a_cancellation_is_seen_by_the_writer_and_changes_nothing_that_is_read(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    assert await is_wanted(stores, turn)
    assert await cancel(stores, turn)
    assert not await is_wanted(stores, turn)
    assert plain(await read(stores, turn)) == turn


async def test_a_cancellation_sent_twice_is_one_cancellation(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    assert await cancel(stores, turn)
    assert await cancel(stores, turn)
    assert not await is_wanted(stores, turn)


@pytest.mark.parametrize("length", [3, 600_000])
async def test_the_writer_of_a_cancelled_response_stores_how_it_ended(stores: Stores, length: int) -> None:
    turn = claimed(input=[{"text": noise(length, seed=3)}])
    await stores.responses.claim(turn)
    await cancel(stores, turn)
    over = ended(turn, noise(length), status="cancelled")
    await stores.responses.commit(over)
    assert plain(await read(stores, turn)) == as_read(over)
    assert not await cancel(stores, turn)
    assert plain(await read(stores, turn)) == as_read(over)


async def test_nobody_commits_a_cancelled_response_under_another_lease(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    await cancel(stores, turn)
    with pytest.raises(Superseded):
        await stores.responses.commit(replace(ended(turn), lease="other"))


async def test_what_has_ended_or_is_gone_cannot_be_cancelled_and_is_not_wanted(stores: Stores) -> None:
    turn = await add_turn(stores.responses)
    assert not await cancel(stores, turn)
    assert not await is_wanted(stores, turn)
    assert await read(stores, turn) == turn
    await stores.responses.delete(OWNER, turn.id)
    assert not await cancel(stores, turn)
    assert not await is_wanted(stores, turn)


async def test_a_cancellation_reaches_no_other_turn_and_no_other_owners(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    assert not await cancel(stores, replace(turn, owner=Owner("acme", "bob")))
    assert not await cancel(stores, replace(turn, id=turn.id[:-6] + "zzzzzz"))
    assert not await cancel(stores, replace(turn, id="resp_nonsense"))
    assert await is_wanted(stores, turn)
    assert not await is_wanted(stores, replace(turn, id=turn.id[:-6] + "zzzzzz"))


# checkpoint


async def checkpoint(stores: Stores, turn: StoredResponse) -> None:
    await stores.responses.checkpoint(turn)


def halfway(turn: StoredResponse, text: str = "half") -> StoredResponse:
    return replace(turn, response={**turn.response, "output": [{"text": text}]})


@pytest.mark.parametrize("length", [3, 600_000])
async def test_a_checkpoint_is_read_in_progress_and_the_commit_after_it_replaces_it(
    stores: Stores, length: int
) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    half = halfway(turn, noise(length))
    await checkpoint(stores, half)
    await checkpoint(stores, half)
    assert plain(await read(stores, turn)) == half
    over = ended(turn, noise(length, seed=2))
    await stores.responses.commit(over)
    assert plain(await read(stores, turn)) == as_read(over)


async def test_a_checkpoint_that_comes_late_changes_nothing(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    over = ended(turn)
    await stores.responses.commit(over)
    await checkpoint(stores, halfway(turn))
    assert plain(await read(stores, turn)) == as_read(over)


async def test_nobody_checkpoints_under_another_lease_or_what_was_deleted(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    await checkpoint(stores, replace(halfway(turn), lease="other"))
    assert plain(await read(stores, turn)) == turn
    await stores.responses.delete(OWNER, turn.id)
    await checkpoint(stores, halfway(turn))
    assert await read(stores, turn) is None


async def test_a_checkpoint_does_not_undo_a_cancellation(stores: Stores) -> None:
    turn = claimed()
    await stores.responses.claim(turn)
    await cancel(stores, turn)
    await checkpoint(stores, halfway(turn))
    assert not await is_wanted(stores, turn)


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
