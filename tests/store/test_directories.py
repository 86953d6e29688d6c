from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.records import PUBLIC, Account, Agent, Fallback, Grant, Group, Limits, Role, Tenant, User
from tests.support.stored import NOW, Stores

GUIDE = Agent(
    "acme",
    "guide",
    "openai",
    "gpt-5",
    author="ann",
    created_at=NOW,
    updated_at=NOW,
    tools=({"a": [1]},),
    fallbacks=(Fallback("bedrock", "eu.amazon.nova-lite-v1:0"), Fallback("demo", "demo")),
)
ANN = User("acme", "ann", name="Ann", role="WRITER", groups=("staff", "board"))
WRITER = Role("acme", "WRITER", frozenset({"USE", "CREATE"}), Limits(models=("gpt-5",), maximums={"temperature": 1}))


async def test_an_account_is_a_user_with_its_role_and_tenant(stores: Stores) -> None:
    acme = Tenant("acme", Limits(retention_days=3))

    async def story() -> Account | None:
        for record in (ANN, WRITER, acme):
            await stores.directory.put(record)
        return await stores.directory.account("acme", "ann")

    assert await story() == Account(ANN, WRITER, acme)


async def test_an_unknown_user_has_no_account(stores: Stores) -> None:
    assert (await stores.directory.account("acme", "ann")) is None


async def test_a_user_of_another_tenant_has_no_account(stores: Stores) -> None:
    await stores.directory.put(replace(ANN, role="USER"))
    assert await stores.directory.account("other", "ann") is None


async def test_a_user_whose_role_is_unknown_has_no_account(stores: Stores) -> None:
    await stores.directory.put(ANN)
    assert await stores.directory.account("acme", "ann") is None


@pytest.mark.parametrize(("role", "permissions"), [("ADMIN", 4), ("USER", 0)])
async def test_a_built_in_role_and_a_tenant_that_were_never_stored_exist(
    stores: Stores, role: str, permissions: int
) -> None:
    await stores.directory.put(replace(ANN, role=role))
    account = await stores.directory.account("acme", "ann")
    assert account is not None
    assert len(account.role.remote_agents) == permissions
    assert account.tenant == Tenant("acme") == await stores.directory.get_tenant("acme")


async def test_a_stored_role_takes_the_place_of_the_built_in_one(stores: Stores) -> None:
    user = Role("acme", "USER", frozenset({"USE"}))
    await stores.directory.put(user)
    await stores.directory.put(replace(ANN, role="USER"))
    account = await stores.directory.account("acme", "ann")
    assert account is not None
    assert account.role == user


async def test_a_later_record_takes_the_place_of_an_earlier_one(stores: Stores) -> None:
    async def story() -> tuple[list[User], Tenant]:
        await stores.directory.put(ANN)
        await stores.directory.put(replace(ANN, name="Anna"))
        await stores.directory.put(Tenant("acme"))
        await stores.directory.put(Tenant("acme", Limits(max_body_bytes=9)))
        return await stores.directory.list_users("acme"), await stores.directory.get_tenant("acme")

    assert await story() == ([replace(ANN, name="Anna")], Tenant("acme", Limits(max_body_bytes=9)))


async def test_a_new_agent_is_its_authors(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    assert await stores.directory.agent("acme", "guide", ["user:ann"]) == (GUIDE, 15)
    assert await stores.directory.grants_on("acme", "guide") == [Grant("acme", "guide", "user:ann", 15)]


async def test_a_changed_agent_keeps_its_author_its_creation_and_its_grants(stores: Stores) -> None:
    changed = replace(GUIDE, author="bob", instructions="Be brief.", created_at=NOW + 9, updated_at=NOW + 9)

    await stores.directory.put_agent(GUIDE)
    await stores.directory.put(Grant("acme", "guide", "user:ann", 1))
    await stores.directory.put_agent(changed)
    agent, grants = await stores.directory.agent("acme", "guide", []), await stores.directory.grants_on("acme", "guide")
    assert agent == (replace(changed, author="ann", created_at=NOW, version=2), 0)
    assert grants == [Grant("acme", "guide", "user:ann", 1)]


async def test_the_bits_on_an_agent_are_the_or_over_the_principals(stores: Stores) -> None:
    principals = ["user:bob", "group:staff", "group:staff", "role:USER", PUBLIC]

    async def story() -> tuple[tuple[Agent, int] | None, list[tuple[Agent, int]]]:
        await stores.directory.put_agent(GUIDE)
        for principal, bits in (("group:staff", 1), ("role:USER", 2), (PUBLIC, 1), ("user:eve", 8)):
            await stores.directory.put(Grant("acme", "guide", principal, bits))
        return (
            await stores.directory.agent("acme", "guide", principals),
            await stores.directory.agents("acme", principals),
        )

    assert await story() == ((GUIDE, 3), [(GUIDE, 3)])


async def test_an_agent_without_a_grant_is_found_with_no_bits_and_not_listed(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    assert await stores.directory.agent("acme", "guide", ["user:bob"]) == (GUIDE, 0)
    assert await stores.directory.agents("acme", ["user:bob", PUBLIC]) == []


async def test_an_agent_of_another_tenant_is_none(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    await stores.directory.put(Grant("acme", "guide", PUBLIC, 1))
    assert await stores.directory.agent("other", "guide", [PUBLIC, "user:ann"]) is None
    assert await stores.directory.agents("other", [PUBLIC, "user:ann"]) == []


@pytest.mark.parametrize("agent", ["", "x" * 10_000, "gui\x00de", "AGENT#guide", "\N{PILE OF POO}" * 500])
async def test_a_string_that_names_no_agent_finds_none(stores: Stores, agent: str) -> None:
    await stores.directory.put_agent(GUIDE)
    assert await stores.directory.agent("acme", agent, ["user:ann", PUBLIC]) is None


async def test_a_grant_of_no_bits_is_removed(stores: Stores) -> None:
    async def story() -> list[Grant]:
        await stores.directory.put_agent(GUIDE)
        await stores.directory.put(Grant("acme", "guide", PUBLIC, 1))
        await stores.directory.put(Grant("acme", "guide", PUBLIC, 0))
        await stores.directory.put(Grant("acme", "guide", "user:nobody", 0))
        return await stores.directory.grants_on("acme", "guide")

    assert await story() == [Grant("acme", "guide", "user:ann", 15)]


async def test_a_deleted_agent_takes_all_its_grants_along(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    for number in range(60):
        await stores.directory.put(Grant("acme", "guide", f"user:{number}", 1))
    first = await stores.directory.delete_agent("acme", "guide")
    second = await stores.directory.delete_agent("acme", "guide")
    await stores.directory.put_agent(replace(GUIDE, author="bob"))
    grants = await stores.directory.grants_on("acme", "guide")
    again = await stores.directory.agent("acme", "guide", ["user:ann", "user:5"])
    assert (first, second) == (True, False)
    assert grants == [Grant("acme", "guide", "user:bob", 15)]
    assert again == (replace(GUIDE, author="bob", version=2), 0)


async def test_a_grant_on_an_agent_that_is_gone_lists_nothing(stores: Stores) -> None:
    await stores.directory.put(Grant("acme", "ghost", PUBLIC, 1))
    assert await stores.directory.agents("acme", [PUBLIC]) == []


async def test_more_than_a_hundred_agents_are_listed_by_id(stores: Stores) -> None:
    for number in range(120):
        await stores.directory.put_agent(replace(GUIDE, id=f"agent-{number:03}"))
    listed = await stores.directory.agents("acme", ["user:ann", PUBLIC])
    assert [agent.id for agent, _ in listed] == [f"agent-{number:03}" for number in range(120)]
    assert {bits for _, bits in listed} == {15}


async def test_more_than_a_hundred_principals_are_asked_for_one_agent(stores: Stores) -> None:
    async def story() -> tuple[Agent, int] | None:
        await stores.directory.put_agent(GUIDE)
        await stores.directory.put(Grant("acme", "guide", "group:149", 1))
        await stores.directory.put(Grant("acme", "guide", "group:0", 2))
        return await stores.directory.agent("acme", "guide", [f"group:{number}" for number in range(150)])

    assert await story() == (GUIDE, 3)


async def test_lists_are_by_id_and_of_one_tenant(stores: Stores) -> None:
    async def story() -> None:
        for tenant, name in (("acme", "b"), ("acme", "a"), ("acme", "Z"), ("other", "c")):
            await stores.directory.put(User(tenant, name))
            await stores.directory.put(Group(tenant, name, name=name))
            await stores.directory.put(Role(tenant, name))
            await stores.directory.put_agent(replace(GUIDE, tenant=tenant, id=name))

    await story()
    assert [user.id for user in await stores.directory.list_users("acme")] == ["Z", "a", "b"]
    assert [group.name for group in await stores.directory.list_groups("acme")] == ["Z", "a", "b"]
    assert [agent.id for agent in await stores.directory.list_agents("acme")] == ["Z", "a", "b"]
    assert [role.id for role in await stores.directory.list_roles("acme")] == ["ADMIN", "USER", "Z", "a", "b"]


async def test_a_list_of_more_than_a_page_is_whole(stores: Stores) -> None:
    users = [User("acme", f"user-{number}", name="x" * 300_000) for number in range(8)]

    async def story() -> list[User]:
        for user in users:
            await stores.directory.put(user)
        return await stores.directory.list_users("acme")

    assert await story() == users


async def test_a_separator_in_a_name_leads_nowhere_else(stores: Stores) -> None:
    await stores.directory.put(User("acme#USERS", "ann"))
    await stores.directory.put(Grant("acme", "guide#x", "group:a#b", 1))
    assert await stores.directory.list_users("acme") == []
    assert await stores.directory.grants_on("acme", "guide#x") == [Grant("acme", "guide#x", "group:a#b", 1)]
    assert await stores.directory.grants_on("acme", "guide") == []


@pytest.mark.parametrize(
    ("record", "principal"),
    [
        (User("acme", "a#b"), "user:a#b"),
        (Role("acme", "STAFF"), "role:STAFF"),
        (Group("acme", "staff"), "group:staff"),
    ],
)
async def test_a_deleted_user_role_or_group_takes_its_grants_along_and_no_others(
    stores: Stores, record: User | Role | Group, principal: str
) -> None:
    async def story() -> tuple[bool, bool, list[Grant], list[str]]:
        directory = stores.directory
        for kept in (record, User("acme", "staff"), Role("acme", "staff"), Group("other", "staff")):
            await directory.put(kept)
        for number in range(30):
            await directory.put_agent(replace(GUIDE, id=f"agent-{number:02}"))
            await directory.put(Grant("acme", f"agent-{number:02}", principal, 1))
        await directory.put(Grant("acme", "agent-00", PUBLIC, 1))
        first, second = await directory.delete(record), await directory.delete(record)
        lists = [directory.list_users("acme"), directory.list_roles("acme"), directory.list_groups("acme")]
        left = [f"{type(one).__name__} {one.id}" for listed in lists for one in await listed]
        return (
            first,
            second,
            [one for n in range(30) for one in await directory.grants_on("acme", f"agent-{n:02}")],
            left,
        )

    first, second, grants, left = await story()
    assert (first, second) == (True, False)
    assert {grant.principal for grant in grants} == {"user:ann", PUBLIC}
    assert f"{type(record).__name__} {record.id}" not in left
    assert {"User staff", "Role staff"} <= set(left)
    assert [group.id for group in await stores.directory.list_groups("other")] == ["staff"]


async def test_records_of_each_kind_are_listed_in_pages_by_id(stores: Stores) -> None:
    for name in ("b", "a", "Z"):
        for record in (User("acme", name), Group("acme", name), Role("acme", name)):
            await stores.directory.put(record)
        await stores.directory.put_agent(replace(GUIDE, id=name))
    for kind, ids in ((User, "Z a b"), (Group, "Z a b"), (Agent, "Z a b"), (Role, "ADMIN USER Z a b")):
        assert await _walked(stores, kind) == ids.split()


async def _walked(stores: Stores, kind: type) -> list[str]:
    found, page = [], await stores.directory.some(kind, "acme", 2)
    while True:
        found += [record.id for record in page.records]
        if not page.more:
            return found
        assert len(page.records) == 2
        page = await stores.directory.some(kind, "acme", 2, after=found[-1])


async def test_a_record_is_found_by_its_kind_and_id_in_its_tenant_alone(stores: Stores) -> None:
    await stores.directory.put(ANN)
    assert await stores.directory.find(User, "acme", "ann") == ANN
    assert await stores.directory.find(Group, "acme", "ann") is None
    assert await stores.directory.find(User, "other", "ann") is None
    assert await stores.directory.find(User, "acme", "x" * 2000) is None
    admin = await stores.directory.find(Role, "acme", "ADMIN")
    assert admin is not None
    assert len(admin.remote_agents) == 4


async def test_grants_on_an_agent_are_listed_in_pages_by_principal(stores: Stores) -> None:
    await stores.directory.put_agent(GUIDE)
    for name in ("bob", "eve"):
        await stores.directory.put(Grant("acme", "guide", f"user:{name}", 1))
    first = await stores.directory.some_grants("acme", "guide", 2)
    second = await stores.directory.some_grants("acme", "guide", 2, after=first.records[-1].principal)
    assert [grant.principal for grant in first.records] == ["user:ann", "user:bob"]
    assert second.records == [Grant("acme", "guide", "user:eve", 1)]
    assert (first.more, second.more) == (True, False)


async def test_the_first_agents_of_several_principals_are_listed_with_all_their_bits(stores: Stores) -> None:
    for number in range(6):
        await stores.directory.put_agent(Agent("acme", f"a{number}", "p", "m", author="ann"))
        await stores.directory.put(Grant("acme", f"a{number}", PUBLIC, 1))
        await stores.directory.put(Grant("acme", f"a{number}", "user:ann", 2 if number % 2 else 0))
    found = await stores.directory.agents("acme", [PUBLIC, "user:ann"], 3)
    assert [(agent.id, bits) for agent, bits in found] == [("a0", 1), ("a1", 3), ("a2", 1)]
    assert len(await stores.directory.agents("acme", [PUBLIC, "user:ann"], 10)) == 6
