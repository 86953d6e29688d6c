"""The page of costs comes from a run, and the README has the same figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import cost
from docs.prices import PRICES
from tests.support.translated import written

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def first() -> cost.Counts:
    return cost.measure()[0]


def test_the_committed_page_of_costs_is_what_a_run_counts() -> None:
    assert cost.COST.read_text(encoding="utf-8") == cost.page(), "run `make docs`"


def test_a_request_without_a_key_of_the_right_form_asks_nothing_of_dynamodb() -> None:
    none, malformed, made_up, repeated = cost.measure_flood()
    assert none[1:] == malformed[1:] == (0, 0, 0)
    assert made_up[1:] == (1, 1, 0)
    assert repeated.calls <= 1


def test_the_flood_is_throttled_as_in_the_template() -> None:
    assert written()["Parameters"]["ApiRequestsPerSecond"]["Default"] == cost.REST_A_SECOND


def test_a_month_without_responses_costs_the_seal_keys_and_the_sweeper_alone(first: cost.Counts) -> None:
    totals = [row.split(" | ")[1] for row in cost._rows(first) if row.startswith("| **")]
    assert totals == [f"{PRICES['secret'].dollars + cost.sweeps():.2f}"] * 2
    assert f"${cost.sweeps():.2f} a month" in README


def test_a_log_costs_a_write_for_each_quarter_of_a_second_and_none_if_it_is_off() -> None:
    logged, unlogged, background, bare = cost.measure_runs().values()
    batches = cost.SECONDS_OPEN / 0.25
    assert batches <= logged.writes - unlogged.writes <= batches + 3
    assert logged.calls - unlogged.calls == background.calls - bare.calls


def test_who_follows_a_response_writes_nothing() -> None:
    assert cost.measure_follower().writes == 0


def test_the_sizes_of_the_functions_are_those_of_the_template() -> None:
    functions = {
        name: resource["Properties"]
        for name, resource in written()["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function" and "Condition" not in resource
    }
    assert len(functions) == cost.FUNCTIONS
    assert functions["RunResponse"]["MemorySize"] == functions["CreateResponse"]["MemorySize"] == cost.MEMORY_GB * 1024
    assert functions["GetResponse"]["MemorySize"] == cost.FOLLOWER_GB * 1024


def test_the_readme_names_the_units_that_were_counted(first: cost.Counts) -> None:
    assert f"{first.reads} read and {first.writes} write units" in README


def test_the_readme_names_the_prices_of_the_page(first: cost.Counts) -> None:
    seconds = dict(cost.components(first))["Lambda, time"] * 1000
    assert re.search(rf"\${seconds:.2f}\s+per 1,000 answers", README)
    assert f"${PRICES['rest_request'].dollars * 1e6:.2f} per million requests" in README
    assert f"${PRICES['table_gb'].dollars:.2f} per GB and month" in README
    assert f"${PRICES['secret'].dollars:.2f} a month" in README
