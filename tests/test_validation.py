"""What is wrong with a document is written for a person."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from starlette.requests import Request

import antiphon
from antiphon.errors import ApiError
from antiphon.manage.document import AgentDocument
from antiphon.spec.request import validated
from antiphon.validation import fields_at, words_of
from antiphon.web.query import Query

ROOT = Path(antiphon.__file__).parent
AGENT = {"id": "a", "provider": "demo", "model": "demo"}
REFERENCE = {"env": "TOOL_A"}


def patterns(path: Path) -> Iterator[int]:
    """Yield the lines in which a field gets a pattern without words."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Field", "StringConstraints"):
            yield from (node.lineno for keyword in node.keywords if keyword.arg in ("pattern", "regex"))


def test_no_field_has_a_pattern_without_words() -> None:
    found = {path.name for path in ROOT.rglob("*.py") if list(patterns(path))}
    assert found == {"validation.py"}  # the one place that gives a field its pattern


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "my agent"}, "`id`: This must be 1 to 64 letters, digits and `._-`, a letter or digit first."),
        ({"grants": [{"principal": "bob", "level": 1}]}, "`grants[0].principal`: This must be `user:ID`, `group:ID`"),
        ({"tools": [{"name": "a b"}]}, "`tools[0].name`: This may have only letters, digits, `_` and `-`."),
        (
            {"tools": [{"mcp": {"label": "a b", "url": "https://a.b"}}]},
            "This must be 1 to 32 letters, digits, `_` and `-`.",
        ),
        ({"tools": [{"lambda": {"function": "f"}}]}, "This must be the ARN of a function"),
        ({"tools": [{"lambda": {"function": "f", "name": "a b"}}]}, "This must be"),
        ({"tools": [{"knowledge_base": {"id": "x"}}]}, "This must be the id of a knowledge base"),
        ({"tools": [{"web_search": {"include": ["https://a.b"]}}]}, "This must be a domain such as `docs.example.com`"),
        (
            {"tools": [{"web_search": {}, "approve": {"*": {"by": "bob"}}}]},
            "This must be `caller`, `user:ID`, `group:ID`",
        ),
        (
            {"tools": [{"web_search": {}, "auth": {"bearer": {"env": "KEY"}}}]},
            "This must be `TOOL_`, and after it 1 to 100",
        ),
        ({"tools": [{"web_search": {}, "auth": {"bearer": {"secret": "a b"}}}]}, "This must not have spaces."),
        (
            {"tools": [{"web_search": {}, "auth": {"header": {"name": "a b", "value": REFERENCE}}}]},
            "This must be the name of a header",
        ),
        (
            {"tools": [{"web_search": {}, "auth": {"query": {"name": "a b", "value": REFERENCE}}}]},
            "letters, digits and `._~-`.",
        ),
        (
            {"tools": [{"web_search": {}, "auth": {"sigv4": {"service": "A"}}}]},
            "64 lower-case letters, digits and `-`.",
        ),
        (
            {"tools": [{"web_search": {}, "auth": {"basic": {"user": "\n", "password": REFERENCE}}}]},
            "This may have only printable characters of ASCII.",
        ),
    ],
)
def test_text_of_another_form_is_refused_in_words(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ApiError) as caught:
        validated(AgentDocument, {**AGENT, **fields})
    assert words in caught.value.message
    assert "^" not in caught.value.message


def test_each_pattern_of_a_model_has_words_of_its_own() -> None:
    with pytest.raises(ValidationError) as caught:
        AgentDocument.model_validate({**AGENT, "id": "!"})
    pattern = caught.value.errors()[0]["ctx"]["pattern"]
    assert words_of(pattern) == "must be 1 to 64 letters, digits and `._-`, a letter or digit first"
    assert words_of("another") == "has a form that is not allowed"


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (("limits",), "tokens_per_response"),
        (("tools", 0, "#http", "http"), "openapi"),
        (("tools", 0, "#lambda"), "lambda"),
        (("text", "format", "#json_schema"), "schema"),
        (("tools", 0, "#mcp", "approve", "a"), "by"),
    ],
)
def test_the_fields_of_any_place_in_a_document_are_known(place: tuple[int | str, ...], known: str) -> None:
    assert known in fields_at(AgentDocument, place)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("limt=1", "There is no such query parameter. Did you mean `limit`?"),
        ("x=1", "There is no such query parameter."),
    ],
)
def test_a_misspelt_query_parameter_is_named_with_the_likely_one(query: str, told: str) -> None:
    with pytest.raises(ApiError) as caught:
        Query(Request({"type": "http", "query_string": query.encode(), "headers": []}), "limit", "after")
    assert caught.value.message.startswith(told)
