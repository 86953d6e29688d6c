"""Reservations: what is said here holds for both response stores."""

from __future__ import annotations

from dataclasses import replace

from antiphon.records import Owner, Reservation
from antiphon.store.dynamodb import layout
from local.lambda_host.dynamodb import Command, Emulator
from tests.support.counting import Counting
from tests.support.stored import DAY, NOW, OWNER, Stores, add_turn, claimed, ended
from tests.support.tables import RESPONSES

FIRST = Reservation(OWNER, "key_1#digest", "body", "resp_first", NOW + 60.5, NOW + DAY)
SECOND = replace(FIRST, response_id="resp_second", until=NOW + 90.25)


async def reserve(
    stores: Stores, wanted: Reservation, now: float = NOW, replaced: Reservation | None = None
) -> Reservation | None:
    return await stores.responses.reserve(wanted, now, replaced)


async def test_a_request_is_taken_up_once_and_a_second_attempt_learns_by_whom(stores: Stores) -> None:
    assert await reserve(stores, FIRST) is None
    assert await reserve(stores, SECOND) == FIRST


async def test_a_reservation_sent_twice_by_its_writer_is_one(stores: Stores) -> None:
    assert await reserve(stores, FIRST) is None
    assert await reserve(stores, FIRST) is None
    assert await reserve(stores, SECOND) == FIRST


async def test_a_name_is_free_for_another_owner_and_another_key(stores: Stores) -> None:
    await reserve(stores, FIRST)
    assert await reserve(stores, replace(SECOND, owner=Owner("acme", "bob"))) is None
    assert await reserve(stores, replace(SECOND, owner=Owner("acme#ann", "key_1"))) is None
    assert await reserve(stores, replace(SECOND, name="key_2#digest")) is None


async def test_only_who_knows_the_present_attempt_can_replace_it(stores: Stores) -> None:
    third = replace(FIRST, response_id="resp_third")
    await reserve(stores, FIRST)
    assert await reserve(stores, SECOND, replaced=FIRST) is None
    assert await reserve(stores, third, replaced=FIRST) == SECOND
    assert await reserve(stores, third, replaced=SECOND) is None


async def test_a_name_whose_reservation_is_gone_can_be_replaced_too(stores: Stores) -> None:
    assert await reserve(stores, SECOND, replaced=FIRST) is None


async def test_an_expired_reservation_is_free_though_its_row_is_there(stores: Stores) -> None:
    await reserve(stores, FIRST)
    assert await reserve(stores, SECOND, now=NOW + DAY) is None


async def test_a_released_name_is_free(stores: Stores) -> None:
    await reserve(stores, FIRST)
    await stores.responses.release(FIRST)
    assert await reserve(stores, SECOND) is None


async def test_nobody_releases_anothers_reservation(stores: Stores) -> None:
    await reserve(stores, FIRST)
    await stores.responses.release(SECOND)
    assert await reserve(stores, SECOND) == FIRST


async def test_a_deleted_responses_reservation_stays_and_says_so(stores: Stores) -> None:
    turn = await add_turn(stores.responses, reservation=FIRST.name)
    first = replace(FIRST, response_id=turn.id)
    await reserve(stores, first)
    assert await stores.responses.delete(OWNER, turn.id)
    assert await reserve(stores, SECOND) == replace(first, deleted=True)


async def test_deleting_a_response_leaves_the_reservation_of_a_later_attempt(stores: Stores) -> None:
    turn = await add_turn(stores.responses, reservation=FIRST.name)
    await reserve(stores, SECOND)
    assert await stores.responses.delete(OWNER, turn.id)
    assert await reserve(stores, FIRST) == SECOND


async def test_a_response_keeps_the_name_of_its_reservation(stores: Stores) -> None:
    turn = await add_turn(stores.responses, reservation=FIRST.name)
    assert turn.reservation == FIRST.name
    assert ended(claimed()).reservation == ""


async def test_a_reservation_in_dynamodb_is_one_call_and_forgets_itself(aws: Emulator, dynamodb: Stores) -> None:
    counted = Counting(aws)
    await reserve(dynamodb, FIRST)
    await reserve(dynamodb, SECOND)
    assert counted.operations == ["PutItem", "PutItem"]
    assert counted.write_units == 2
    wanted = {"TableName": RESPONSES, "Key": layout.reservation(OWNER, FIRST.name)}
    row = aws.ask(Command("GetItem", wanted))[1]["Item"]
    assert row[layout.TTL] == {"N": str(FIRST.expires_at)}


async def test_a_deletion_of_what_was_never_reserved_writes_no_reservation(aws: Emulator, dynamodb: Stores) -> None:
    turn = await add_turn(dynamodb.responses)
    counted = Counting(aws)
    await dynamodb.responses.delete(OWNER, turn.id)
    assert counted.operations == ["GetItem", "DeleteItem"]
