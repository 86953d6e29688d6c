"""Both approval stores: each change once, and a list of what waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from antiphon.records import Approval, Owner
from tests.support.stored import Stores, approval

ODD = "a#b%23"


def asked(number: int = 0, **fields: Any) -> Approval:
    return approval(number, **{"owner": Owner(ODD, "ann"), **fields})


async def test_an_approval_is_stored_once_and_read_again(stores: Stores) -> None:
    assert await stores.approvals.get(ODD, "mcpr_0") is None
    assert await stores.approvals.save(asked())
    assert await stores.approvals.save(asked()), "the same write, sent again"
    assert not await stores.approvals.save(asked(arguments="{}"))
    assert await stores.approvals.get(ODD, "mcpr_0") == asked()
    assert await stores.approvals.get("other", "mcpr_0") is None


async def test_of_many_decisions_one_is_stored(stores: Stores) -> None:
    await stores.approvals.save(asked())
    decisions = [replace(asked(), state="approved", decided_by=f"user{n}", revision=1) for n in range(8)]
    saved = await asyncio.gather(*map(stores.approvals.save, decisions))
    assert sum(saved) == 1
    assert await stores.approvals.get(ODD, "mcpr_0") == decisions[saved.index(True)]


async def test_a_list_has_what_waits_oldest_first_page_by_page(stores: Stores) -> None:
    for number in range(5):
        await stores.approvals.save(asked(number))
    await stores.approvals.save(replace(asked(2), state="denied", revision=1))
    first = await stores.approvals.pending(ODD, 3)
    assert [found.id for found in first.records] == ["mcpr_0", "mcpr_1", "mcpr_3"]
    assert first.more
    second = await stores.approvals.pending(ODD, 3, first.records[-1])
    assert [found.id for found in second.records] == ["mcpr_4"]
    assert not second.more
    assert (await stores.approvals.pending("other", 3)).records == []


async def test_a_list_begins_at_a_time(stores: Stores) -> None:
    for number in range(5):
        await stores.approvals.save(asked(number))
    since = asked(2).created_at
    assert [found.id for found in (await stores.approvals.pending(ODD, 2, since=since)).records] == ["mcpr_2", "mcpr_3"]
    last = await stores.approvals.pending(ODD, 2, asked(3), since=since)
    assert [found.id for found in last.records] == ["mcpr_4"]
    assert not last.more
    assert (await stores.approvals.pending(ODD, 2, since=asked(4).created_at + 1)).records == []


async def test_an_approval_that_is_removed_is_in_no_list_and_cannot_be_decided(stores: Stores) -> None:
    await stores.approvals.save(asked())
    await stores.approvals.save(asked(1))
    await stores.approvals.delete(ODD, "mcpr_0")
    await stores.approvals.delete(ODD, "mcpr_0")
    await stores.approvals.delete("other", "mcpr_1")
    assert await stores.approvals.get(ODD, "mcpr_0") is None
    assert [found.id for found in (await stores.approvals.pending(ODD, 3)).records] == ["mcpr_1"]
    assert not await stores.approvals.save(replace(asked(), state="approved", revision=1))
    assert await stores.approvals.get(ODD, "mcpr_0") is None
