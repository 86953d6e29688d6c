"""Bodies that are small to send and large to read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from antiphon.errors import ApiError
from antiphon.web import bounds, shape
from antiphon.web.body import parse_object
from antiphon.web.bounds import require_bounded

BYTES = 1_000_000


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"' + b'\\"' * BYTES,
        b'{"a":"' + b"\\\\" * BYTES,
        b'{"a":"' + b'\\"' * BYTES + b"\\",
        b"\\" * BYTES,
        b"]" * BYTES,
        b" " * BYTES,
        b'"' + b"x" * BYTES,
    ],
    ids=["quotes", "backslashes", "a backslash at the end", "only backslashes", "closing", "spaces", "no end"],
)
def test_a_string_without_an_end_is_read_once(raw: bytes) -> None:
    """A pattern that begins anew at each quote needs 8.5 seconds for 32 KB of these, and hours for this one."""
    assert refused(raw) == "invalid_json"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"user":[' + b"[]," * shape.MAX_VALUES + b"[]]}",
        b'{"user":[' + b"1," * shape.MAX_VALUES + b"1]}",
        b'"" ' * BYTES,
    ],
    ids=["arrays", "numbers", "strings"],
)
def test_a_body_has_a_largest_number_of_values_also_in_fields_that_are_ignored(raw: bytes) -> None:
    assert refused(raw) == "out_of_range"


def test_a_long_text_of_quotes_and_brackets_is_one_value() -> None:
    text = '"[{,}]\\' * BYTES
    assert parse_object(json.dumps({"input": text}).encode()) == {"input": text}


def test_a_long_history_is_within_every_bound() -> None:
    part = {"type": "input_text", "text": "Hello, world."}
    items = [{"type": "message", "role": "user", "content": [part]}] * 4000
    schema = {"type": "object", "properties": {f"p{n}": {"type": "string", "description": "x"} for n in range(30)}}
    tools = [{"type": "function", "name": f"f{n}", "parameters": schema} for n in range(128)]
    document = {"model": "agent", "input": items, "tools": tools}
    require_bounded(parse_object(json.dumps(document).encode()))


@pytest.mark.parametrize(
    ("fields", "param", "limit"),
    [
        ({"input": [{"content": ["x"] * (bounds.MAX_PARTS + 1)}]}, "input[0].content", bounds.MAX_PARTS),
        ({"input": [{}, {"output": ["x"] * (bounds.MAX_PARTS + 1)}]}, "input[1].output", bounds.MAX_PARTS),
        ({"input": ["x"] * (bounds.MAX_INPUT + 1)}, "input", bounds.MAX_INPUT),
        ({"input": [{"content": ["x"] * 999}] * 11}, "input", bounds.MAX_INPUT),
        ({"tools": [{"parameters": dict.fromkeys(map(str, range(bounds.MAX_SCHEMA_VALUES)), 1)}]}, "tools", 20_000),
        ({"text": {"format": {"schema": {"enum": [1] * bounds.MAX_SCHEMA_VALUES}}}}, "tools", 20_000),
        ({"tools": [{"description": "x" * bounds.MAX_SCHEMA_TEXT}]}, "tools", bounds.MAX_SCHEMA_TEXT),
    ],
    ids=["parts", "output parts", "items", "items and parts", "schema keys", "enum", "descriptions"],
)
def test_a_size_over_its_bound_is_refused_with_the_limit_named(fields: dict[str, Any], param: str, limit: int) -> None:
    with pytest.raises(ApiError) as caught:
        require_bounded(fields)
    assert (caught.value.code, caught.value.param) == ("out_of_range", param)
    assert str(limit) in caught.value.message


@pytest.mark.parametrize("value", [None, 1, "text", {}, [], [1, None], {"format": 1}])
def test_bounds_leave_values_of_a_wrong_type_to_the_validator(value: object) -> None:
    require_bounded({"input": value, "tools": value, "text": value})


@pytest.mark.parametrize("number", ["1." + "1" * BYTES, "1e" + "1" * BYTES, "0." + "0" * BYTES + "1"])
def test_a_number_of_endless_digits_is_refused(number: str) -> None:
    assert refused(b'{"temperature":' + number.encode() + b"}") == "invalid_number"


def refused(raw: bytes) -> str:
    with pytest.raises(ApiError) as caught:
        parse_object(raw)
    return caught.value.code


PART = {"type": "text", "text": ""}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"messages": [{"role": "user", "content": [PART] * (bounds.MAX_PARTS + 1)}]}, "messages[0].content"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [CALL] * (bounds.MAX_PARTS + 1)}]},
            "messages[0].tool_calls",
        ),
        ({"messages": [{"role": "user", "content": [PART] * bounds.MAX_PARTS}] * 11}, "messages"),
        ({"response_format": {"json_schema": {"schema": {"enum": [0] * bounds.MAX_SCHEMA_VALUES}}}}, "tools"),
    ],
    ids=["parts", "calls", "parts and messages", "a schema"],
)
def test_a_chat_request_has_the_same_bounds(document: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        require_bounded(document)
    assert (caught.value.code, caught.value.param) == ("out_of_range", param)
