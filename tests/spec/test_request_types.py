"""Types are strict, nothing is dropped silently, and ranges hold."""

from __future__ import annotations

import pytest

from antiphon.spec.base import MAX_TEXT
from antiphon.spec.request import parse_create
from tests.support.full_request import (
    ITEMS,
    body,
    function,
    message,
    refused,
)
from tests.support.schema import check

# Row 16: types are strict


@pytest.mark.parametrize("value", ["12", True, 1.0, 16.0, [16], {}])
@pytest.mark.parametrize("name", ["max_output_tokens", "max_tool_calls", "top_logprobs"])
def test_only_an_integer_is_an_integer(name, value):
    assert refused(body(**{name: value})) == ("invalid_type", name)


@pytest.mark.parametrize("value", ["true", 1, 0, [], 1.0])
@pytest.mark.parametrize("name", ["stream", "store", "background", "parallel_tool_calls"])
def test_only_a_boolean_is_a_boolean(name, value):
    assert refused(body(**{name: value})) == ("invalid_type", name)


@pytest.mark.parametrize("value", ["1", True, [1]])
@pytest.mark.parametrize("name", ["temperature", "top_p", "presence_penalty", "frequency_penalty"])
def test_only_a_number_is_a_number(name, value):
    assert refused(body(**{name: value})) == ("invalid_type", name)


@pytest.mark.parametrize("value", [1, True, [], {}])
@pytest.mark.parametrize("name", ["model", "instructions", "previous_response_id", "user", "prompt_cache_key"])
def test_only_a_string_is_a_string(name, value):
    assert refused(body(**{name: value})) == ("invalid_type", name)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 5}, "input"),
        ({"input": {"role": "user"}}, "input"),
        ({"input": ["Hi"]}, "input[0]"),
        ({"input": [message(5)]}, "input[0].content"),
        ({"input": [message(["Hi"])]}, "input[0].content[0]"),
        ({"input": [message([{"type": "input_text", "text": 4}])]}, "input[0].content[0].text"),
        ({"tools": function()}, "tools"),
        ({"tools": ["look"]}, "tools[0]"),
        ({"tools": [function(parameters=[])]}, "tools[0].parameters"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"text": "json"}, "text"),
        ({"text": {"format": "json"}}, "text.format"),
        ({"reasoning": "high"}, "reasoning"),
        ({"stream_options": {"include_obfuscation": "no"}}, "stream_options.include_obfuscation"),
        ({"include": "reasoning.encrypted_content"}, "include"),
    ],
)
def test_a_wrong_type_is_named_by_its_exact_path(fields, param):
    assert refused(body(**fields)) == ("invalid_type", param)


# Row 17: nothing is silently dropped


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"weather": 1}, "weather"),
        ({"weather": None}, "weather"),
        ({"input": [message(weather=1)]}, "input[0].weather"),
        ({"input": [message([{"type": "input_text", "text": "Hi", "weather": 1}])]}, "input[0].content[0].weather"),
        ({"tools": [function(weather=1)]}, "tools[0].weather"),
        ({"tool_choice": function(weather=1)}, "tool_choice.weather"),
        ({"text": {"weather": 1}}, "text.weather"),
        ({"text": {"format": {"type": "text", "weather": 1}}}, "text.format.weather"),
        ({"reasoning": {"weather": 1}}, "reasoning.weather"),
        ({"stream_options": {"weather": 1}}, "stream_options.weather"),
    ],
)
def test_an_unknown_field_is_refused_by_its_exact_path(fields, param):
    assert refused(body(**fields)) == ("unknown_parameter", param)


# Row 18: ranges


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"presence_penalty": 2.1}, "presence_penalty"),
        ({"frequency_penalty": -2.1}, "frequency_penalty"),
        ({"max_output_tokens": 15}, "max_output_tokens"),
        ({"max_tool_calls": 0}, "max_tool_calls"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": -1}, "top_logprobs"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: ""}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"tools": [function()] * 200}, "tools"),
        ({"tools": [function(name="n" * 65)]}, "tools[0].name"),
        ({"tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice.tools"),
        ({"tool_choice": {"type": "allowed_tools", "tools": [function()] * 129}}, "tool_choice.tools"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": "a" * (MAX_TEXT + 1)}, "input"),
        ({"input": [{**ITEMS[7], "call_id": ""}]}, "input[0].call_id"),
        ({"input": [{**ITEMS[7], "call_id": "c" * 65_537}]}, "input[0].call_id"),
        ({"safety_identifier": "s" * 65}, "safety_identifier"),
        ({"prompt_cache_key": "s" * 65}, "prompt_cache_key"),
        ({"model": "m" * 257}, "model"),
    ],
)
def test_a_value_out_of_its_range_is_refused_with_its_limit(fields, param):
    assert refused(body(**fields)) == ("out_of_range", param)


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 2.0},
        {"max_output_tokens": 16},
        {"max_tool_calls": 1},
        {"top_logprobs": 0},
        {"metadata": {str(number): "v" * 512 for number in range(16)}},
        {"metadata": {"k" * 64: ""}},
        {"tools": [function(name=f"n{number}") for number in range(128)]},
        {"safety_identifier": "s" * 64},
        {"input": "a" * MAX_TEXT},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_value_at_its_limit_is_accepted(fields):
    check("CreateResponseBody", body(**fields))
    parse_create(body(**fields))


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan")])
def test_a_number_that_no_double_holds_is_refused(value):
    assert refused(body(temperature=value))[1] == "temperature"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [function(name="a b")]}, "tools[0].name"),
        ({"tools": [function(name="look\n")]}, "tools[0].name"),
        ({"model": "a\x00"}, "model"),
        ({"metadata": {"a\x00": ""}}, "metadata"),
        ({"input": [{**ITEMS[7], "call_id": "a\x00"}]}, "input[0].call_id"),
        ({"input": [{"type": "item_reference", "id": "a\x00"}]}, "input[0].id"),
        ({"user": "a\x00"}, "user"),
    ],
)
def test_characters_that_a_name_cannot_have_are_refused(fields, param):
    assert refused(body(**fields)) == ("invalid_value", param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"instructions": "a\ud800"}, "instructions"),
        ({"input": "\udc00"}, "input"),
        ({"input": [message("\udc00")]}, "input[0].content"),
        ({"metadata": {"k": "\udc00"}}, "metadata.k"),
    ],
)
def test_half_of_a_surrogate_pair_is_refused(fields, param):
    assert refused(body(**fields)) == ("invalid_unicode", param)
