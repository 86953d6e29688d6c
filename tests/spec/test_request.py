"""Reading a request: the specification is accepted; all else is refused by its path, never with its content."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from pydantic import ValidationError

from antiphon.errors import ApiError
from antiphon.spec import content, items, request, tools
from antiphon.spec.base import MAX_TEXT
from antiphon.spec.request import IGNORED, CreateResponse, parse_create
from tests.support.schema import check, document

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
FURTHER = [
    {"type": "function_call", "call_id": "call_2", "namespace": "crm", "name": "find", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_2", "output": "4"},
    {
        "type": "custom_tool_call",
        "id": "ctc_1",
        "call_id": "call_3",
        "name": "edit",
        "input": "a",
        "status": "completed",
    },
    {"type": "custom_tool_call_output", "call_id": "call_3", "output": [{"type": "input_text", "text": "4"}, IMAGE]},
    {
        "type": "local_shell_call",
        "call_id": "call_4",
        "action": {
            "type": "exec",
            "command": ["ls", "-l"],
            "env": {"A": "b"},
            "timeout_ms": 5,
            "user": "root",
            "working_directory": "/",
        },
        "status": "completed",
    },
    {"type": "local_shell_call_output", "call_id": "call_4", "output": "a", "status": "completed"},
    {
        "type": "shell_call",
        "call_id": "call_5",
        "action": {"commands": ["ls", "pwd"], "timeout_ms": 5, "max_output_length": 6},
        "status": "completed",
    },
    {
        "type": "shell_call_output",
        "call_id": "call_5",
        "output": [
            {"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
            {"stdout": "", "stderr": "b", "outcome": {"type": "timeout"}},
        ],
        "max_output_length": 6,
        "status": "completed",
    },
    {
        "type": "apply_patch_call",
        "call_id": "call_6",
        "operation": {"type": "update_file", "path": "a", "diff": "@@\n-a\n+b\n"},
        "status": "completed",
    },
    {"type": "apply_patch_call_output", "call_id": "call_6", "status": "failed", "output": "no"},
    {"type": "apply_patch_call", "call_id": "call_7", "operation": {"type": "delete_file", "path": "a"}},
    {"type": "apply_patch_call_output", "call_id": "call_7", "status": "completed"},
]
"""Items of OpenAI's API beyond the specification."""

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


# What is accepted


def test_a_request_with_everything_is_accepted_and_valid_in_the_official_schema():
    check("CreateResponseBody", FULL)
    parse_create(FULL)


def test_a_request_is_written_as_it_was_read():
    assert parse_create(parse_create(FULL).wire()) == parse_create(FULL)


def test_every_field_of_the_official_schema_is_known():
    assert set(document()["components"]["schemas"]["CreateResponseBody"]["properties"]) <= set(
        CreateResponse.model_fields
    )


def test_the_official_example_of_an_answer_can_be_sent_back():
    example = document()["components"]["schemas"]["ResponseResource"]["example"]
    parsed = parse_create(body(input=[*example["output"], message()]))
    assert parsed.input[0].wire()["content"][0]["text"] == example["output"][0]["content"][0]["text"]


@pytest.mark.parametrize(
    ("schema", "item"),
    [
        ("UserMessageItemParam", message()),
        ("SystemMessageItemParam", message(role="system")),
        ("DeveloperMessageItemParam", message(role="developer")),
        ("AssistantMessageItemParam", message(role="assistant")),
        ("ReasoningItemParam", {"type": "reasoning", "summary": []}),
        ("FunctionCallItemParam", {"type": "function_call", "call_id": "c", "name": "look", "arguments": ""}),
        ("FunctionCallOutputItemParam", {"type": "function_call_output", "call_id": "c", "output": ""}),
    ],
)
def test_the_official_example_ids_are_accepted(schema, item):
    identifier = document()["components"]["schemas"][schema]["properties"]["id"]["anyOf"][0]["example"]
    check(schema, {**item, "id": identifier})
    assert parse_create(body(input=[{**item, "id": identifier}])).input[0].id == identifier


def test_the_official_example_of_a_previous_response_is_accepted():
    field = document()["components"]["schemas"]["CreateResponseBody"]["properties"]["previous_response_id"]
    example = field["anyOf"][0]["example"]
    assert parse_create(body(previous_response_id=example)).previous_response_id == example


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ("ToolChoiceValueEnum", lambda value: {"tool_choice": value}),
        ("IncludeEnum", lambda value: {"include": [value]}),
        ("VerbosityEnum", lambda value: {"text": {"verbosity": value}}),
        ("ReasoningEffortEnum", lambda value: {"reasoning": {"effort": value}}),
        ("ReasoningSummaryEnum", lambda value: {"reasoning": {"summary": value}}),
        ("TruncationEnum", lambda value: {"truncation": value}),
        ("ServiceTierEnum", lambda value: {"service_tier": value}),
        ("DetailEnum", lambda value: {"input": [message([{**IMAGE, "detail": value}])]}),
        ("FunctionCallStatus", lambda value: {"input": [{**ITEMS[6], "status": value}]}),
    ],
)
def test_every_value_of_the_official_enumerations_is_accepted(schema, place):
    for value in document()["components"]["schemas"][schema]["enum"]:
        parse_create(body(**place(value)))


@pytest.mark.parametrize("item", FURTHER, ids=lambda item: item["type"])
def test_an_item_of_openais_further_tools_is_written_as_it_was_read(item):
    assert parse_create(body(input=[item])).input[0].wire() == item


def test_the_id_of_a_local_shells_output_may_be_that_of_its_call():
    """openai-python's ``LocalShellCallOutput`` has no ``call_id``."""
    sent = {"type": "local_shell_call_output", "id": "call_1", "output": "a"}
    told = parse_create(body(input=[sent])).input[0].wire()
    assert told == {"type": "local_shell_call_output", "call_id": "call_1", "output": "a"}


def test_a_tool_that_programs_may_call_too_is_offered_and_one_that_only_they_may_call_is_refused():
    parse_create(body(tools=[function(allowed_callers=["programmatic", "direct"])]))
    assert refused(body(tools=[function(allowed_callers=["programmatic"])])) == (
        "unsupported_value",
        "tools[0].allowed_callers[0]",
    )


@pytest.mark.parametrize(
    "name",
    [
        "web_search_call.results",
        "web_search_call.action.sources",
        "file_search_call.results",
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "message.input_image.image_url",
    ],
)
def test_what_may_be_included_of_features_that_are_not_there_is_accepted(name):
    """openai-python's ``ResponseIncludable``: with OpenAI, too, they give nothing if there is no such item."""
    assert parse_create(body(include=[name])).include == [name]


def test_a_role_and_content_alone_are_a_message():
    assert parse_create(body(input=[{"role": "user", "content": "Hi"}])).input[0].wire() == message()


def test_an_id_alone_is_an_item_reference():
    assert parse_create(body(input=[{"id": "msg_123"}])).input[0].wire() == {"type": "item_reference", "id": "msg_123"}


def test_references_dotted_keys_and_nulls_in_a_tools_schema_survive():
    parsed = parse_create(FULL)
    assert parsed.tools[0].parameters == PARAMETERS
    assert parsed.tools[0].wire() == FULL["tools"][0]


def test_references_dotted_keys_and_nulls_in_a_text_schema_survive():
    parsed = parse_create(FULL)
    assert parsed.text.format.schema_ == PARAMETERS
    assert parsed.text.wire() == FULL["text"]


def test_text_is_kept_to_the_character():
    text = "\x00 \ufeff\r\n\u2028 \N{GRINNING FACE} e\u0301 "
    parsed = parse_create(body(input=[message(text)], instructions=text))
    assert (parsed.input[0].content, parsed.instructions) == (text, text)


def test_what_clients_send_back_with_an_answer_is_accepted_and_says_nothing():
    sent = [
        message([{"type": "output_text", "text": "4", "logprobs": [], "parsed": {"n": 4}}], "assistant"),
        {**ITEMS[6], "parsed_arguments": {}},
        {**ITEMS[5], "content": [{"type": "reasoning_text", "text": "hm"}], "status": "completed"},
    ]
    seen = json.dumps([item.wire() for item in parse_create(body(input=sent)).input])
    assert not any(name in seen for name in ("logprobs", "parsed", "reasoning_text"))


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_a_field_on_the_list_of_ignored_names_is_without_effect(name):
    assert parse_create(body(**{name: CANARY})) == parse_create(body())


# Null means absent


@pytest.mark.parametrize("name", sorted(set(CreateResponse.model_fields) - {"model"}))
def test_null_for_an_optional_field_is_absent(name):
    sent = {"model": "helper", name: None}
    assert parse_create(sent) == parse_create({"model": "helper"})


SMALLEST = [
    (items.UserMessage, {"role": "user", "content": "Hi"}),
    (items.InstructingMessage, {"role": "system", "content": "Hi"}),
    (items.AssistantMessage, {"role": "assistant", "content": "Hi"}),
    (items.FunctionCall, {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}),
    (items.FunctionCallOutput, {"type": "function_call_output", "call_id": "c", "output": "4"}),
    (items.Reasoning, {"type": "reasoning", "summary": []}),
    (items.ItemReference, {"id": "msg_123"}),
    (content.InputImage, {"type": "input_image", "image_url": "https://example.com/a.png"}),
    (content.InputFile, {"type": "input_file"}),
    (content.OutputText, {"type": "output_text", "text": "Hi"}),
    (tools.FunctionTool, {"type": "function", "name": "look"}),
    (tools.AllowedTools, {"type": "allowed_tools", "tools": [{"type": "function", "name": "look"}]}),
    (request.TextParam, {}),
    (request.ReasoningParam, {}),
    (request.StreamOptions, {}),
    (request.JsonSchemaFormat, {"type": "json_schema", "name": "n", "schema": {}}),
]


@pytest.mark.parametrize(("model", "smallest"), SMALLEST, ids=lambda value: getattr(value, "__name__", ""))
def test_null_for_an_optional_field_inside_is_absent(model, smallest):
    optional = [field.alias or name for name, field in model.model_fields.items() if not field.is_required()]
    assert optional
    assert model.model_validate({**dict.fromkeys(optional), **smallest}) == model.model_validate(smallest)


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"model": None, "input": "Hi"}, "model"),
        (body(input=[message(None)]), "input[0].content"),
        (body(tools=[function(name=None)]), "tools[0].name"),
    ],
)
def test_null_for_a_required_field_is_refused(sent, param):
    assert refused(sent) == ("invalid_type", param)


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"input": "Hi"}, "model"),
        (body(input=[{"type": "message", "role": "user"}]), "input[0].content"),
        (body(tools=[{"type": "function"}]), "tools[0].name"),
        (body(text={"format": {"type": "json_schema", "name": "n"}}), "text.format.schema"),
    ],
)
def test_a_required_field_that_is_missing_is_named(sent, param):
    assert refused(sent) == ("missing_required_parameter", param)


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
        ({"tools": [{"type": "mcp", "server_label": "a", "server_url": "https://a.example"}]}, "tools[0].type"),
        ({"tools": [{"type": "custom", "name": "a", "format": {"type": "json"}}]}, "tools[0].format.type"),
        ({"tools": [{"type": "namespace", "name": "a", "tools": [{"type": "shell"}]}]}, "tools[0].tools[0].type"),
        ({"tool_choice": {"type": "web_search_preview"}}, "tool_choice.type"),
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


def test_a_long_input_is_read_in_slices_that_change_nothing() -> None:
    texts = [{"type": "input_text", "text": f"{n}"} for n in range(900)]
    sent = [{"role": "user", "content": f"{n}"} for n in range(1200)] + [{"role": "user", "content": texts}] * 3
    document = {"model": "agent", "input": sent, "temperature": 0.5}
    assert parse_create(document) == CreateResponse.model_validate(document)
    assert max(sum(map(request.weight_of, cut)) for cut in request.slices(sent)) <= request.SLICE + 901
    for index, wrong in ((0, 1), (499, "x"), (777, {}), (1201, {"role": "user", "content": [*texts, {"type": "no"}]})):
        with pytest.raises(ApiError) as caught:
            parse_create({**document, "input": [*sent[:index], wrong, *sent[index + 1 :]]})
        assert f"input[{index}]" in caught.value.message
