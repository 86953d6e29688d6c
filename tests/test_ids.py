from __future__ import annotations

import random
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.ids import (
    ALPHABET,
    CONVERSATION_DEPTH,
    MAX_DEPTH,
    Place,
    added_id,
    base62,
    branch_response_id,
    checksum,
    first_response_id,
    from_base62,
    item_id,
    next_response_id,
    parse_conversation_id,
    parse_item_id,
    parse_response_id,
    random_base62,
    request_id,
    response_id,
)

SEGMENTS = st.text(ALPHABET, min_size=22, max_size=22)
DEPTHS = st.integers(0, MAX_DEPTH)
PLACES = st.builds(Place, SEGMENTS, DEPTHS)
KINDS = st.sampled_from(["message", "function_call", "function_call_output", "reasoning", "compaction"])


@given(st.integers(0, 62**12 - 1))
def test_a_number_comes_back_from_base_62(number: int) -> None:
    assert from_base62(base62(number, 12)) == number


@given(st.integers(0, 62**5 - 1), st.integers(0, 62**5 - 1))
def test_numbers_in_base_62_sort_as_numbers(one: int, other: int) -> None:
    assert (base62(one, 5) < base62(other, 5)) == (one < other)


@given(PLACES)
def test_a_response_id_carries_its_place(place: Place) -> None:
    assert parse_response_id(response_id(place, secrets.token_bytes)) == place


@given(PLACES)
def test_two_ids_of_one_place_differ(place: Place) -> None:
    assert response_id(place, random.Random(1).randbytes) != response_id(place, random.Random(2).randbytes)


def test_the_same_entropy_gives_the_same_id() -> None:
    assert first_response_id(random.Random(1).randbytes) == first_response_id(random.Random(1).randbytes)


@given(st.builds(Place, SEGMENTS, st.integers(0, CONVERSATION_DEPTH - 2)))
def test_a_next_turn_is_one_deeper_and_a_branch_is_so_in_a_new_segment(place: Place) -> None:
    previous = response_id(place, secrets.token_bytes)
    following = parse_response_id(next_response_id(previous, secrets.token_bytes))
    branch = parse_response_id(branch_response_id(previous, secrets.token_bytes))
    assert following == Place(place.segment, place.depth + 1)
    assert branch is not None
    assert branch.depth == place.depth + 1
    assert branch.segment != place.segment


@given(SEGMENTS, st.integers(0, 1000))
def test_what_continues_a_turn_of_a_conversation_is_beside_the_conversation(segment: str, number: int) -> None:
    added = added_id(segment, number, secrets.token_bytes)
    assert parse_conversation_id(f"conv_{segment}") == segment
    assert parse_response_id(added) == Place(segment, CONVERSATION_DEPTH + number)
    following = parse_response_id(next_response_id(added, secrets.token_bytes))
    assert following is not None
    assert following.segment != segment
    assert (following.depth, following.in_conversation) == (number + 1, False)


@given(st.text() | st.from_regex(r"(conv|resp)_[0-9A-Za-z]{21,23}", fullmatch=True))
def test_only_conversation_ids_are_parsed(text: str) -> None:
    segment = parse_conversation_id(text)
    assert (segment is not None) == (text.startswith("conv_") and len(text) == 27 and text.isascii())


def test_a_first_turn_has_no_depth() -> None:
    place = parse_response_id(first_response_id(secrets.token_bytes))
    assert place is not None
    assert place.depth == 0


@given(st.text() | st.from_regex(r"resp_[0-9A-Za-z]{28,34}", fullmatch=True))
def test_only_strings_of_the_right_length_and_alphabet_are_response_ids(text: str) -> None:
    code = text.removeprefix("resp_")
    right = text.startswith("resp_") and len(code) == 31 and set(code) <= set(ALPHABET)
    assert (parse_response_id(text) is not None) == right


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resp_",
        "RESP_" + "0" * 31,
        "resp_" + "0" * 31 + "\n",
        "resp_" + "0" * 30 + "é",
        "resp_" + "\u0660" * 31,
        "../x",
    ],
)
def test_a_foreign_string_is_no_response_id_and_has_no_successor(text: str) -> None:
    assert parse_response_id(text) is None
    with pytest.raises(ValueError, match="not a response id"):
        next_response_id(text, secrets.token_bytes)
    with pytest.raises(ValueError, match="not a response id"):
        branch_response_id(text, secrets.token_bytes)


@given(PLACES, KINDS, st.sampled_from("io"), st.integers(0, MAX_DEPTH))
def test_an_item_id_carries_its_response_its_side_and_its_index(place: Place, kind: str, side: str, index: int) -> None:
    response = response_id(place, secrets.token_bytes)
    assert parse_item_id(item_id(response, kind, side, index)) == (response, side, index)


@given(st.text())
def test_a_foreign_string_is_no_item_id(text: str) -> None:
    assert parse_item_id(text) is None
    assert parse_item_id("msg_" + text) is None


@given(st.integers(1, 60))
def test_random_characters_are_as_many_as_asked_for(length: int) -> None:
    drawn = random_base62(secrets.token_bytes, length)
    assert len(drawn) == length
    assert set(drawn) <= set(ALPHABET)


def test_random_characters_use_the_whole_alphabet_evenly() -> None:
    entropy = random.Random(1).randbytes
    drawn = "".join(random_base62(entropy, 62) for _ in range(1000))
    assert {letter for letter in ALPHABET if not 850 < drawn.count(letter) < 1150} == set()


@given(st.text())
def test_a_checksum_is_six_characters(text: str) -> None:
    assert len(checksum(text)) == 6
    assert set(checksum(text)) <= set(ALPHABET)


def test_a_checksum_is_the_crc_32_of_the_text() -> None:
    assert from_base62(checksum("123456789")) == 0xCBF43926  # the check value of CRC-32/ISO-HDLC


def test_a_request_id_is_drawn_anew() -> None:
    assert request_id(random.Random(1).randbytes) != request_id(random.Random(2).randbytes)
    assert request_id(secrets.token_bytes).startswith("req_")
