"""`agents history|show --version|compare|rollback|delete|restore`: no change of an agent is lost."""

from __future__ import annotations

import re

import pytest
import yaml

HELPER = {"id": "helper", "author": "ada", "provider": "demo", "model": "demo"}


@pytest.fixture
def applied(staffed, tmp_path):
    """Apply the helper with other instructions each time: three versions."""
    path = tmp_path / "agents.yaml"
    for instructions in ("Be brief.", "Be kind.", "Be both."):
        path.write_text(yaml.safe_dump({**HELPER, "instructions": instructions}))
        staffed.done("agents", "apply", str(path))
    return staffed


def test_the_history_has_every_version_newest_first(applied):
    history = applied.read("agents", "history", "helper")
    assert [(each["version"], each["in_force"]) for each in history] == [(3, True), (2, False), (1, False)]
    assert len({each["digest"] for each in history}) == 3
    first, *_ = applied.done("agents", "history", "helper").splitlines()[1:]
    assert re.match(r"3 +\d{4}-\d\d-\d\d \d\d:\d\dZ +demo +demo +[0-9a-f]{12} +in force", first)


def test_a_former_version_is_shown_as_a_file_that_apply_takes(applied, tmp_path):
    (tmp_path / "old.yaml").write_text(applied.done("agents", "show", "helper", "--version", "1"))
    assert yaml.safe_load((tmp_path / "old.yaml").read_text()) == {**HELPER, "instructions": "Be brief."}
    applied.done("agents", "apply", str(tmp_path / "old.yaml"))
    assert applied.read("agents", "history", "helper")[0]["version"] == 4


@pytest.mark.parametrize(
    ("numbers", "lines"),
    [
        ((), ["-instructions: Be kind.", "+instructions: Be both."]),
        (("1",), ["-instructions: Be brief.", "+instructions: Be both."]),
        (("1", "2"), ["-instructions: Be brief.", "+instructions: Be kind."]),
        (("2", "2"), []),
    ],
)
def test_two_versions_are_compared_line_by_line(applied, numbers, lines):
    compared = applied.read("agents", "compare", "helper", *numbers)
    assert [line for line in compared["lines"] if line[0] in "-+"] == lines
    assert applied.done("agents", "compare", "helper", *numbers)


def test_an_agent_of_one_version_has_nothing_to_compare(staffed, tmp_path):
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(HELPER))
    staffed.done("agents", "apply", str(tmp_path / "a.yaml"))
    assert "one version" in staffed.refused("agents", "compare", "helper")


def test_a_rollback_makes_a_new_version_with_the_old_content(applied):
    outcome = applied("agents", "rollback", "helper", "1")
    assert (outcome.code, outcome.out) == (0, "rolled back  helper\n")
    assert "version 4 is version 1 again" in outcome.err
    assert applied.read("agents", "show", "helper")["instructions"] == "Be brief."
    assert applied("agents", "rollback", "helper", "1").out == "unchanged  helper\n"
    assert [each["version"] for each in applied.read("agents", "history", "helper")] == [4, 3, 2, 1]
    entry = applied.read("audit", "--kind", "agent", "--limit", "1")[0]
    assert (entry["action"], entry["after"]["rolled_back_to"]) == ("agent.rolled_back", 1)


def test_a_version_that_is_not_there_is_refused(applied):
    for words in (("rollback", "helper", "9"), ("show", "helper", "--version", "9"), ("compare", "helper", "9")):
        assert "there is no version 9" in applied.refused("agents", *words)
    assert "there is no agent nobody" in applied.refused("agents", "history", "nobody")


def test_a_deleted_agent_is_listed_and_restored_with_its_grants(applied):
    applied.done("grants", "add", "helper", "group:staff", "viewer")
    outcome = applied("agents", "delete", "--yes", "helper")
    assert "antiphon agents restore helper" in outcome.err
    assert applied.read("agents", "list") == []
    [gone] = applied.read("agents", "list", "--deleted")
    assert (gone["id"], gone["author"], gone["version"]) == ("helper", "ada", 3)
    assert applied.done("agents", "list", "--deleted").startswith("ID")
    assert applied.done("agents", "restore", "helper") == "restored  helper\n"
    assert applied.read("agents", "list", "--deleted") == []
    assert [grant["principal"] for grant in applied.read("grants", "list", "helper")] == ["group:staff", "user:ada"]
    assert len(applied.read("agents", "history", "helper")) == 3
    assert "there is no agent helper" in applied.refused("agents", "restore", "helper")
