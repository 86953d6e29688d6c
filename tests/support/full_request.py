"""A request with everything, and how one is refused."""

from __future__ import annotations

import pytest

from antiphon.errors import ApiError
from antiphon.spec.request import parse_create

CANARY = "canary-9d41"


PARAMETERS = {
    "type": "object",
    "properties": {"a.b": {"$ref": "#/$defs/x"}, "$ref": {"const": None, "default": None}, "": {"enum": [None, 1.5]}},
    "$defs": {"x": {"type": ["string", "null"]}},
}


IMAGE = {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"}


FILE = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}


CITATION = {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://example.com", "title": "t"}


ITEMS = [
    {"type": "message", "role": "user", "content": "Hi", "id": "msg_123", "status": "completed"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}, IMAGE, FILE]},
    {"type": "message", "role": "system", "content": "Be brief."},
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
    {
        "type": "message",
        "role": "assistant",
        "phase": "final_answer",
        "content": [
            {"type": "output_text", "text": "Hm", "annotations": [CITATION]},
            {"type": "refusal", "refusal": "No."},
        ],
    },
    {
        "type": "reasoning",
        "id": "rs_123",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "A",
    },
    {"type": "function_call", "id": "fc_123", "call_id": "call_1", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "4", "status": "completed"},
    {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "4"}, IMAGE]},
    {"type": "item_reference", "id": "msg_123"},
]


FULL = {
    "model": "helper",
    "input": ITEMS,
    "previous_response_id": "resp_123",
    "instructions": "Be kind.",
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "tools": [{"type": "function", "name": "look", "description": "d", "parameters": PARAMETERS, "strict": True}],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
    "parallel_tool_calls": False,
    "max_tool_calls": 3,
    "metadata": {"a.b": "c"},
    "text": {
        "format": {"type": "json_schema", "name": "n", "description": "d", "schema": PARAMETERS, "strict": True},
        "verbosity": "low",
    },
    "temperature": 2,
    "top_p": 1,
    "presence_penalty": -2,
    "frequency_penalty": 0.5,
    "max_output_tokens": 16,
    "top_logprobs": 20,
    "reasoning": {"effort": "xhigh", "summary": "auto"},
    "truncation": "disabled",
    "service_tier": "flex",
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "user": "u",
    "store": False,
    "background": True,
    "stream": True,
    "stream_options": {"include_obfuscation": False},
}


def body(**fields):
    return {"model": "helper", "input": "Hi", **fields}


def message(content="Hi", role="user", **fields):
    return {"type": "message", "role": role, "content": content, **fields}


def function(**fields):
    return {"type": "function", "name": "look", **fields}


def refusal(document):
    with pytest.raises(ApiError) as caught:
        parse_create(document)
    assert caught.value.status == 400
    return caught.value


def refused(document):
    error = refusal(document)
    return error.code, error.param
