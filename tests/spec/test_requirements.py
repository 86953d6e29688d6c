"""The manifest of requirements is whole: every requirement has tests, and every test that it names is there."""

from __future__ import annotations

import re

import pytest

from tests.support.requirements import Requirement, exists, requirements


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.id)
def test_a_requirement_has_tests_and_they_exist_unless_it_is_open(requirement: Requirement) -> None:
    assert bool(requirement.tests) is not requirement.open
    assert [test for test in requirement.tests if not exists(test)] == []


def test_requirements_have_ids_of_their_own_and_say_one_thing() -> None:
    ids = [requirement.id for requirement in requirements()]
    assert len(set(ids)) == len(ids)
    for requirement in requirements():
        assert re.fullmatch(r"(OR|W)-[A-Z]+-\d+", requirement.id)
        assert requirement.says.endswith(".")
        assert requirement.level in ({"MUST", "SHOULD"} if requirement.id.startswith("OR") else {"PROMISE"})


def test_what_no_test_file_defines_does_not_exist() -> None:
    assert exists("spec/test_requirements::test_what_no_test_file_defines_does_not_exist")
    assert not exists("spec/test_requirements::test_that_nobody_wrote")
    assert not exists("spec/test_nothing")
