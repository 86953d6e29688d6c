"""Blocks whose events interleave come out one after the other, whatever the interleaving."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from antiphon.ports import Delta, TextDelta
from antiphon.providers.blocks import PATIENCE, Blocks

Events = list[tuple[int, str, bool]]


def read(events: Events, *, free: frozenset[int] = frozenset()) -> str:
    def handle(place: Any, event: str, deltas: list[Delta]) -> None:
        if place in free:
            blocks.free(place)
        deltas.append(TextDelta(event))

    blocks: Blocks[str] = Blocks(handle)
    deltas: list[Delta] = []
    for place, event, ends in events:
        blocks.take(place, event, deltas, ends=ends)
    blocks.finish(deltas)
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def block(place: int, count: int, *, ends: bool = True) -> Events:
    return [(place, f"{place}", ends and n == count - 1) for n in range(count)]


@st.composite
def interleaved(draw: st.DrawFn) -> Events:
    """Draw blocks of at most 5 events, each with its end, in any interleaving."""
    left = [block(place, draw(st.integers(1, 5))) for place in range(draw(st.integers(1, 3)))]
    events: Events = []
    while any(left):
        events.append(draw(st.sampled_from([events for events in left if events])).pop(0))
    return events


@given(interleaved())
def test_blocks_come_whole_and_in_the_order_in_which_they_begin(events: Events) -> None:
    order = list(dict.fromkeys(place for place, _, _ in events))
    counts = {place: sum(each[0] == place for each in events) for place in order}
    assert read(events) == "".join(str(place) * counts[place] for place in order)


def test_a_block_without_an_end_holds_others_up_for_a_while_only() -> None:
    taken: list[Delta] = []
    blocks: Blocks[str] = Blocks(lambda _place, event, deltas: deltas.append(TextDelta(event)))
    blocks.take(0, "a", taken)
    for _ in range(PATIENCE - 1):
        blocks.take(1, "b", taken)
    assert taken == [TextDelta("a")]
    blocks.take(1, "b", taken)
    assert taken == [TextDelta("a"), *[TextDelta("b")] * PATIENCE]
    blocks.take(1, "b", taken)
    assert len(taken) == PATIENCE + 2, "the next one streams"


def test_what_comes_too_late_follows_the_block_that_is_open() -> None:
    late = [*block(0, 1, ends=False), *block(1, PATIENCE, ends=False), (0, "0", True), (1, "1", True)]
    assert read(late) == "0" + "1" * (PATIENCE + 1) + "0"


def test_function_calls_interleave_once_no_text_is_open() -> None:
    calls = [(1, "1", False), (2, "2", False), (1, "1", True), (2, "2", True)]
    assert read([(0, "0", False), *calls, (0, "0", True)], free=frozenset({1, 2})) == "001212"
