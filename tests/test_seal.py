"""What is sealed opens for its own binding alone, with any of the keys, and not once anything of it was changed."""

from __future__ import annotations

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.seal import Binding, Seal, read_keys

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
BINDING = Binding("reasoning", "t", "u")
SEALED = Seal([OLD], bytes).seal("What I thought.", BINDING)
LIMIT = 1000


def opened(sealed: str, binding: Binding = BINDING, keys: tuple[bytes, ...] = (OLD,)) -> str | None:
    return Seal(keys, secrets.token_bytes).open(sealed, binding, LIMIT)


@given(st.text(max_size=LIMIT // 4))
def test_what_was_sealed_opens_in_another_instance(text):
    assert opened(Seal([OLD], secrets.token_bytes).seal(text, BINDING)) == text


@pytest.mark.parametrize("field", Binding._fields)
def test_what_is_for_somebody_or_something_else_does_not_open(field):
    assert opened(SEALED, BINDING._replace(**{field: "other"})) is None


def test_names_cannot_run_into_each_other():
    sealed = Seal([OLD], secrets.token_bytes).seal("x", Binding("p", "ab", "c"))
    assert opened(sealed, Binding("p", "a", "bc")) is None


@pytest.mark.parametrize("place", range(len(SEALED)))
def test_no_character_can_be_changed(place):
    for other in "Az0-":
        if other != SEALED[place]:
            assert opened(SEALED[:place] + other + SEALED[place + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "A", "é", "\ud800", SEALED[:-4], SEALED + "AAAA", SEALED + "=", SEALED + "\n", "A" * 99]
)
def test_anything_else_does_not_open(text):
    assert opened(text) is None


def test_after_a_rotation_the_old_content_opens_and_new_content_has_the_new_key():
    assert opened(SEALED, keys=(NEW, OLD)) == "What I thought."
    fresh = Seal([NEW, OLD], secrets.token_bytes).seal("x", BINDING)
    assert opened(fresh, keys=(NEW,)) == "x"
    assert opened(fresh, keys=(OLD,)) is None


def test_the_same_text_is_never_sealed_to_the_same():
    seal = Seal([OLD], secrets.token_bytes)
    assert seal.seal("x", BINDING) != seal.seal("x", BINDING)


def test_what_would_open_to_more_than_the_limit_is_not_opened():
    sealed = Seal([OLD], secrets.token_bytes).seal("a" * 1_000_000, BINDING)
    assert len(sealed) < 2000
    assert opened(sealed) is None


def test_keys_are_read_newest_first():
    text = f"{base64.b64encode(NEW).decode()}, {base64.urlsafe_b64encode(OLD).decode()}"
    assert read_keys(text) == (NEW, OLD)


@pytest.mark.parametrize("text", ["", "hunter2", "A" * 40, base64.b64encode(bytes(31)).decode(), "é" * 64])
def test_keys_that_are_malformed_or_short_are_refused(text):
    with pytest.raises(ValueError):
        read_keys(text)
