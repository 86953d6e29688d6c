from __future__ import annotations

import threading
from typing import Any

import pytest

from antiphon.errors import ChainTooLarge
from antiphon.ids import added_id
from antiphon.records import PUBLIC, Agent, Conversation, StoredResponse, User, lineage_after
from antiphon.store.dynamodb.rows import cut, weight
from local.lambda_host.dynamodb import Command, Emulator, Reply
from tests.support.counting import Counting
from tests.support.stored import (
    DAY,
    NOW,
    OWNER,
    PLENTY,
    Stores,
    add_chain,
    add_turn,
    claimed,
    ended,
    entropy,
    noise,
    place_of,
)

TEXT = noise(20_000)


async def one_turn(aws: Emulator, stores: Stores, parent: StoredResponse | None, seed: int) -> Counting:
    """Do what one request does to the store, and count it."""

    async def turn() -> None:
        if parent is not None:
            assert await stores.responses.chain(OWNER, parent.id, NOW, PLENTY) is not None
        new = claimed(parent, seed=seed, branch=True)
        await stores.responses.claim(new)
        await stores.responses.commit(ended(new, TEXT))

    counted = Counting(aws)
    await turn()
    counted.stop()
    return counted


async def test_a_turn_reads_its_context_once_in_few_calls_and_writes_the_same_at_any_depth(
    aws: Emulator, dynamodb: Stores
) -> None:
    chain = await add_chain(dynamodb.responses, 100, TEXT)
    parents = (None, chain[9], chain[99])
    first, tenth, hundredth = [
        await one_turn(aws, dynamodb, parent, seed=1000 + number) for number, parent in enumerate(parents)
    ]
    writes = ["PutItem", "PutItem"]
    assert first.operations == writes
    assert tenth.operations == ["GetItem", "Query", *writes]
    assert hundredth.operations == ["GetItem", *["Query"] * len(chain[99].lineage), *writes]
    assert first.read_units == 0
    assert tenth.read_units == pytest.approx(sum(turn.size for turn in chain[:10]) / 4096, abs=1)
    assert hundredth.read_units == pytest.approx(10 * tenth.read_units, rel=0.03)
    assert first.write_units <= tenth.write_units <= hundredth.write_units <= first.write_units + 1


async def test_a_chain_is_read_in_two_sequential_trips(aws: Emulator, dynamodb: Stores) -> None:
    chain = await add_chain(dynamodb.responses, 100, TEXT)
    stretches = len(chain[-1].lineage)
    assert stretches >= 2
    meet_all(aws, stretches)
    counted = Counting(aws)
    assert await dynamodb.responses.chain(OWNER, chain[-1].id, NOW, PLENTY) == chain
    assert counted.operations == ["GetItem", *["Query"] * stretches]


async def test_a_chain_of_large_turns_is_read_in_two_sequential_trips(aws: Emulator, dynamodb: Stores) -> None:
    chain = await add_chain(dynamodb.responses, 3, noise(1_200_000))
    parts = [turn.chunks for turn in chain]
    assert parts == [2, 2, 2]
    queries = sum(parts) + 2
    meet_all(aws, queries)
    counted = Counting(aws)
    assert await dynamodb.responses.chain(OWNER, chain[-1].id, NOW, PLENTY) == chain
    assert counted.operations == ["GetItem", *["Query"] * queries]


async def test_a_chain_that_is_too_large_costs_one_read(aws: Emulator, dynamodb: Stores) -> None:
    chain = await add_chain(dynamodb.responses, 5, TEXT)
    counted = Counting(aws)
    with pytest.raises(ChainTooLarge):
        await dynamodb.responses.chain(OWNER, chain[-1].id, NOW, 50_000)
    assert counted.operations == ["GetItem"]


async def test_a_get_is_one_call(aws: Emulator, dynamodb: Stores) -> None:
    turn = await add_turn(dynamodb.responses)
    counted = Counting(aws)
    assert await dynamodb.responses.get(OWNER, turn.id, NOW) == turn
    assert counted.operations == ["GetItem"]


async def test_a_cancellation_is_one_call_and_so_is_each_look_for_it(aws: Emulator, dynamodb: Stores) -> None:
    turn = claimed(input=[{"text": noise(900_000)}])
    await dynamodb.responses.claim(turn)
    counted = Counting(aws)
    assert await dynamodb.responses.is_wanted(turn)
    assert await dynamodb.responses.cancel(OWNER, turn.id)
    assert not await dynamodb.responses.is_wanted(turn)
    assert counted.operations == ["GetItem", "UpdateItem", "GetItem"]


@pytest.mark.parametrize("text", ["resp_nonsense", "", "../../etc"])
async def test_an_id_that_cannot_be_one_costs_no_call(aws: Emulator, dynamodb: Stores, text: str) -> None:
    counted = Counting(aws)
    assert await dynamodb.responses.get(OWNER, text, NOW) is None
    assert await dynamodb.responses.chain(OWNER, text, NOW, PLENTY) is None
    assert await dynamodb.directory.agent("acme", "x" * 10_000, [PUBLIC]) is None
    assert counted.operations == []


async def test_key_account_and_agent_are_read_with_few_consistent_calls(aws: Emulator, dynamodb: Stores) -> None:
    guide = Agent("acme", "guide", "openai", "gpt-5", author="ann")
    await dynamodb.directory.put(User("acme", "ann"))
    await dynamodb.directory.put_agent(guide)
    consistent: list[Any] = []

    def note(call: Command) -> Reply:
        tables = call.arguments.get("RequestItems", {"": call.arguments}).values()
        consistent.extend(asked.get("ConsistentRead") for asked in tables)
        return aws.ask(call)

    aws.handle = note
    counted = Counting(aws)
    await dynamodb.keys.get("00")
    await dynamodb.directory.account("acme", "ann")
    await dynamodb.directory.agent("acme", "guide", ["user:ann", "role:USER", PUBLIC])
    await dynamodb.directory.agents("acme", ["user:ann", PUBLIC])
    assert sorted(counted.operations) == sorted(
        ["GetItem", "BatchGetItem", "Query", "BatchGetItem", "Query", "Query", "BatchGetItem"]
    )
    assert consistent == [True] * 7


@pytest.mark.parametrize("length", [100, 300_000, 480_000, 500_000, 505_000, 510_000, 4_000_000])
def test_no_item_is_over_dynamodbs_limit_and_the_size_is_that_of_all_items(length: int) -> None:
    turn = ended(claimed(), noise(length))
    head, rest = cut(turn, place_of(turn))
    assert max(weight(row) for row in (head, *rest)) <= 400 * 1024
    assert int(head["chunks"]["N"]) == len(rest)
    assert abs(int(head["size"]["N"]) - sum(weight(row) for row in (head, *rest))) <= 8


def meet_all(aws: Emulator, queries: int) -> None:
    """Hold every Query until that many are under way at once; fail where they never are."""
    together = threading.Barrier(queries)

    def meet(call: Command) -> Reply:
        if call.operation == "Query":
            together.wait(timeout=20)
        return aws.ask(call)

    aws.handle = meet


async def one_addition(aws: Emulator, stores: Stores, conversation: str, seed: int) -> tuple[Counting, int]:
    """Do what one response in a conversation does to the store, and count it; with the bytes that it had to read."""

    async def addition() -> int:
        opened = await stores.responses.open_conversation(OWNER, conversation, NOW)
        assert opened is not None
        newest, number = opened.newest, 0
        if newest is not None:
            number = place_of(newest).turns + 1
            await stores.responses.turns(OWNER, newest.lineage, PLENTY)
        segment = conversation.removeprefix("conv_")
        new = claimed(id=added_id(segment, number, entropy(seed)), lineage=lineage_after(newest) if newest else ())
        await stores.responses.claim(new)
        await stores.responses.commit(ended(new, TEXT))
        return sum(stretch.size for stretch in new.lineage)

    counted = Counting(aws)
    size = await addition()
    counted.stop()
    return counted, size


async def test_an_addition_to_a_conversation_costs_what_a_continuation_costs_at_any_length(
    aws: Emulator, dynamodb: Stores
) -> None:
    conversation = "conv_" + "A" * 22
    record = Conversation(OWNER, conversation, NOW, NOW + 31 * DAY, {"topic": "demo"})
    await dynamodb.responses.save_conversation(record)
    counts = [await one_addition(aws, dynamodb, conversation, seed) for seed in range(101)]
    for number, (counted, size) in enumerate(counts):
        assert counted.operations[0] == "Query"
        assert counted.operations[-2:] == ["PutItem", "PutItem"]
        assert set(counted.operations[1:-2]) <= {"Query"}
        assert counted.read_units <= -(-size // 4096) + 1, "each turn is read once, and the record"
        assert counted.write_units <= counts[0][0].write_units + 1, number
    assert len(counts[1][0].operations) == 3
    assert len(counts[100][0].operations) <= 3 + 3
