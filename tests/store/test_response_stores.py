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


def read(stores: Stores, turn: StoredResponse, now: float = NOW) -> StoredResponse | None:
    return asyncio.run(stores.responses.get(turn.owner, turn.id, now))


def chain(stores: Stores, turn: StoredResponse, now: float = NOW, most: int = PLENTY) -> list[StoredResponse] | None:
    return asyncio.run(stores.responses.chain(turn.owner, turn.id, now, most))


# claim


def test_a_claimed_response_is_read_in_progress_with_its_lease(stores: Stores) -> None:
    turn = claimed(expires_at=None)
    asyncio.run(stores.responses.claim(turn))
    assert plain(read(stores, turn)) == turn


def test_a_place_is_claimed_once_and_the_first_turn_stays(stores: Stores) -> None:
    first = claimed()
    second = replace(first, id=first.id[:-6] + "zzzzzz", lease="other")
    asyncio.run(stores.responses.claim(first))
    with pytest.raises(SlotTaken):
        asyncio.run(stores.responses.claim(second))
    assert plain(read(stores, first)) == first
    assert read(stores, second) is None


def test_a_claim_sent_twice_by_its_writer_is_one_claim(stores: Stores) -> None:
    asyncio.run(stores.responses.claim(claimed()))
    asyncio.run(stores.responses.claim(claimed()))
    assert plain(read(stores, claimed())) == claimed()


def test_an_ended_response_keeps_its_place(stores: Stores) -> None:
    ann = asyncio.run(add_turn(stores.responses))
    with pytest.raises(SlotTaken):
        asyncio.run(stores.responses.claim(replace(claimed(), id=ann.id, lease="other")))


def test_the_same_id_is_free_for_another_owner(stores: Stores) -> None:
    mine, theirs = claimed(), claimed(owner=Owner("acme", "bob"), agent="other")
    asyncio.run(stores.responses.claim(mine))
    asyncio.run(stores.responses.claim(theirs))
    assert plain(read(stores, mine)) == mine
    assert plain(read(stores, theirs)) == theirs


def test_an_expired_place_can_be_claimed_though_its_row_is_there(stores: Stores) -> None:
    old = asyncio.run(add_turn(stores.responses, text=noise(900_000)))
    new = claimed(id=old.id[:-6] + "zzzzzz", lease="new", created_at=LATER, expires_at=LATER + DAY)
    asyncio.run(stores.responses.claim(new))
    assert plain(read(stores, new, LATER)) == new
    assert read(stores, old, NOW) is None


# commit


def test_a_committed_response_is_read_at_once_without_a_lease(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    asyncio.run(stores.responses.commit(ended(turn)))
    assert plain(read(stores, turn)) == as_read(ended(turn))


def test_a_commit_sent_twice_by_its_writer_is_one_commit(stores: Stores) -> None:
    turn = asyncio.run(add_turn(stores.responses, text=noise(600_000)))
    asyncio.run(stores.responses.commit(ended(claimed(), noise(600_000))))
    assert read(stores, turn) == turn


@pytest.mark.parametrize("length", [3, 600_000])
def test_a_commit_that_loses_to_a_cancellation_learns_the_winner(stores: Stores, length: int) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    cancelled = ended(turn, noise(length, seed=2), status="cancelled")
    asyncio.run(stores.responses.commit(cancelled))
    with pytest.raises(Superseded) as lost:
        asyncio.run(stores.responses.commit(ended(turn, noise(length, seed=3))))
    assert plain(lost.value.winner) == as_read(cancelled) == plain(read(stores, turn))


def test_nobody_commits_under_another_lease(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    with pytest.raises(Superseded) as lost:
        asyncio.run(stores.responses.commit(replace(ended(turn), lease="other")))
    assert plain(lost.value.winner) == turn == plain(read(stores, turn))


def test_a_commit_of_what_was_never_claimed_stores_nothing(stores: Stores) -> None:
    with pytest.raises(Superseded) as lost:
        asyncio.run(stores.responses.commit(ended(claimed(), noise(600_000))))
    assert lost.value.winner is None
    assert read(stores, claimed()) is None


def test_a_commit_after_a_deletion_stores_nothing(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    assert asyncio.run(stores.responses.delete(turn.owner, turn.id))
    with pytest.raises(Superseded) as lost:
        asyncio.run(stores.responses.commit(ended(turn)))
    assert lost.value.winner is None
    assert read(stores, turn) is None


def test_a_commit_does_not_mistake_who_took_the_place_for_the_winner(stores: Stores) -> None:
    turn = claimed()
    other = replace(turn, id=turn.id[:-6] + "zzzzzz", lease="other")
    asyncio.run(stores.responses.claim(turn))
    asyncio.run(stores.responses.delete(turn.owner, turn.id))
    asyncio.run(stores.responses.claim(other))
    with pytest.raises(Superseded) as lost:
        asyncio.run(stores.responses.commit(ended(turn)))
    assert lost.value.winner is None
    assert plain(read(stores, other)) == other


def test_of_many_commits_at_once_one_wins_and_all_others_learn_it(stores: Stores) -> None:
    turn = claimed()

    async def end(number: int) -> StoredResponse | None:
        try:
            await stores.responses.commit(ended(turn, f"{number}" + noise(500_000, seed=number)))
        except Superseded as lost:
            return lost.winner
        return None

    async def story() -> list[StoredResponse | None]:
        await stores.responses.claim(turn)
        return await asyncio.gather(*(end(number) for number in range(4)))

    answers = asyncio.run(story())
    found = read(stores, turn)
    assert found is not None
    assert answers.count(None) == 1
    assert answers.count(found) == 3


# get


@pytest.mark.parametrize(
    "owner", [Owner("acme", "bob"), Owner("other", "ann"), Owner("acme#ann", ""), Owner("", "acme#ann")]
)
def test_another_owners_response_is_absent_everywhere(stores: Stores, owner: Owner) -> None:
    turn = asyncio.run(add_turn(stores.responses))
    stolen = replace(turn, owner=owner)
    assert read(stores, stolen) is None
    assert chain(stores, stolen) is None
    assert not asyncio.run(stores.responses.delete(owner, turn.id))
    assert read(stores, turn) == turn


@pytest.mark.parametrize(
    "text", ["", "resp_", "../x", "resp_%2e", "x" * 10_000, "RESP_" + "0" * 31, "resp_" + "0" * 30 + "\n"]
)
def test_a_string_that_cannot_be_an_id_is_absent(stores: Stores, text: str) -> None:
    assert asyncio.run(stores.responses.get(OWNER, text, NOW)) is None
    assert asyncio.run(stores.responses.chain(OWNER, text, NOW, PLENTY)) is None
    assert not asyncio.run(stores.responses.delete(OWNER, text))


def test_an_id_with_the_right_place_and_another_mark_is_absent(stores: Stores) -> None:
    turn = asyncio.run(add_turn(stores.responses))
    other = replace(turn, id=turn.id[:-6] + "zzzzzz")
    assert parse_response_id(other.id) == parse_response_id(turn.id)
    assert read(stores, other) is None
    assert chain(stores, other) is None
    assert not asyncio.run(stores.responses.delete(OWNER, other.id))
    assert read(stores, turn) == turn


def test_what_has_expired_is_absent_though_its_row_is_there(stores: Stores) -> None:
    turn = asyncio.run(add_turn(stores.responses))
    assert read(stores, turn, LATER - 0.001) == turn
    assert read(stores, turn, LATER) is None
    assert chain(stores, turn, LATER) is None
    stores.set_clock(LATER)
    assert not asyncio.run(stores.responses.delete(turn.owner, turn.id))
    assert read(stores, turn, NOW) is None


def test_what_never_expires_is_there_for_ever(stores: Stores) -> None:
    turn = asyncio.run(add_turn(stores.responses, expires_at=None))
    assert read(stores, turn, NOW * 10) == turn


@pytest.mark.parametrize("kilobytes", [1, 2, 3, 371, 372, 399, 400, 401, 495, 3000])
def test_a_body_of_any_size_is_read_as_it_was_written(stores: Stores, kilobytes: int) -> None:
    text = noise(kilobytes * 1024 - len(HARD)) + HARD
    turn = asyncio.run(add_turn(stores.responses, text=text, input=[{"text": HARD}]))
    assert plain(turn) == as_read(ended(claimed(input=[{"text": HARD}]), text))
    assert turn.size > kilobytes * 700
    assert chain(stores, turn) == [turn]


def test_a_large_input_is_read_from_the_claim_on_and_after_the_commit(stores: Stores) -> None:
    turn = claimed(input=[{"text": noise(1_500_000)}])
    asyncio.run(stores.responses.claim(turn))
    assert plain(read(stores, turn)) == turn
    asyncio.run(stores.responses.commit(ended(turn)))
    assert plain(read(stores, turn)) == as_read(ended(turn))


# chain


def test_a_chain_is_all_turns_oldest_first(stores: Stores) -> None:
    turns = asyncio.run(add_chain(stores.responses, 12))
    assert chain(stores, turns[-1]) == turns
    assert chain(stores, turns[4]) == turns[:5]
    assert chain(stores, turns[0]) == turns[:1]


def test_a_chain_can_end_in_a_response_in_progress(stores: Stores) -> None:
    first = asyncio.run(add_turn(stores.responses))
    running = claimed(first, seed=7)
    asyncio.run(stores.responses.claim(running))
    assert [plain(turn) for turn in chain(stores, running) or []] == [plain(first), running]


def test_branches_share_what_was_before_and_nothing_else(stores: Stores) -> None:
    async def story() -> tuple[list[StoredResponse], list[StoredResponse]]:
        trunk = await add_chain(stores.responses, 3)
        left = await add_turn(stores.responses, trunk[-1], "left", seed=11)
        right = await add_turn(stores.responses, trunk[-1], "right", seed=12, branch=True)
        twig = await add_turn(stores.responses, right, "twig", seed=13)
        far = await add_turn(stores.responses, trunk[0], "far", seed=14, branch=True)
        assert await stores.responses.chain(OWNER, left.id, NOW, PLENTY) == [*trunk, left]
        assert await stores.responses.chain(OWNER, far.id, NOW, PLENTY) == [trunk[0], far]
        return [*trunk, right, twig], await stores.responses.chain(OWNER, twig.id, NOW, PLENTY) or []

    expected, found = asyncio.run(story())
    assert found == expected


@pytest.mark.parametrize("missing", [0, 2, 4])
def test_a_chain_with_a_deleted_turn_is_absent(stores: Stores, missing: int) -> None:
    turns = asyncio.run(add_chain(stores.responses, 5))
    asyncio.run(stores.responses.delete(OWNER, turns[missing].id))
    assert chain(stores, turns[-1]) is None
    assert missing == 0 or chain(stores, turns[missing - 1]) == turns[:missing]


def test_a_chain_with_an_expired_turn_is_absent(stores: Stores) -> None:
    async def story() -> StoredResponse:
        first = await add_turn(stores.responses, expires_at=NOW + 5)
        return await add_turn(stores.responses, first, seed=1)

    last = asyncio.run(story())
    assert chain(stores, last, NOW + 4.9) is not None
    assert chain(stores, last, NOW + 5) is None


def test_a_turn_in_a_deleted_turns_place_does_not_enter_the_old_chain(stores: Stores) -> None:
    turns = asyncio.run(add_chain(stores.responses, 4))
    asyncio.run(stores.responses.delete(OWNER, turns[2].id))
    new = asyncio.run(add_turn(stores.responses, turns[1], seed=50))
    assert parse_response_id(new.id) == parse_response_id(turns[2].id)
    assert chain(stores, turns[3]) is None
    assert read(stores, turns[2]) is None
    assert chain(stores, new) == [*turns[:2], new]


def test_large_turns_in_the_middle_of_a_chain_are_whole(stores: Stores) -> None:
    async def story() -> list[StoredResponse]:
        chain: list[StoredResponse] = []
        for seed, length in enumerate([10, 700_000, 10, 10, 1_800_000, 350_000, 350_000, 350_000, 10]):
            parent = chain[-1] if chain else None
            chain.append(await add_turn(stores.responses, parent, noise(length, seed), seed=seed))
        return chain

    turns = asyncio.run(story())
    assert chain(stores, turns[-1]) == turns


def test_a_chain_over_the_limit_is_refused_and_one_at_the_limit_is_not(stores: Stores) -> None:
    turns = asyncio.run(add_chain(stores.responses, 6, noise(1000)))
    size = sum(turn.size for turn in turns)
    assert chain(stores, turns[-1], most=size) == turns
    with pytest.raises(ChainTooLarge):
        chain(stores, turns[-1], most=size - 1)


def test_a_hundred_turns_are_read_in_order(stores: Stores) -> None:
    turns = asyncio.run(add_chain(stores.responses, 100, noise(20_000)))
    assert len(turns[-1].lineage) > 1
    assert chain(stores, turns[-1]) == turns


# delete


@pytest.mark.parametrize("length", [10, 900_000])
def test_a_deleted_response_is_absent_and_was_there_once(stores: Stores, length: int) -> None:
    turn = asyncio.run(add_turn(stores.responses, text=noise(length)))
    assert asyncio.run(stores.responses.delete(OWNER, turn.id))
    assert read(stores, turn) is None
    assert chain(stores, turn) is None
    assert not asyncio.run(stores.responses.delete(OWNER, turn.id))


def test_two_continuations_at_once_get_one_place_and_one_refusal(stores: Stores) -> None:
    async def attempt(turn: StoredResponse) -> bool:
        try:
            await stores.responses.claim(turn)
        except SlotTaken:
            return False
        return True

    async def story() -> tuple[bool, bool]:
        first = await add_turn(stores.responses)
        return await asyncio.gather(attempt(claimed(first, seed=1)), attempt(claimed(first, seed=2)))

    assert sorted(asyncio.run(story())) == [False, True]


# cancel


def cancel(stores: Stores, turn: StoredResponse) -> bool:
    return asyncio.run(stores.responses.cancel(turn.owner, turn.id))


def is_wanted(stores: Stores, turn: StoredResponse) -> bool:
    return asyncio.run(stores.responses.is_wanted(turn))


def test_a_cancellation_is_seen_by_the_writer_and_changes_nothing_that_is_read(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    assert is_wanted(stores, turn)
    assert cancel(stores, turn)
    assert not is_wanted(stores, turn)
    assert plain(read(stores, turn)) == turn


def test_a_cancellation_sent_twice_is_one_cancellation(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    assert cancel(stores, turn)
    assert cancel(stores, turn)
    assert not is_wanted(stores, turn)


@pytest.mark.parametrize("length", [3, 600_000])
def test_the_writer_of_a_cancelled_response_stores_how_it_ended(stores: Stores, length: int) -> None:
    turn = claimed(input=[{"text": noise(length, seed=3)}])
    asyncio.run(stores.responses.claim(turn))
    cancel(stores, turn)
    over = ended(turn, noise(length), status="cancelled")
    asyncio.run(stores.responses.commit(over))
    assert plain(read(stores, turn)) == as_read(over)
    assert not cancel(stores, turn)
    assert plain(read(stores, turn)) == as_read(over)


def test_nobody_commits_a_cancelled_response_under_another_lease(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    cancel(stores, turn)
    with pytest.raises(Superseded):
        asyncio.run(stores.responses.commit(replace(ended(turn), lease="other")))


def test_what_has_ended_or_is_gone_cannot_be_cancelled_and_is_not_wanted(stores: Stores) -> None:
    turn = asyncio.run(add_turn(stores.responses))
    assert not cancel(stores, turn)
    assert not is_wanted(stores, turn)
    assert read(stores, turn) == turn
    asyncio.run(stores.responses.delete(OWNER, turn.id))
    assert not cancel(stores, turn)
    assert not is_wanted(stores, turn)


def test_a_cancellation_reaches_no_other_turn_and_no_other_owners(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    assert not cancel(stores, replace(turn, owner=Owner("acme", "bob")))
    assert not cancel(stores, replace(turn, id=turn.id[:-6] + "zzzzzz"))
    assert not cancel(stores, replace(turn, id="resp_nonsense"))
    assert is_wanted(stores, turn)
    assert not is_wanted(stores, replace(turn, id=turn.id[:-6] + "zzzzzz"))


# checkpoint


def checkpoint(stores: Stores, turn: StoredResponse) -> None:
    asyncio.run(stores.responses.checkpoint(turn))


def halfway(turn: StoredResponse, text: str = "half") -> StoredResponse:
    return replace(turn, response={**turn.response, "output": [{"text": text}]})


@pytest.mark.parametrize("length", [3, 600_000])
def test_a_checkpoint_is_read_in_progress_and_the_commit_after_it_replaces_it(stores: Stores, length: int) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    half = halfway(turn, noise(length))
    checkpoint(stores, half)
    checkpoint(stores, half)
    assert plain(read(stores, turn)) == half
    over = ended(turn, noise(length, seed=2))
    asyncio.run(stores.responses.commit(over))
    assert plain(read(stores, turn)) == as_read(over)


def test_a_checkpoint_that_comes_late_changes_nothing(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    over = ended(turn)
    asyncio.run(stores.responses.commit(over))
    checkpoint(stores, halfway(turn))
    assert plain(read(stores, turn)) == as_read(over)


def test_nobody_checkpoints_under_another_lease_or_what_was_deleted(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    checkpoint(stores, replace(halfway(turn), lease="other"))
    assert plain(read(stores, turn)) == turn
    asyncio.run(stores.responses.delete(OWNER, turn.id))
    checkpoint(stores, halfway(turn))
    assert read(stores, turn) is None


def test_a_checkpoint_does_not_undo_a_cancellation(stores: Stores) -> None:
    turn = claimed()
    asyncio.run(stores.responses.claim(turn))
    cancel(stores, turn)
    checkpoint(stores, halfway(turn))
    assert not is_wanted(stores, turn)


def test_a_chain_that_is_small_as_stored_and_huge_as_json_is_not_read(stores: Stores) -> None:
    """Repetitive text compresses a thousandfold: 1.9 MB on disk stalled a server, and turn 42 killed a function."""

    async def story() -> None:
        chain = await add_chain(stores.responses, 4, text="the same words again " * 50_000)
        assert sum(turn.size for turn in chain) < 100_000
        found = await stores.responses.chain(OWNER, chain[-1].id, NOW, 5_000_000)
        assert found is not None
        assert len(found) == 4
        with pytest.raises(ChainTooLarge):
            await stores.responses.chain(OWNER, chain[-1].id, NOW, 3_000_000)
        with pytest.raises(ChainTooLarge):
            await stores.responses.chain(OWNER, chain[0].id, NOW, 1_000_000)

    asyncio.run(story())
