"""Documents in files: only JSON values come in, and what is written is read again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import files
from cli.output import Refused


def read(tmp_path, text):
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return files.read(str(path))


def test_yaml_documents_are_read_one_by_one(tmp_path):
    assert read(tmp_path, "id: a\n---\nid: b\n---\n") == [{"id": "a"}, {"id": "b"}]


def test_the_elements_of_a_list_count_as_documents(tmp_path):
    assert read(tmp_path, '[{"id": "a"}, {"id": "b"}]') == [{"id": "a"}, {"id": "b"}]


def test_json_keeps_characters_beyond_the_basic_plane(tmp_path):
    assert read(tmp_path, '{"a": "\\ud83d\\ude00"}') == [{"a": "😀"}]


def test_yaml_in_braces_is_still_yaml(tmp_path):
    assert read(tmp_path, "{id: a, tools: [b]}") == [{"id": "a", "tools": ["b"]}]


def test_a_date_stays_the_text_it_is(tmp_path):
    assert read(tmp_path, "default: 2030-01-31") == [{"default": "2030-01-31"}]


def test_an_empty_file_holds_no_document(tmp_path):
    assert read(tmp_path, "") == read(tmp_path, "# nothing\n") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "the key 'a' is written twice"),
        ('{"a": {"b": 1, "b": 2}}', "the key 'b' is written twice"),
        ("a: {1: x}", "the key 1 is no text"),
        ("on: x", "the key True is no text"),
        ("x: 1\ny:\n  a: 1\n  a: 2", "line 4: the key 'a' is written twice"),
        ("a: [1,\n2\nb: 3", "line 1: a comma or the closing `]` is missing"),
        ("a: b: c", "line 1: this `:` cannot be here: check the indentation, or put text with `: ` in quotes"),
        ("a: 1\n\tb: 2", "line 2: there is a tab: indent with spaces"),
        ("a: 1\nb: 'x\nc: 2", "line 2: a quotation mark is not closed"),
        ("a:\n    b: 1\n  c: 2", "line 3: the indentation does not match the lines above"),
        ("a: 1\nb: @x", "line 2: a value cannot begin with '@': put it in quotes"),
        ("a: 1\nb\nc: 1", "line 3: there is a key without `: ` after it"),
        ("a: *x", "line 1: `*x` is used, but there is no `&x` before it"),
        ('a: "\\d"', r"line 1: `\d` means nothing in double quotes"),
        ("b: 1\na: \x07", "line 2: unacceptable character #x0007"),
        ("a: !!python/object:os.system x", "line 1"),
        ("a: .nan", "what JSON cannot say"),
        ("a: 18446744073709551616", "what JSON cannot say"),
        ('{"a": Infinity}', "what JSON cannot say"),
        ('{"a": "\\ud800"}', "not UTF-8"),
        ("a: !!binary aGk=", "what JSON cannot say"),
        ("a: &x [*x]", "what JSON cannot say"),
        (b"a: \xff", "not UTF-8"),
        ("a: \x07", "unacceptable character"),
        ("[" * 100_000, "what JSON cannot say"),
    ],
)
def test_what_json_cannot_say_is_refused_in_one_line(tmp_path, text, problem):
    with pytest.raises(Refused, match=r"file\.yaml: ") as caught:
        read(tmp_path, text)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_json_file_is_held_to_json(tmp_path):
    path = tmp_path / "agent.json"
    path.write_text('{"id": "a",\n "model": "b",\n}')
    with pytest.raises(Refused, match=r"agent\.json: line [23]: not JSON: "):
        files.read(str(path))


def test_a_byte_order_mark_is_passed_over(tmp_path):
    assert read(tmp_path, b"\xef\xbb\xbfid: a") == [{"id": "a"}]


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Refused, match="no such file"):
        files.read(str(tmp_path / "absent.yaml"))


def test_text_of_several_lines_is_written_as_a_block():
    assert files.write({"instructions": "Be brief.\nBe kind.\n"}) == "instructions: |\n  Be brief.\n  Be kind."


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES))
def test_whatever_is_written_is_read_again(tmp_path_factory, document):
    path = tmp_path_factory.getbasetemp() / "again.yaml"
    path.write_text(files.write(document), encoding="utf-8", newline="")
    assert files.read(str(path)) == [document]
    path.write_text(json.dumps(document), encoding="utf-8")
    assert files.read(str(path)) == [document]


def test_a_misspelt_file_is_named_with_the_one_beside_it(tmp_path):
    (tmp_path / "echo.yaml").write_text("id: a")
    with pytest.raises(Refused) as caught:
        files.read(str(tmp_path / "echo.yml"))
    assert str(caught.value) == f"{tmp_path}/echo.yml: no such file; did you mean {tmp_path}/echo.yaml?"
