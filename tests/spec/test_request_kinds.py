"""Unknown kinds of items, content and tools are refused by their path."""

from __future__ import annotations

import pytest

from tests.support.full_request import (
    IMAGE,
    ITEMS,
    body,
    function,
    message,
    refused,
)

# Row 19: unknown kinds


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": [message(), message(), message(), {"type": "weather"}]}, "input[3].type"),
        ({"input": [message(role="wizard")]}, "input[0].role"),
        ({"input": [message(role=5)]}, "input[0].role"),
        ({"input": [message([{"type": "input_video", "video_url": "u"}])]}, "input[0].content[0].type"),
        ({"input": [message([{"type": "output_text", "text": "Hi"}])]}, "input[0].content[0].type"),
        ({"input": [message([IMAGE], "system")]}, "input[0].content[0].type"),
        ({"input": [message([{"type": "input_text", "text": "Hi"}], "assistant")]}, "input[0].content[0].type"),
        ({"input": [{**ITEMS[8], "output": [{"type": "weather"}]}]}, "input[0].output[0].type"),
        ({"input": [{**ITEMS[5], "summary": [{"type": "weather", "text": ""}]}]}, "input[0].summary[0].type"),
        ({"tools": [{"type": "custom", "name": "a", "format": {"type": "json"}}]}, "tools[0].format.type"),
        ({"tools": [{"type": "namespace", "name": "a", "tools": [{"type": "shell"}]}]}, "tools[0].tools[0].type"),
        ({"tool_choice": {"type": "image_generation"}}, "tool_choice.type"),
        (
            {"tool_choice": {"type": "allowed_tools", "tools": [{"type": "image_generation"}]}},
            "tool_choice.tools[0].type",
        ),
        ({"tools": [function(), {**function(), "type": "weather"}]}, "tools[1].type"),
        ({"tool_choice": "weather"}, "tool_choice"),
        ({"tool_choice": {"type": "weather"}}, "tool_choice.type"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
        ({"text": {"verbosity": "loud"}}, "text.verbosity"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"include": ["weather"]}, "include[0]"),
        ({"truncation": "some"}, "truncation"),
        ({"service_tier": "gold"}, "service_tier"),
    ],
)
def test_an_unknown_kind_is_refused_by_its_exact_path(fields, param):
    assert refused(body(**fields)) == ("unsupported_value", param)
