from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.access.keys import digest, make_key, record
from antiphon.errors import AlreadyExists
from antiphon.records import Key
from tests.support.stored import NOW, Stores, entropy


def key(seed: int = 0, tenant: str = "acme", now: int = NOW, expires_at: int | None = None) -> Key:
    return record(make_key("test", entropy(seed)), tenant=tenant, user="ann", now=now, expires_at=expires_at)


async def test_a_kept_key_is_read_by_its_digest(stores: Stores) -> None:
    secret = make_key("test", entropy(0))
    kept = record(
        secret, tenant="acme", user="ann", now=NOW, name="ci", expires_at=NOW + 5, agents=("guide",), read_only=True
    )
    await stores.keys.add(kept)
    assert await stores.keys.get(digest(secret)) == kept


async def test_an_unknown_digest_is_no_key(stores: Stores) -> None:
    assert (await stores.keys.get("0" * 64)) is None


async def test_the_key_itself_is_no_digest(stores: Stores) -> None:
    secret = make_key("test", entropy(0))
    await stores.keys.add(record(secret, tenant="acme", user="ann", now=NOW))
    assert await stores.keys.get(secret) is None


async def test_a_digest_is_kept_once_and_the_first_key_stays(stores: Stores) -> None:
    first, second = key(), key(tenant="other")
    await stores.keys.add(first)
    with pytest.raises(AlreadyExists):
        await stores.keys.add(second)
    assert await stores.keys.get(first.digest) == first


async def test_a_list_gives_a_tenants_keys_newest_first_with_revoked_and_expired_ones(stores: Stores) -> None:
    for seed in range(3):
        await stores.keys.add(key(seed, now=NOW + seed, expires_at=NOW + 10))
    await stores.keys.add(key(9, tenant="other"))
    await stores.keys.revoke("acme", key(1).id, NOW + 7)
    listed = await stores.keys.list("acme")
    assert [found.created_at for found in listed] == [NOW + 2, NOW + 1, NOW]
    assert [found.revoked_at for found in listed] == [None, NOW + 7, None]


async def test_a_tenant_without_keys_lists_none(stores: Stores) -> None:
    assert await stores.keys.list("nobody") == []


async def test_a_revoked_key_says_since_when_and_a_second_revocation_changes_nothing(stores: Stores) -> None:
    async def story() -> list[Key | None]:
        await stores.keys.add(key())
        first = await stores.keys.revoke("acme", key().id, NOW + 1)
        second = await stores.keys.revoke("acme", key().id, NOW + 2)
        return [first, second, await stores.keys.get(key().digest)]

    assert {found.revoked_at if found else None for found in (await story())} == {NOW + 1}


async def test_nobody_revokes_a_key_of_another_tenant(stores: Stores) -> None:
    await stores.keys.add(key())
    assert await stores.keys.revoke("other", key().id, NOW) is None
    assert await stores.keys.get(key().digest) == key()


async def test_an_unknown_key_cannot_be_revoked(stores: Stores) -> None:
    assert (await stores.keys.revoke("acme", "key_none", NOW)) is None


async def test_the_last_use_of_each_key_is_known_and_never_goes_back(stores: Stores) -> None:
    async def story() -> tuple[dict[str, int], dict[str, int]]:
        await stores.keys.touch("acme", "aa", NOW + 5)
        await stores.keys.touch("acme", "aa", NOW + 9)
        await stores.keys.touch("acme", "aa", NOW + 7)
        await stores.keys.touch("acme", "bb", NOW)
        await stores.keys.touch("other", "cc", NOW)
        return await stores.keys.last_used("acme", ["aa", "bb", "zz", "cc"]), await stores.keys.last_used(
            "empty", ["aa"]
        )

    assert await story() == ({"aa": NOW + 9, "bb": NOW}, {})


async def test_a_separator_in_a_tenants_name_leads_to_no_other_tenant(stores: Stores) -> None:
    await stores.keys.add(key(tenant="acme#KEYS"))
    await stores.keys.touch("a#b", "aa", NOW)
    assert await stores.keys.list("acme") == []
    assert await stores.keys.last_used("a", ["aa"]) == {}
    assert await stores.keys.list("acme#KEYS") == [key(tenant="acme#KEYS")]


async def test_keys_are_listed_in_pages_newest_first_and_each_page_goes_on_where_the_last_ended(stores: Stores) -> None:
    for seed in range(5):
        await stores.keys.add(key(seed, now=NOW + seed // 2))
    first = await stores.keys.some("acme", 2)
    second = await stores.keys.some("acme", 2, after=first.records[-1])
    third = await stores.keys.some("acme", 2, after=second.records[-1])
    assert [page.more for page in (first, second, third)] == [True, True, False]
    listed = [*first.records, *second.records, *third.records]
    assert len({found.id for found in listed}) == 5
    assert [found.created_at for found in listed] == [NOW + 2, NOW + 1, NOW + 1, NOW, NOW]


async def test_the_keys_of_one_user_are_listed_in_pages(stores: Stores) -> None:
    for seed in range(4):
        await stores.keys.add(replace(key(seed, now=NOW + seed), user=("ann", "bob")[seed % 2]))
    first = await stores.keys.some("acme", 1, user="bob")
    second = await stores.keys.some("acme", 1, user="bob", after=first.records[0])
    assert [found.created_at for found in (*first.records, *second.records)] == [NOW + 3, NOW + 1]
    assert (first.more, second.more) == (True, False)
    assert (await stores.keys.some("other", 9)).records == []


async def test_a_revocation_shows_in_a_page_of_keys(stores: Stores) -> None:
    await stores.keys.add(key())
    await stores.keys.revoke("acme", key().id, NOW + 1)
    assert [found.revoked_at for found in (await stores.keys.some("acme", 9)).records] == [NOW + 1]
    assert [found.revoked_at for found in (await stores.keys.some("acme", 9, user="ann")).records] == [NOW + 1]


async def test_a_key_is_found_by_its_id_in_its_tenant_alone(stores: Stores) -> None:
    await stores.keys.add(key())
    assert await stores.keys.find("acme", key().id) == key()
    assert await stores.keys.find("other", key().id) is None


async def test_a_new_key_whose_first_write_got_no_answer_is_written(dynamodb: Stores) -> None:
    """The store's client sends a write again that got no answer; then the condition meets the first one."""
    await dynamodb.keys.add(key())
    await dynamodb.keys.add(key())
    with pytest.raises(AlreadyExists):
        await dynamodb.keys.add(replace(key(), name="another"))
