"""How a response is committed: once, by the writer that holds its lease."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from antiphon.errors import Superseded
from antiphon.records import StoredResponse
from tests.support.stored import Stores, add_turn, as_read, claimed, ended, noise, plain, read


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
