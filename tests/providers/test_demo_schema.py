from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from antiphon.providers.demo.pattern import matching
from antiphon.providers.demo.schema import value_for
from antiphon.providers.demo.words import Words

TREE: dict[str, Any] = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "children", "next"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
SCHEMAS: list[dict[str, Any]] = [
    {},
    {"type": "string"},
    {"type": "string", "minLength": 300},
    {"type": "string", "maxLength": 3},
    {"type": "string", "pattern": r"^[A-Z]{3}-\d{4}(?:-(?:x|y))?$"},
    {"type": "string", "pattern": r"^(?P<a>\w+)@[^@\s]+\.com$"},
    *(
        {"type": "string", "format": form}
        for form in ("date", "date-time", "time", "email", "uri", "uuid", "ipv4", "ipv6")
    ),
    {"type": "integer", "minimum": 5, "maximum": 9},
    {"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7},
    {"type": "integer", "multipleOf": 7, "minimum": 8},
    {"type": "integer", "maximum": -3},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "minimum": 0.25, "maximum": 0.5},
    {"type": "number", "multipleOf": 0.5, "minimum": 1.2},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["null", "integer"]},
    {"enum": ["a", 1, None]},
    {"const": {"a": [1]}},
    {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"type": "object", "properties": {"a.b": {"type": "string"}, "c": {"type": "integer"}}, "required": ["a.b"]},
    {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}},
    {"type": "object", "minProperties": 2, "additionalProperties": {"type": "boolean"}},
    {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"a": {"minimum": 7}}}]},
    {"allOf": [{"type": "integer", "minimum": 3}, {"minimum": 5}, {"maximum": 8}]},
    {"oneOf": [{"type": "null"}, {"type": "string", "minLength": 2}]},
    {
        "type": "object",
        "properties": {"a": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}},
        "$defs": {"n": {"type": "integer"}},
    },
    {
        "anyOf": [
            {
                "type": "object",
                "properties": {"kind": {"const": "x"}, "x": {"type": "integer"}},
                "required": ["kind", "x"],
            },
            {"type": "object", "properties": {"kind": {"const": "y"}}, "required": ["kind"]},
        ]
    },
    TREE,
    {
        "type": "object",
        "properties": {"a/b": {"$ref": "#/properties/c~1d"}, "c/d": {"type": "integer"}},
        "required": ["a/b"],
    },
]
TEXTS = ["", "Weather in Paris?", "Add 6 and 2.5, please, to order 123456.", "x" * 500]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_value_fits_its_schema(schema: dict[str, Any], text: str) -> None:
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    validator.validate(value_for(schema, Words([text])))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYWORDS = [
    *("$ref", "type", "enum", "const", "properties", "required", "items", "prefixItems", "minItems", "maxItems"),
    *("uniqueItems", "minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "minLength"),
    *("maxLength", "pattern", "format", "anyOf", "oneOf", "allOf", "additionalProperties", "minProperties"),
]
ODD = st.recursive(
    JSON | st.sampled_from(["#", "#/$defs/x", "object", "array", "number", "integer", "string"]),
    lambda inner: st.dictionaries(st.sampled_from(KEYWORDS), inner | st.lists(inner, max_size=3), max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(KEYWORDS), ODD, max_size=6), st.text(max_size=50))
def test_no_schema_makes_it_fail(schema: dict[str, Any], text: str) -> None:
    value_for(schema, Words([text]))


@given(st.text(alphabet="abc[](){}|*+?^$\\.-,:<>=!P019dws", max_size=30))
def test_no_pattern_makes_it_fail(pattern: str) -> None:
    assert len(matching(pattern)) <= 1000


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]},
        {"type": "array", "items": {"$ref": "#"}, "minItems": 10**9},
        {"type": "string", "minLength": 10**12},
        {"type": "string", "pattern": "(" * 5000},
        {"type": "string", "pattern": "((a{999}){999}){999}"},
        {
            "type": "array",
            "minItems": 500,
            "items": {"type": "array", "minItems": 500, "items": {"type": "array", "minItems": 500}},
        },
    ],
)
def test_a_schema_that_asks_for_too_much_is_cut_short(schema: dict[str, Any]) -> None:
    assert len(str(value_for(schema, Words(["x"])))) < 1_000_000


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 500, "items": {"type": "string", "minLength": 10_000}},
        {"type": "array", "minItems": 500, "items": {"const": "x" * 100_000}},
        {"type": "array", "minItems": 500, "items": {"enum": ["x" * 100_000]}},
        {"type": "array", "minItems": 500, "items": {"type": "object", "required": ["x" * 100_000]}},
    ],
)
def test_a_short_schema_does_not_make_a_long_answer(schema: dict[str, Any]) -> None:
    assert len(json.dumps(value_for(schema, Words([])))) < 1_000_000


def test_of_a_schema_that_names_too_much_a_part_counts() -> None:
    names = [f"name_{number}" for number in range(2000)]
    properties = {name: {"type": "integer"} for name in names}
    for schema in ({"properties": properties}, {"required": names}, {"allOf": [{"properties": properties}] * 3}):
        assert list(value_for({"type": "object", **schema}, Words([]))) == names[:500]


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{3}$",
        r"^[^a]b+$",
        r"^(a|b){2}c?$",
        r"^[a-f0-9]{8}$",
        r"^\+?[1-9]\d{1,14}$",
        r"^a\.b\\c$",
        r"^.{3,5}$",
        "^[]x]$",
        "^x-?y*$",
    ],
)
def test_a_pattern_is_matched(pattern: str) -> None:
    assert re.search(pattern, matching(pattern))


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("What is the weather in Paris?", {"properties": {"city": {"type": "string"}}}, {"city": "Paris"}),
        ("Weather in New York please", {"properties": {"location": {"type": "string"}}}, {"location": "New York"}),
        ("Book from Rome", {"properties": {"origin": {"type": "string"}}}, {"origin": "Rome"}),
        ("in celsius, not kelvin", {"enum": ["kelvin", "celsius"]}, "celsius"),
        ("Add 17 and 25", {"properties": {"a": {"type": "integer"}}}, {"a": 17}),
        ("Set the volume to 40 and wait 5", {"properties": {"volume": {"type": "integer"}}}, {"volume": 40}),
        (
            "Ada is 36 years old",
            {"properties": {"name": {"type": "string"}, "age": {"type": "integer"}}},
            {"name": "Ada", "age": 36},
        ),
        ("Mail bob@example.org now", {"type": "string", "format": "email"}, "bob@example.org"),
        ('Say "good night" to all', {"properties": {"phrase": {"type": "string"}}}, {"phrase": "good night"}),
        ("cats and dogs", {"properties": {"query": {"type": "string"}}}, {"query": "cats and dogs"}),
        ("My name is Grace.", {"properties": {"name": {"type": "string"}}}, {"name": "Grace"}),
    ],
)
def test_values_come_from_the_words(text: str, schema: dict[str, Any], value: object) -> None:
    assert value_for(schema, Words([text])) == value


def test_two_numbers_are_two_arguments() -> None:
    schema = {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}
    assert value_for(schema, Words(["Add 17 and 25"])) == {"a": 17, "b": 25}
