from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import ChainTooLarge
from antiphon.records import Stretch
from antiphon.store.turns import check_size, is_expired, pack, unpack, unpack_document, whole_chain
from tests.support.stored import NOW, as_read, claimed, ended, noise

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.booleans())
def test_any_content_comes_back_as_it_was(content: dict[str, Any], large: bool) -> None:
    turn = replace(claimed(), input=[{"text": noise(5000) if large else "", **content}], response=content)
    packed = pack(turn)
    assert unpack(packed.document, packed.body, size=7, chunks=2) == replace(turn, size=7, chunks=2)


def test_half_of_a_surrogate_pair_comes_back_as_it_was() -> None:
    turn = claimed(input=[{"text": "\ud83d"}])
    packed = pack(turn)
    assert unpack(packed.document, packed.body, size=0) == turn


def test_a_document_holds_all_but_the_content() -> None:
    turn = claimed(lineage=(Stretch("a" * 22, 0, 3, 700), Stretch("b" * 22, 4, 4, 9, 2)))
    assert unpack_document(pack(turn).document) == replace(turn, input=[], response={})


def test_an_ended_turn_comes_back_without_its_lease() -> None:
    turn = ended(claimed())
    packed = pack(turn)
    assert unpack(packed.document, packed.body, size=0) == as_read(turn)


def test_a_tag_names_content_status_and_lease() -> None:
    turn = claimed()
    others = [ended(turn), replace(turn, lease="x"), ended(turn, "other"), replace(ended(turn), lease="x")]
    assert len({pack(other).tag for other in (turn, *others)}) == 5
    assert pack(turn).tag == pack(claimed()).tag


@pytest.mark.parametrize(("at", "expired"), [(None, False), (NOW - 1, True), (NOW, True), (NOW + 1, False)])
def test_something_expires_at_its_time(at: int | None, expired: bool) -> None:
    assert is_expired(at, NOW) is expired


def test_the_size_of_a_chain_is_that_of_all_its_turns() -> None:
    lineage = [Stretch("a" * 22, 0, 3, 70), Stretch("b" * 22, 4, 4, 20)]
    check_size(lineage, 10, 100)
    with pytest.raises(ChainTooLarge):
        check_size(lineage, 11, 100)


def test_a_chain_has_every_turn_in_its_place() -> None:
    first = ended(claimed())
    second = ended(claimed(first, seed=1))
    third = ended(claimed(second, seed=2))
    stranger = ended(claimed(first, seed=3))
    assert whole_chain([first], NOW) == [first]
    assert whole_chain([first, second, third], NOW) == [first, second, third]
    for broken in (
        [second],
        [second, third],
        [first, third],
        [first, stranger, third],
        [second, first],
        [first, first],
    ):
        assert whole_chain(broken, NOW) is None
