"""Responses in progress: cancellations and checkpoints."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.errors import Superseded
from antiphon.records import Owner, StoredResponse
from tests.support.stored import OWNER, Stores, add_turn, as_read, claimed, ended, noise, plain, read


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
