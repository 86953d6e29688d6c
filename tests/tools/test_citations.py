"""What a model names of what a search found becomes citations of its answer."""

from __future__ import annotations

import pytest

from antiphon.tools.citations import citations

A, B, C = ("https://a.example/x", "A"), ("https://b.example", ""), ("s3://docs/c.pdf", "c.pdf")
NOWHERE = ("", "a row")


def search(*found):
    return {"type": "web_search_call", "held": {"found": [*found]}}


def cited(text, *items):
    return [(text[one["start_index"] : one["end_index"]], one["url"]) for one in citations(text, items)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Six MB [1].", [("[1]", A[0])]),
        ("Six[2][1]", [("[2]", B[0]), ("[1]", A[0])]),
        ("Both [1, 2]", [("[1, 2]", A[0]), ("[1, 2]", B[0])]),
        ("None [0] [3] [99]", []),
        ("See [the page](https://a.example/x).", [("[the page](https://a.example/x)", A[0])]),
        ("See [1](https://a.example/x).", [("[1](https://a.example/x)", A[0])]),
        ("See [it](https://other.example).", []),
        ("See https://a.example/x, or https://b.example.", [(A[0], A[0]), (B[0], B[0])]),
        ("Not https://a.example/xy or https://b.example/z", []),
        ("é 😀 [1]", [("[1]", A[0])]),
        ("", []),
    ],
)
def test_a_text_cites_by_number_by_link_and_by_address(text, expected):
    assert cited(text, search(A, B)) == expected


def test_a_number_is_that_of_the_last_search_that_has_so_many():
    assert cited("[1] [2] [3]", search(A, B), search(C)) == [("[1]", C[0]), ("[2]", B[0])]


def test_what_has_no_address_cannot_be_cited():
    assert cited("[1]", search(NOWHERE)) == []


def test_a_citation_has_the_form_of_the_specification():
    assert citations("See [2]", [search(A, B)]) == [
        {"type": "url_citation", "start_index": 4, "end_index": 7, "url": B[0], "title": B[0]}
    ]


def test_a_stretch_that_the_provider_has_cited_is_not_cited_again():
    given = [{"type": "url_citation", "start_index": 3, "end_index": 8, "url": "https://z.example", "title": ""}]
    assert citations("An [1] and [2]", [search(A, B)], given) == citations("An   x and [2]", [search(A, B)])


def test_without_a_search_nothing_is_cited():
    assert citations("[1] https://a.example/x", [{"type": "message"}, {"type": "mcp_call", "held": {}}]) == []
