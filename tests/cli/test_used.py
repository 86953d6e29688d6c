"""`antiphon usage`: who used how much, from the roll-ups; and the limits of keys and agents."""

from __future__ import annotations

import asyncio

import pytest

from antiphon.bootstrap import build_stores
from antiphon.ports import Subject
from antiphon.settings import Settings

DAYS = ("--from", "2026-11-01", "--to", "2026-11-30")
SPENT = {"requests": 2, "input_tokens": 1500, "output_tokens": 40, "nanousd": 12_345_600}


@pytest.fixture
def used(file, tmp_path):
    """A deployment in which two users have used models on two days."""
    file.done("users", "put", "ada", "--role", "ADMIN")

    async def add() -> None:
        stores = build_stores(Settings(database=str(tmp_path / "antiphon.db")))
        for day, counters in (
            ("2026-11-28", SPENT),
            ("2026-11-29", {"requests": 1, "failed": 1, "error:model_error": 1}),
        ):
            subjects = [
                Subject("default", kind, name) for kind, name in (("user", "ada"), ("model", "up/m"), ("agent", "a"))
            ]
            await stores.usage.add("resp_1", day, 2_000_000_000, [(subject, counters) for subject in subjects])
        unpriced = {"requests": 1, "input_tokens": 9, "unpriced_tokens": 9}
        await stores.usage.add("resp_2", "2026-11-29", 2_000_000_000, [(Subject("default", "user", "bob"), unpriced)])
        await stores.aclose()

    asyncio.run(add())
    return file


def test_users_are_listed_with_who_cost_most_first(used):
    outcome = used("usage", *DAYS)
    header, first, second = outcome.out.splitlines()
    assert header.split() == ["USER", "REQUESTS", "FAILED", "INPUT", "CACHED", "OUTPUT", "REASONING", "TOOLS", "USD"]
    assert first.split() == ["ada", "3", "1", "1,500", "0", "40", "0", "0", "0.0123"]
    assert second.split() == ["bob", "1", "0", "9", "0", "0", "0", "0", "-"]
    assert "9 tokens are of models whose price is not known" in outcome.err


def test_the_json_form_has_errors_by_code_and_no_money_if_none_is_known(used):
    ada, bob = used.read("usage", *DAYS)
    assert (ada["id"], ada["usd"], ada["errors"]) == ("ada", 0.0123456, {"model_error": 1})
    assert (bob["usd"], bob["unpriced_tokens"]) == (None, 9)


@pytest.mark.parametrize(
    "options", [("--by", "day"), ("--by", "model", "--of", "up/m"), ("--by", "user", "--of", "ada")]
)
def test_days_are_listed_with_their_sum(used, options):
    lines = used.done("usage", *DAYS, *options).splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["2026-11-28", "2", "0"],
        ["2026-11-29", "1", "1"],
        ["all", "3", "1"],
    ]


def test_days_without_use_say_so(used):
    outcome = used("usage", "--from", "2026-10-01", "--to", "2026-10-31")
    assert (outcome.code, outcome.out) == (0, "")
    assert "nothing was used from 2026-10-01 to 2026-10-31" in outcome.err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--from", "yesterday"), "Write a day as 2026-11-29"),
        (("--from", "2026-11-30", "--to", "2026-11-01"), "366 days"),
        (("--from", "2020-01-01"), "366 days"),
        (("--by", "day", "--of", "ada"), "--of needs --by"),
    ],
)
def test_wrong_days_are_refused_with_their_form(used, options, problem):
    assert problem in used.refused("usage", *options)


def test_a_key_is_made_with_limits_and_its_limits_can_be_replaced(antiphon):
    antiphon.done("users", "put", "ada", "--role", "ADMIN")
    made = antiphon.read("keys", "create", "--user", "ada", "--tokens-per-day", "1000", "--usd-per-month", "2.5")
    assert made["limits"] == {"tokens_per_day": 1000, "usd_per_month": 2.5}
    changed = antiphon.read("keys", "limit", made["id"], "--requests-per-minute", "3")
    (listed,) = antiphon.read("keys", "list")
    assert changed["limits"] == listed["limits"] == {"requests_per_minute": 3}
    assert "requests_per_minute 3" in antiphon.done("keys", "limit", made["id"])
    assert "has no limits of its own" in antiphon.done("keys", "limit", made["id"], "--none")
    antiphon.done("keys", "revoke", made["id"], "--yes")
    assert "is revoked" in antiphon.refused("keys", "limit", made["id"], "--none")


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_what_cannot_be_a_limit_is_refused(antiphon, value):
    antiphon.done("users", "put", "ada", "--role", "ADMIN")
    assert "--tokens-per-day" in antiphon.refused("keys", "create", "--user", "ada", "--tokens-per-day", value)


def test_an_agents_limits_are_applied_and_shown(antiphon, tmp_path):
    antiphon.done("users", "put", "ada", "--role", "ADMIN")
    path = tmp_path / "agent.yaml"
    path.write_text("id: guide\nprovider: demo\nmodel: demo\nlimits: {tokens_per_month: 5000, usd_per_month: 1}\n")
    antiphon.done("agents", "apply", str(path), "--author", "ada")
    assert antiphon.read("agents", "show", "guide")["limits"] == {"tokens_per_month": 5000, "usd_per_month": 1.0}
    path.write_text("id: guide\nprovider: demo\nmodel: demo\nlimits: {tokens_per_month: 0}\n")
    assert "limits.tokens_per_month" in antiphon.refused("agents", "apply", str(path), "--author", "ada")


def test_the_days_of_one_user_come_with_the_limits_and_what_is_used_of_them(used, tmp_path):
    path = tmp_path / "limits.yaml"
    path.write_text("{tokens_per_month: 5000, requests_per_minute: 3}")
    used.done("tenants", "put", "default", "--limits", str(path))
    outcome = used("usage", *DAYS, "--of", "ada")
    assert "tokens_per_month: 0 of 5,000 is used; it begins anew at " in outcome.err or "1,540 of 5,000" in outcome.err
    assert "requests_per_minute is 3" in outcome.err
    assert [limit["name"] for limit in used.read("usage", *DAYS, "--of", "ada")["limits"]] == [
        "tokens_per_month",
        "requests_per_minute",
    ]
    assert "limits" not in used.read("usage", *DAYS, "--of", "nobody")
