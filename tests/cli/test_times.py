"""Expiry as people write it."""

from __future__ import annotations

import pytest

from cli.output import Refused, moment
from cli.times import expiry

NOW = 1_700_000_000  # 2023-11-14T22:13:20Z


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("30m", NOW + 1800),
        ("12h", NOW + 43_200),
        ("90d", NOW + 7_776_000),
        ("2w", NOW + 1_209_600),
        ("2023-11-15", 1_700_006_400),
        ("2023-11-15T00:00:00", 1_700_006_400),
        ("2023-11-15T00:00:00Z", 1_700_006_400),
        ("2023-11-15T01:00:00+01:00", 1_700_006_400),
    ],
)
def test_a_span_counts_from_now_and_a_date_is_its_first_moment_in_utc(text, at):
    assert expiry(text, NOW) == at


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1.5d", "90", "90y", "soon", "2023-13-01", "9999999d"])
def test_what_is_neither_span_nor_date_is_refused(text):
    with pytest.raises(Refused, match="neither a span"):
        expiry(text, NOW)


@pytest.mark.parametrize("text", ["2023-11-14", "1970-01-01", "2023-11-14T22:13:20Z", "999999w", "9999-12-31"])
def test_what_is_past_or_centuries_away_is_refused(text):
    with pytest.raises(Refused, match="is past"):
        expiry(text, NOW)


def test_a_time_is_shown_in_utc_to_the_minute():
    assert (moment(NOW), moment(None)) == ("2023-11-14 22:13Z", "")
