from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st

from antiphon.ports import Subject
from antiphon.records import Owner, Period, Stretch
from antiphon.store.dynamodb.layout import (
    bounds,
    collection,
    depth,
    grants_of,
    grants_on,
    is_id,
    meter,
    part,
    parts,
    turns,
    used,
)

WORDS = st.text(st.sampled_from("a#%23T"), max_size=6)
SEGMENT = "0" * 22
MINUTE = Period("requests", 60, 1)


@given(WORDS, WORDS, WORDS, WORDS)
@example("a#b", "c", "a", "b#c")
@example("a%23b", "c", "a#b", "c")
def test_two_owners_never_share_a_partition(tenant: str, user: str, tenant2: str, user2: str) -> None:
    one, other = Owner(tenant, user), Owner(tenant2, user2)
    assert (turns(one, SEGMENT) == turns(other, SEGMENT)) == (one == other)
    mine, theirs = Subject(tenant, "user", user), Subject(tenant2, "user", user2)
    assert (meter(mine, MINUTE) == meter(theirs, MINUTE)) == (one == other)


@given(WORDS, WORDS, WORDS, WORDS)
@example("a", "b#AGENTS", "a#PRIN#b", "")
def test_two_tenants_never_share_a_partition(tenant: str, name: str, tenant2: str, name2: str) -> None:
    assume(tenant != tenant2)
    mine = {collection(tenant, "AGENTS"), grants_of(tenant, name), grants_on(tenant, name), used(tenant)}
    theirs = {collection(tenant2, "AGENTS"), grants_of(tenant2, name2), grants_on(tenant2, name2), used(tenant2)}
    assert not mine & theirs


@given(WORDS, WORDS, WORDS)
def test_the_partitions_of_one_tenant_are_apart(tenant: str, name: str, name2: str) -> None:
    names = [collection(tenant, kind) for kind in ("TENANT", "USERS", "ROLES", "GROUPS", "AGENTS", "KEYS")]
    assert len({*names, grants_of(tenant, name), grants_on(tenant, name2), used(tenant)}) == 9
    assert (grants_of(tenant, name) == grants_of(tenant, name2)) == (name == name2)


@given(st.integers(0, 62**3 - 1), st.integers(0, 62**3 - 1))
def test_depths_sort_as_numbers_and_parts_sort_behind_all_of_them(one: int, other: int) -> None:
    assert (depth(one) < depth(other)) == (one < other)
    assert bounds(Stretch(SEGMENT, 0, one, 0)) == (depth(0), depth(one))
    assert parts(one) > depth(other)
    assert part(one, 1).startswith(parts(one))


@given(st.text())
def test_an_id_fits_a_key(text: str) -> None:
    assert is_id(text) == (0 < len(text.encode()) <= 512)
