"""`antiphon users export` and `erase`."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.support.command import Antiphon
from tests.support.service import Service


@pytest.fixture
def service(tmp_path: Path):
    with Service(tmp_path, cache_seconds=0) as running:
        running.user("ann")
        running.agent("hers", author="ann")
        running.create(running.key("ann"), model="hers", input="the-canary-sings")
        yield running


@pytest.fixture
def antiphon(service: Service, capsys) -> Antiphon:
    return Antiphon(("--database", str(service.settings.database)), capsys.readouterr)


def test_an_export_is_a_file_for_its_owner_alone_with_a_record_a_line(antiphon: Antiphon, tmp_path: Path) -> None:
    file = tmp_path / "ann.jsonl"
    assert f"records of user ann in {file}" in antiphon.done("users", "export", "ann", "--output", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert [each["kind"] for each in records if each["kind"] in {"user", "response"}] == ["user", "response"]
    assert not list(tmp_path.glob("*.part"))


def test_without_a_file_the_lines_go_to_stdout_and_nothing_else_does(antiphon: Antiphon) -> None:
    for form in ((), ("--json",)):
        outcome = antiphon("users", "export", "ann", *form)
        assert outcome.code == 0
        assert "the-canary-sings" in outcome.out
        assert all(json.loads(line)["id"] for line in outcome.out.splitlines())
        assert f"{len(outcome.out.splitlines())} records of user ann" in outcome.err


def test_an_export_of_nobody_makes_no_file(antiphon: Antiphon, tmp_path: Path) -> None:
    file = tmp_path / "none.jsonl"
    assert "there is no user nobody" in antiphon.refused("users", "export", "nobody", "--output", str(file))
    assert not list(tmp_path.glob("none*"))


def test_what_is_there_stays_if_an_export_cannot_be_written(antiphon: Antiphon, tmp_path: Path) -> None:
    assert "No such file" in antiphon.refused("users", "export", "ann", "--output", str(tmp_path / "no" / "ann.jsonl"))


def test_a_user_is_erased_with_a_choice_for_its_agents(antiphon: Antiphon, service: Service) -> None:
    line = antiphon.refused("users", "erase", "--yes", "ann")
    assert "is the author of 1 agent (hers)" in line
    assert line.strip().endswith(": pass --agents-to USER, or --agents delete")
    done = antiphon.read("users", "erase", "--yes", "ann", "--agents-to", "ada")
    assert done == {"id": "ann", "result": "erased", "responses": 1, "keys": 1, "agents": 1}
    assert antiphon.read("users", "erase", "--yes", "ann")["responses"] == 0
    assert antiphon.read("agents", "show", "hers")["author"] == "ada"
    assert "there is no user ann" in antiphon.refused("users", "export", "ann")


def test_a_misspelt_user_is_not_erased_and_the_likely_one_is_named(antiphon: Antiphon) -> None:
    assert "there is no user annn: did you mean ann?" in antiphon.refused("users", "erase", "--yes", "annn")
    assert "annn" not in antiphon.done("audit", "--json")


def test_an_export_does_not_replace_a_file(antiphon: Antiphon, tmp_path: Path) -> None:
    file = tmp_path / "letter"
    file.write_text("Dear Ada")
    assert "exists: choose another name" in antiphon.refused("users", "export", "ann", "--output", str(file))
    assert file.read_text() == "Dear Ada"
