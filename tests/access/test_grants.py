"""Levels, bits and the form of principals."""

from __future__ import annotations

import re

import pytest

from antiphon.access.grants import PRINCIPAL, level_of, read_level


@pytest.mark.parametrize(
    ("text", "bits"), [("viewer", 1), ("editor", 3), ("owner", 15), ("1", 1), ("5", 5), ("15", 15)]
)
def test_a_level_is_a_name_or_the_bits_themselves(text, bits):
    assert read_level(text) == bits


@pytest.mark.parametrize("text", ["", "0", "16", "-1", "1.0", "VIEWER", "king", "²"])
def test_what_is_no_level_is_refused(text):
    with pytest.raises(ValueError, match="a level is viewer, editor, owner or a number from 1 to 15"):
        read_level(text)


@pytest.mark.parametrize("bits", range(1, 16))
def test_bits_are_read_back_from_the_name_of_their_level(bits):
    assert read_level(level_of(bits)) == bits


@pytest.mark.parametrize("text", ["public", "user:ada", "user:ada@example.com", "group:a|b", "role:ADMIN"])
def test_principals_have_a_kind_and_an_id(text):
    assert re.fullmatch(PRINCIPAL, text)


@pytest.mark.parametrize(
    "text", ["", "ada", "user:", "team:x", "public:x", "user:a b", "user:a#b", "user:a\n", "User:a"]
)
def test_what_is_no_principal_is_recognised(text):
    assert not re.fullmatch(PRINCIPAL, text)
