"""The pages that come from the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from antiphon.errors import CODES
from antiphon.providers.description import every_family
from docs.generate import CONFORMANCE, ERRORS, PROVIDERS, conformance_page, errors_page, providers_page
from tests.support.requirements import requirements

ROOT = Path(__file__).parent.parent.parent


def test_the_committed_page_of_errors_is_what_the_code_says():
    assert ERRORS.read_text(encoding="utf-8") == errors_page(), "run `make docs`"


def test_the_page_of_errors_has_one_row_for_every_code():
    rows = [line.split(" | ") for line in errors_page().splitlines() if line.startswith("| `")]
    assert sorted(row[0] for row in rows) == sorted(f"| `{code}`" for code in CODES)
    assert all(len(row) == 6 for row in rows), "a cell holds a bar"


def test_the_committed_page_of_conformance_is_what_the_manifest_says():
    assert CONFORMANCE.read_text(encoding="utf-8") == conformance_page(), "run `make docs`"


def test_the_page_of_conformance_has_one_row_for_every_requirement():
    rows = [line.split(" | ") for line in conformance_page().splitlines() if line.startswith(("| OR-", "| W-"))]
    assert [row[0] for row in rows] == [f"| {requirement.id}" for requirement in requirements()]
    assert all(len(row) == 6 for row in rows), "a cell holds a bar"


def test_the_page_of_clients_names_the_versions_that_are_locked():
    page = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
    locks = [(ROOT / f"requirements/{name}.txt").read_text("utf-8") for name in ("clients-chat", "clients")]
    locked = dict(found for lock in locks for found in re.findall(r"^([a-z-]+)==(\S+)", lock, re.MULTILINE))
    packages = json.loads((ROOT / "tests/clients/node/package.json").read_text("utf-8"))["dependencies"]
    python = [
        locked[name]
        for lock in ("clients", "clients-chat")
        for name in re.findall(r"^([a-z-]+)", (ROOT / f"requirements/{lock}.in").read_text("utf-8"), re.MULTILINE)
    ]
    assert [version for version in [*python, *packages.values()] if version not in page] == []


def test_the_committed_page_of_providers_is_what_the_code_says():
    assert PROVIDERS.read_text(encoding="utf-8") == providers_page(), "run `make docs`"


def test_the_page_of_providers_has_a_row_of_the_same_length_for_every_family():
    rows = [line.split(" | ") for line in providers_page().splitlines()]
    assert len([row for row in rows if len(row) == 14]) == len([*every_family()]) + 1, "a cell holds a bar"
