from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.agents.versions import KEPT_VERSIONS, RESTORABLE_DAYS, digest
from antiphon.errors import AlreadyExists
from antiphon.ports import Page
from antiphon.records import PUBLIC, Agent, DeletedAgent, Grant, User, dump
from local.lambda_host.dynamodb import Command, Emulator, Reply
from tests.support.counting import Counting
from tests.support.stored import DAY, NOW, Stores

GUIDE = Agent("acme", "guide", "demo", "demo", author="ann", instructions="Be brief.", created_at=NOW, updated_at=NOW)


def at(seconds: int, instructions: str, **more: object) -> Agent:
    return replace(GUIDE, updated_at=NOW + seconds, instructions=instructions, **more)  # type: ignore[arg-type]


async def numbers(stores: Stores, agent: str = "guide") -> list[int]:
    return [version.version for version in await stores.directory.agent_versions("acme", agent)]


async def test_every_change_of_an_agent_keeps_the_former_version(stores: Stores) -> None:
    first = await stores.directory.put_agent(GUIDE)
    second = await stores.directory.put_agent(at(1, "Be kind.", author="bob"))
    third = await stores.directory.put_agent(at(2, "Be both."))
    assert [first, second, third] == [
        GUIDE,
        at(1, "Be kind.", version=2),
        at(2, "Be both.", version=3),
    ]
    assert await stores.directory.agent_versions("acme", "guide") == [third, second, first]
    assert await stores.directory.agent("acme", "guide", ["user:ann"]) == (third, 15)
    for version in (first, second, third):
        assert await stores.directory.agent_version("acme", "guide", version.version) == version


@pytest.mark.parametrize("version", [0, -1, 2, 10**9])
async def test_a_version_that_there_is_not_is_absent(stores: Stores, version: int) -> None:
    await stores.directory.put_agent(GUIDE)
    assert await stores.directory.agent_version("acme", "guide", version) is None
    assert await stores.directory.agent_version("other", "guide", 1) is None
    assert await stores.directory.agent_version("acme", "x" * 10_000, 1) is None


async def test_an_agent_that_is_stored_unchanged_keeps_its_version_and_its_time(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    assert await stores.directory.put_agent(at(5, GUIDE.instructions)) == GUIDE
    assert await numbers(stores) == [1]


async def test_a_new_agent_never_takes_the_place_of_another(stores: Stores) -> None:
    assert await stores.directory.put_agent(GUIDE, new=True) == GUIDE
    assert await stores.directory.put_agent(at(5, GUIDE.instructions), new=True) == GUIDE
    for other in (at(1, "Be kind."), at(1, GUIDE.instructions, author="bob")):
        with pytest.raises(AlreadyExists):
            await stores.directory.put_agent(other, new=True)
    assert await stores.directory.agent("acme", "guide", ["user:bob"]) == (GUIDE, 0)
    await stores.directory.delete_agent("acme", "guide")
    assert (await stores.directory.put_agent(at(9, "Be new.", author="bob"), new=True)).author == "bob"


async def test_an_agent_of_before_versions_is_the_first_one(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    assert b"version" not in dump(GUIDE)
    await stores.directory.put_agent(at(1, "Be kind."))
    assert await numbers(stores) == [2, 1]


async def test_only_so_many_former_versions_are_kept(stores: Stores) -> None:
    for number in range(KEPT_VERSIONS + 4):
        await stores.directory.put_agent(at(number, f"Say {number}."))
    last = KEPT_VERSIONS + 4
    assert await numbers(stores) == list(range(last, last - KEPT_VERSIONS - 1, -1))


async def test_a_digest_is_that_of_the_content_whoever_made_it_wherever_and_when() -> None:
    elsewhere = replace(GUIDE, tenant="b", id="c", author="d", created_at=1, updated_at=2, version=3)
    assert digest(elsewhere) == digest(GUIDE)
    assert digest(at(0, "Be kind.")) != digest(GUIDE)
    assert len(digest(GUIDE)) == 64


async def test_a_deleted_agent_is_invisible_and_comes_back_with_its_grants_and_versions(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    await stores.directory.put_agent(at(1, "Be kind."))
    await stores.directory.put(Grant("acme", "guide", PUBLIC, 1))
    assert await stores.directory.delete_agent("acme", "guide")
    assert await stores.directory.agent("acme", "guide", [PUBLIC]) is None
    assert await stores.directory.agents("acme", [PUBLIC, "user:ann"]) == []
    assert await stores.directory.list_agents("acme") == []
    assert await numbers(stores) == []
    assert await stores.directory.agent_version("acme", "guide", 1) is None
    gone = DeletedAgent(at(1, "Be kind.", version=2), NOW, NOW + RESTORABLE_DAYS * DAY)
    assert await stores.directory.deleted_agents("acme", 9) == Page([gone], more=False)
    assert await stores.directory.deleted_agent("acme", "guide") == gone
    assert await stores.directory.deleted_agents("other", 9) == Page([], more=False)
    assert await stores.directory.deleted_agent("other", "guide") is None
    assert await stores.directory.restore_agent("acme", "guide") == gone.agent
    assert await stores.directory.agent("acme", "guide", [PUBLIC]) == (gone.agent, 1)
    assert await numbers(stores) == [2, 1]
    assert (await stores.directory.deleted_agents("acme", 9)).records == []
    assert await stores.directory.restore_agent("acme", "guide") is None


async def test_deleted_agents_are_listed_page_by_page(stores: Stores) -> None:
    for name in "dbca":
        await stores.directory.put_agent(replace(GUIDE, id=name))
        await stores.directory.delete_agent("acme", name)
    first = await stores.directory.deleted_agents("acme", 3)
    second = await stores.directory.deleted_agents("acme", 3, after="c")
    assert ([gone.agent.id for gone in first.records], first.more) == (["a", "b", "c"], True)
    assert ([gone.agent.id for gone in second.records], second.more) == (["d"], False)


async def test_a_deleted_agent_cannot_be_restored_for_ever(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    await stores.directory.delete_agent("acme", "guide")
    stores.set_clock(NOW + RESTORABLE_DAYS * DAY)
    assert (await stores.directory.deleted_agents("acme", 9)).records == []
    assert await stores.directory.restore_agent("acme", "guide") is None


async def test_what_a_deleted_agent_had_is_not_for_the_next_one_of_its_name(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    await stores.directory.put_agent(at(1, "The secret recipe."))
    await stores.directory.put(Grant("acme", "guide", PUBLIC, 1))
    await stores.directory.delete_agent("acme", "guide")
    made = await stores.directory.put_agent(at(2, "Be kind.", author="bob"))
    assert made.version == 3, "a number never means two contents"
    assert await stores.directory.agent_versions("acme", "guide") == [made]
    assert await stores.directory.grants_on("acme", "guide") == [Grant("acme", "guide", "user:bob", 15)]
    assert await stores.directory.restore_agent("acme", "guide") is None


async def test_a_user_who_is_deleted_meanwhile_has_no_grant_on_a_restored_agent(stores: Stores) -> None:
    await stores.directory.put(User("acme", "eve"))
    await stores.directory.put_agent(GUIDE)
    await stores.directory.put(Grant("acme", "guide", "user:eve", 1))
    await stores.directory.delete_agent("acme", "guide")
    await stores.directory.delete(User("acme", "eve"))
    await stores.directory.restore_agent("acme", "guide")
    assert await stores.directory.grants_on("acme", "guide") == [Grant("acme", "guide", "user:ann", 15)]


async def test_after_its_time_nothing_of_a_deleted_agent_is_left_in_the_file(sqlite: Stores) -> None:
    await sqlite.directory.put_agent(GUIDE)
    await sqlite.directory.put_agent(at(1, "Be kind."))
    await sqlite.directory.delete_agent("acme", "guide")
    sqlite.set_clock(NOW + RESTORABLE_DAYS * DAY)
    await sqlite.responses.sweep()  # type: ignore[attr-defined]
    assert await sqlite.directory.grants_on("acme", "guide") == []
    assert (await sqlite.directory.put_agent(GUIDE)).version == 1


async def test_after_its_time_dynamodb_removes_all_of_a_deleted_agent(aws: Emulator, dynamodb: Stores) -> None:
    await dynamodb.directory.put_agent(GUIDE)
    await dynamodb.directory.put_agent(at(1, "Be kind."))
    await dynamodb.directory.put(Grant("acme", "guide", PUBLIC, 1))
    await dynamodb.directory.delete_agent("acme", "guide")
    until = NOW + RESTORABLE_DAYS * DAY
    assert sorted(expiries(aws)) == [
        ("T#acme#DELETED", until),
        ("T#acme#PRIN#public", until + DAY),
        ("T#acme#PRIN#user:ann", until + DAY),
        ("T#acme#VERSIONS#guide", until + DAY),
    ]
    await dynamodb.directory.restore_agent("acme", "guide")
    assert {expires for _, expires in expiries(aws)} == {None}


async def test_what_an_agent_holds_that_is_made_again_while_it_is_deleted_does_not_expire(
    aws: Emulator, dynamodb: Stores
) -> None:
    await dynamodb.directory.put_agent(GUIDE)
    ask, again = aws.handle, iter([{"pk": {"S": "T#acme#AGENTS"}, "sk": {"S": "guide"}}])

    def handle(call: Command) -> Reply:
        key = next(again, None) if call.operation == "UpdateItem" else None
        if key is not None:
            row = {**key, "document": {"S": dump(GUIDE).decode()}}
            ask(Command("PutItem", {"TableName": "core", "Item": row}))
        return ask(call)

    aws.handle = handle
    await dynamodb.directory.delete_agent("acme", "guide")
    assert ("T#acme#PRIN#user:ann", None) in expiries(aws)


def expiries(aws: Emulator) -> list[tuple[str, int | None]]:
    _, answer = aws.ask(Command("Scan", {"TableName": "core"}))
    return [
        (row["pk"]["S"], int(row["expires_at"]["N"]) if "expires_at" in row else None)
        for row in answer["Items"]
        if not row["pk"]["S"].startswith("AUDIT#")
    ]


async def test_reading_an_agent_for_a_request_is_one_call_however_many_versions_it_has(
    aws: Emulator, dynamodb: Stores
) -> None:
    for number in range(5):
        await dynamodb.directory.put_agent(at(number, f"Say {number}."))
    counted = Counting(aws)
    found = await dynamodb.directory.agent("acme", "guide", [PUBLIC, "user:ann"])
    assert found is not None
    assert found[0].version == 5
    assert counted.operations == ["BatchGetItem"]
