from __future__ import annotations

import hashlib
import random
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.access.keys import digest, is_key, make_key, record
from antiphon.ids import ALPHABET, checksum

ENVIRONMENTS = st.from_regex(r"[a-z0-9]{1,16}", fullmatch=True)
KEY = make_key("prod", random.Random(1).randbytes)


@given(ENVIRONMENTS)
def test_a_made_key_has_a_keys_form(environment: str) -> None:
    key = make_key(environment, secrets.token_bytes)
    assert is_key(key)
    assert key.startswith(f"ap_{environment}_")


@given(st.integers(0, len(KEY) - 1), st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_noticed(place: int, character: str) -> None:
    mistyped = KEY[:place] + character + KEY[place + 1 :]
    assert is_key(mistyped) == (mistyped == KEY)


@given(st.integers(3, len(KEY) - 2))
def test_two_swapped_neighbours_are_noticed(place: int) -> None:
    swapped = KEY[:place] + KEY[place + 1] + KEY[place] + KEY[place + 2 :]
    assert is_key(swapped) == (swapped == KEY)


@given(st.text())
def test_other_text_is_no_key(text: str) -> None:
    assert not is_key(text)
    assert not is_key(text + checksum(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ap_",
        f" {KEY}",
        f"{KEY}\n",
        f"{KEY}\x00",
        KEY.upper(),
        KEY * 200,
        digest(KEY),
        KEY[:-1],
        KEY.replace("ap", "sk"),
    ],
)
def test_what_looks_like_a_key_is_none(text: str) -> None:
    assert not is_key(text)


def test_two_keys_differ() -> None:
    assert make_key("prod", random.Random(1).randbytes) != make_key("prod", random.Random(2).randbytes)


def test_a_record_holds_the_digest_and_a_short_prefix_and_never_the_key() -> None:
    kept = record(KEY, tenant="acme", user="ann", now=5, name="ci", expires_at=9, agents=("guide",), read_only=True)
    secret = KEY.rpartition("_")[2]
    assert kept.digest == hashlib.sha256(KEY.encode()).hexdigest()
    assert kept.prefix == f"ap_prod_{secret[:4]}"
    assert secret not in repr(kept)
    assert (kept.tenant, kept.user, kept.created_at, kept.name) == ("acme", "ann", 5, "ci")
    assert (kept.expires_at, kept.revoked_at, kept.agents, kept.read_only) == (9, None, ("guide",), True)


def test_records_of_two_keys_have_two_ids() -> None:
    other = record(make_key("prod", random.Random(2).randbytes), tenant="acme", user="ann", now=5)
    assert record(KEY, tenant="acme", user="ann", now=5).id != other.id
