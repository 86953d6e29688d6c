"""What destroys something asks on a terminal, unless ``--yes``; in a script it does not."""

from __future__ import annotations

import pytest

from cli.verbs import parser
from tests.support.command import EXECUTABLE, leaves, run
from tests.support.terminal import Terminal

DESTRUCTIVE = {"delete", "revoke", "remove"}


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


def test_yes_and_a_script_are_not_asked(place):
    with Terminal([EXECUTABLE, "users", "delete", "ada", "--yes"], place) as terminal:
        assert terminal.ended() == 0
        assert "[y/N]" not in terminal.shown
    run("users", "put", "bob", cwd=place)
    assert run("users", "delete", "bob", cwd=place).code == 0
    assert users(place) == []


@pytest.mark.parametrize("words", [words for words in leaves(parser()) if words[-1] in DESTRUCTIVE], ids=" ".join)
def test_every_destructive_command_takes_yes(place, words):
    assert "--yes" in run(*words, "--help", cwd=place).out
