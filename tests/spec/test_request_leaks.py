"""A refusal never holds what was sent."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from pydantic import ValidationError

from antiphon.errors import ApiError
from antiphon.spec.request import CreateResponse, parse_create
from tests.support.full_request import (
    CANARY,
    FULL,
    refusal,
)

# Nothing that was sent comes back


def places(value, path=()):
    """Every place in a JSON value."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from places(inner, (*path, key))


def with_value(path, value):
    changed = json.loads(json.dumps(FULL))
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


def written(path):
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


PLACES = list(places(FULL))


FREE = ("parameters", "schema")
"""What is below these is the caller's own JSON Schema, and any JSON is right there."""


@pytest.mark.parametrize(
    "value",
    [CANARY + "\x00", [CANARY], {"type": CANARY}, {"role": CANARY}, {CANARY: CANARY}, CANARY * 1_000_000],
    ids=["text", "list", "type", "role", "key", "long"],
)
def test_a_refusal_never_holds_what_was_sent(value):
    for path in PLACES:
        try:
            parse_create(with_value(path, value))
        except ApiError as error:
            shown = "".join(traceback.format_exception(error)) + str(vars(error))
            assert CANARY not in shown.replace(f".{CANARY}", ""), path


def test_a_refusal_names_the_place_of_what_is_wrong():
    for path in PLACES:
        if any(name in path[:-1] for name in FREE):
            continue
        param = refusal(with_value(path, object())).param
        assert param.removesuffix(".type") == written(path).removesuffix(".type"), path


@pytest.mark.parametrize(
    "fields",
    [
        {"input": [{}] * 1000},
        {"input": [{"role": "user", "content": [{}] * 1000}]},
        {
            "input": [
                {"role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": [1] * 1000}]}
            ]
        },
        {"input": [{"type": "reasoning", "summary": [1] * 1000}]},
        {"input": [{"role": "user", "content": "a", **{f"unknown_{n}": 1 for n in range(1000)}}]},
        {"include": ["unknown"] * 1000},
        {"metadata": {f"key_{n}": 1 for n in range(1000)}},
        {f"unknown_{n}": 1 for n in range(1000)},
    ],
    ids=["items", "parts", "annotations", "summary", "item", "include", "metadata", "fields"],
)
def test_one_mistake_is_enough_to_end_the_reading(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        CreateResponse.model_validate({"model": "agent", "input": "Hi", **fields})
    assert caught.value.error_count() == 1
