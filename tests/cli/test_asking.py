"""What destroys something asks on a terminal, and needs ``--yes`` in a script."""

from __future__ import annotations

import pytest

from cli.verbs import parser
from tests.support.command import EXECUTABLE, leaves, run
from tests.support.terminal import Terminal

DESTRUCTIVE = {"delete", "erase", "restore", "revoke", "remove"}
UNDOES = ("agents", "restore")
"""Brings back what was deleted, so it destroys nothing."""


@pytest.fixture
def place(tmp_path):
    run("users", "put", "ada", cwd=tmp_path)
    return tmp_path


def users(place):
    return [user["id"] for user in run("users", "list", "--json", cwd=place).data]


@pytest.mark.parametrize(("typed", "left"), [("n\n", ["ada"]), ("\n", ["ada"]), ("\x04", ["ada"]), ("yes\n", [])])
def test_only_a_yes_on_a_terminal_deletes(place, typed, left):
    with Terminal([EXECUTABLE, "users", "delete", "ada"], place) as terminal:
        terminal.until("Delete a user, end its keys, remove its grants: ada. Go on? [y/N] ")
        terminal.type(typed)
        assert terminal.ended() == (1 if left else 0)
    assert users(place) == left


def test_yes_is_not_asked_and_a_script_needs_it(place):
    with Terminal([EXECUTABLE, "users", "delete", "ada", "--yes"], place) as terminal:
        assert terminal.ended() == 0
        assert "[y/N]" not in terminal.shown
    run("users", "put", "bob", cwd=place)
    refused = run("users", "delete", "bob", cwd=place)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "antiphon: nothing was done: without a terminal to ask on, confirm it with --yes\n"
    assert users(place) == ["bob"]
    assert run("users", "delete", "bob", "--yes", cwd=place).code == 0
    assert users(place) == []


DESTROYS = [words for words in leaves(parser()) if words[-1] in DESTRUCTIVE and words != UNDOES]


@pytest.mark.parametrize("words", DESTROYS, ids=" ".join)
def test_every_destructive_command_takes_yes_and_does_nothing_in_a_script_without_it(place, words):
    assert "--yes" in run(*words, "--help", cwd=place).out
    named = ["a"] * (2 if words[0] in ("grants", "user-responses") else 1)
    assert "confirm it with --yes" in run(*words, *named, cwd=place).err
