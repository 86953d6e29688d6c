"""Reading a request: the specification is accepted; all else is refused by its path, never with its content."""

from __future__ import annotations

import json

import pytest

from antiphon.errors import ApiError
from antiphon.spec import content, items, request, tools
from antiphon.spec.request import IGNORED, CreateResponse, parse_create
from tests.support.full_request import (
    CANARY,
    FULL,
    IMAGE,
    ITEMS,
    PARAMETERS,
    body,
    function,
    message,
    refused,
)
from tests.support.schema import check, document

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
