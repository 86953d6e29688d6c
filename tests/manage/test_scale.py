"""Whatever a deployment has, an operation of management reads as much of it in SQLite: counted in its own instructions.

`python -m benchmarks scale` prints the figures for ten records of a kind and for a million.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.scale import MANY, Cost, Deployment, Size, requests_of

FULL_PAGES: Final = Size(users=150, keys=300, agents=150, responses=300, audit=150)
"""Enough for a full page of everything, so that only what grows beyond a page differs."""

GROWING: Final = {"change an agent"}
"""What reads all grants on the one agent that is changed, to compare them with those of the document."""

SCANNED: Final = ("SCAN sqlite_master", "SCAN deleted_agents")
"""What holds only the names of tables, and only the agents that were deleted within 30 days."""

NAMES: Final = list(requests_of())


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Cost, Cost]]:
    found = []
    for size in (FULL_PAGES, MANY):
        with Deployment(tmp_path_factory.mktemp("scale") / "antiphon.db", size) as deployment:
            found.append(deployment.costs())
    few, many = found
    return {name: (few[name], many[name]) for name in few}


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_runs_as_many_statements_and_looks_at_as_many_rows_with_many_records(
    costs: dict[str, tuple[Cost, Cost]], name: str
) -> None:
    few, many = costs[name]
    assert abs(many.statements - few.statements) <= 1
    assert name in GROWING or many.steps <= 1.2 * few.steps + 100


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_reads_no_whole_table_and_sorts_nothing(costs: dict[str, tuple[Cost, Cost]], name: str) -> None:
    for cost in costs[name]:
        assert [step for step in cost.scans if not step.startswith(SCANNED)] == []
