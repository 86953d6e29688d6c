from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.ids import Place, branch_response_id, first_response_id, next_response_id, parse_response_id
from antiphon.records import (
    STRETCH_BYTES,
    Agent,
    Key,
    Limits,
    Owner,
    Role,
    StoredResponse,
    Stretch,
    Tenant,
    User,
    dump,
    lineage_after,
    load,
)

RECORDS: list[Any] = [
    Tenant("acme"),
    Tenant("acme", Limits(providers=(), models=("a",), defaults={"top_p": 0.5}, maximums={"temperature": 1.0})),
    Role("acme", "WRITER", frozenset({"USE", "CREATE"}), Limits(retention_days=3)),
    User("acme", "ann", name="A\x00\N{PILE OF POO}", groups=("staff", "board")),
    Key("00", "key_00", "acme", "ann", "ap_x", expires_at=5, revoked_at=0, agents=(), read_only=True),
    Agent("acme", "guide", "openai", "gpt", author="ann", parameters={"a": [1, None]}, tools=({"b": {"c": 1.5}},)),
    Stretch("a" * 22, 0, 9, 123, 4),
]


@dataclass(frozen=True)
class Turn:
    """One turn of a made-up tree: which earlier turn it continues, its size, and its parts."""

    parent: int
    size: int
    chunks: int


TREES = st.lists(
    st.builds(
        Turn,
        parent=st.integers(0, 10_000),
        size=st.integers(1, 2 * STRETCH_BYTES) | st.integers(1, 3000),
        chunks=st.sampled_from([0, 0, 0, 1, 5]),
    ),
    min_size=1,
    max_size=40,
)


def grow(tree: list[Turn]) -> tuple[list[StoredResponse], list[list[int]]]:
    """Make the turns of a tree, each continuing an earlier one in place or beside, with the ancestors of each."""
    turns: list[StoredResponse] = []
    ancestors: list[list[int]] = []
    taken: set[Place | None] = set()
    for number, turn in enumerate(tree):
        parent = turn.parent % number if number else None
        before = turns[parent] if parent is not None else None
        new = _id(before, taken)
        taken.add(parse_response_id(new))
        turns.append(_turn(new, before, turn))
        ancestors.append([*ancestors[parent], parent] if parent is not None else [])
    return turns, ancestors


def _id(before: StoredResponse | None, taken: set[Place | None]) -> str:
    if before is None:
        return first_response_id(secrets.token_bytes)
    following = next_response_id(before.id, secrets.token_bytes)
    free = parse_response_id(following) not in taken
    return following if free else branch_response_id(before.id, secrets.token_bytes)


def _turn(new: str, before: StoredResponse | None, turn: Turn) -> StoredResponse:
    return StoredResponse(
        owner=Owner("acme", "ann"),
        id=new,
        agent="guide",
        status="completed",
        created_at=0,
        expires_at=None,
        lease="",
        lease_until=0.0,
        lineage=lineage_after(before) if before else (),
        input=[],
        response={"previous_response_id": before.id if before else None},
        size=turn.size,
        chunks=turn.chunks,
    )


def _places(lineage: tuple[Stretch, ...]) -> list[Place]:
    return [Place(part.segment, depth) for part in lineage for depth in range(part.first, part.last + 1)]


@given(TREES)
def test_a_lineage_covers_exactly_the_ancestors_in_order(tree: list[Turn]) -> None:
    turns, ancestors = grow(tree)
    for turn, before in zip(turns, ancestors, strict=True):
        assert _places(turn.lineage) == [parse_response_id(turns[number].id) for number in before]
        assert sum(part.size for part in turn.lineage) == sum(turns[number].size for number in before)


@given(TREES)
def test_a_stretch_of_several_turns_fits_a_page_and_a_cut_turn_stands_alone(tree: list[Turn]) -> None:
    for turn in grow(tree)[0]:
        for part in turn.lineage:
            assert part.first == part.last or (part.size <= STRETCH_BYTES and part.chunks == 0)


def test_small_turns_of_one_segment_are_one_stretch() -> None:
    turns, _ = grow([Turn(max(0, number - 1), 100, 0) for number in range(30)])
    assert [(part.first, part.last, part.size) for part in turns[-1].lineage] == [(0, 28, 2900)]


def test_what_is_no_response_id_has_no_lineage() -> None:
    turns, _ = grow([Turn(0, 1, 0)])
    with pytest.raises(ValueError, match="not a response id"):
        lineage_after(replace(turns[0], id="resp_x"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_from_its_document_as_it_was(record: Any) -> None:
    assert load(type(record), dump(record)) == record
    assert load(type(record), dump(record).decode()) == record


@given(st.text(), st.tuples(st.text(), st.text()), st.integers(0, 2**40))
def test_any_text_in_a_record_comes_back_as_it_was(text: str, groups: tuple[str, ...], at: int) -> None:
    user = User("acme", text, name=text, groups=groups)
    key = Key(text, "id", "acme", text, "prefix", created_at=at, agents=groups)
    assert load(User, dump(user)) == user
    assert load(Key, dump(key)) == key


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b'{"tenant": "acme", "id": 5}'])
def test_a_document_of_another_kind_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError):
        load(User, document)
