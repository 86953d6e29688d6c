"""The input of a custom tool, read out of arguments that come in pieces."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.stream.halves import valid
from antiphon.tools.text import CustomInput


def read(*pieces):
    """Return the pieces of the text, with the rest as the last."""
    text = CustomInput()
    told = [text.feed(piece) for piece in pieces]
    return [*told, text.rest("".join(pieces))]


@given(st.text(), st.booleans(), st.lists(st.integers(0, 200)))
def test_any_text_comes_whole_however_its_arguments_are_cut(text, escaped, cuts):
    arguments = json.dumps({"input": text}, ensure_ascii=escaped)
    places = sorted({0, len(arguments), *(cut for cut in cuts if cut < len(arguments))})
    pieces = [arguments[start:end] for start, end in itertools.pairwise(places)]
    assert valid("".join(read(*pieces))) == valid(text)


def test_a_piece_of_text_is_told_at_once():
    assert read('{"in', 'put": "a', "b\\", "nc", '"}') == ["", "a", "b", "\nc", "", ""]


def test_white_space_around_the_names_changes_nothing():
    assert "".join(read(' {\n "input" ', ': "a" }')) == "a"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("*** Begin Patch\n", "*** Begin Patch\n"),
        ('{"patch": "a\\nb"}', "a\nb"),
        ("{}", ""),
        ("", ""),
        ('{"a": "b", "c": 1}', '{"a": "b", "c": 1}'),
        ('{"reason": "so", "input": "a"}', "a"),
        ('{"input": {"a": 1}}', '{"input": {"a": 1}}'),
        ("[1]", "[1]"),
    ],
)
def test_a_model_that_writes_something_else_is_understood_at_the_end(arguments, text):
    """https://github.com/antirez/ds4/issues/745: the one argument has another name."""
    *told, rest = read(*arguments)
    assert "".join(told) == ""
    assert rest == text


def test_an_escape_that_json_does_not_have_means_its_characters():
    assert "".join(read('{"input": "\\d+ \\u12', 'x"}')) == "\\d+ \\u12x"


def test_line_feeds_that_are_not_escaped_are_kept():
    assert "".join(read('{"input": "a\nb"}')) == "a\nb"
