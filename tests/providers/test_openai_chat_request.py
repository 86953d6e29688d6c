from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from antiphon.errors import ApiError
from antiphon.ports import ModelCall
from antiphon.providers.description import family_of
from antiphon.providers.openai_chat.description import UNKNOWN as CHAT
from antiphon.providers.openai_chat.request import chat_request
from antiphon.records import Item
from tests.support.calls import assistant, function_call, function_call_output, function_tool, model_call, user

FRAME = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
HELLO = {"role": "user", "content": "Hello"}
SCHEMA = {
    "type": "object",
    "properties": {"a.b": {"$ref": "#/$defs/city"}, "c": {"type": ["string", "null"]}},
    "required": ["a.b"],
    "$defs": {"city": {"type": "string", "pattern": "^\\w+$"}},
    "additionalProperties": False,
}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def body(call: ModelCall) -> dict[str, Any]:
    return chat_request(call, CHAT, "compatible")


def messages(*items: Item) -> list[dict[str, Any]]:
    translated: list[dict[str, Any]] = body(model_call(items))["messages"]
    return translated


def extras(call: ModelCall) -> dict[str, Any]:
    return {name: value for name, value in body(call).items() if name not in {*FRAME, "messages"}}


def test_the_smallest_call_is_four_fields() -> None:
    assert body(model_call()) == {**FRAME, "messages": [HELLO]}


def test_instructions_come_first_as_a_system_message() -> None:
    translated = body(model_call(instructions="Be brief."))["messages"]
    assert translated == [{"role": "system", "content": "Be brief."}, HELLO]


def test_a_conversation_with_parallel_calls_is_translated_exactly() -> None:
    assert messages(
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Use tools."}]},
        user([{"type": "input_text", "text": "Weather in Paris"}, {"type": "input_text", "text": "and Rome?"}]),
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Two calls."}]},
        assistant("I will look."),
        function_call("call_1", "weather", '{"city":"Paris"}'),
        {"type": "reasoning", "summary": []},
        function_call("call_2", "weather", '{"city": "Rome"}'),
        function_call_output("call_1", "sunny"),
        function_call_output(
            "call_2", [{"type": "input_text", "text": "rain"}, {"type": "input_text", "text": "12 °C"}]
        ),
        assistant("Sun and rain."),
        user("Thanks"),
    ) == [
        {"role": "system", "content": "Use tools."},
        {"role": "user", "content": "Weather in Paris\nand Rome?"},
        {
            "role": "assistant",
            "content": "I will look.",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}},
                {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call_2", "content": "rain\n12 °C"},
        {"role": "assistant", "content": "Sun and rain."},
        {"role": "user", "content": "Thanks"},
    ]


def test_calls_of_two_turns_stay_apart() -> None:
    translated = messages(
        user("x"),
        function_call("call_1", "f"),
        function_call_output("call_1", "1"),
        function_call("call_2", "f"),
        function_call_output("call_2", "2"),
    )
    assert [message["role"] for message in translated] == ["user", "assistant", "tool", "assistant", "tool"]
    assert translated[1]["content"] is None


def test_text_after_a_call_joins_the_message_of_its_turn() -> None:
    translated = messages(
        user("x"), function_call("call_1", "f"), assistant("Wait."), function_call_output("call_1", "1")
    )
    assert [message["role"] for message in translated] == ["user", "assistant", "tool"]
    assert translated[1]["content"] == "Wait."


def test_a_message_without_a_type_or_with_plain_content_is_read() -> None:
    assert messages({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}) == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
    ]


def test_images_and_files_become_content_parts() -> None:
    [message] = messages(
        user(
            [
                {"type": "input_text", "text": "Look"},
                {"type": "input_image", "image_url": PIXEL, "detail": "low"},
                {"type": "input_image", "image_url": "https://example.com/a.png", "detail": None},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
            ]
        )
    )
    assert message["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
    ]


REFUSAL = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Well."}, {"type": "refusal", "refusal": "No."}],
}


def test_openai_itself_is_told_its_own_words() -> None:
    developer = {"type": "message", "role": "developer", "content": "d"}
    system = {"type": "message", "role": "system", "content": "s"}
    call = model_call([developer, system, REFUSAL, user("x")], max_output_tokens=50)
    sent = chat_request(call, CHAT, "openai")
    assert sent["messages"][:3] == [
        {"role": "developer", "content": "d"},
        {"role": "system", "content": "s"},
        {"role": "assistant", "content": "Well.", "refusal": "No."},
    ]
    assert sent["max_completion_tokens"] == 50
    assert "max_tokens" not in sent


def test_a_compatible_endpoint_reads_a_refusal_as_text() -> None:
    assert messages(REFUSAL) == [{"role": "assistant", "content": "Well.\nNo."}]


def test_a_refusal_alone_has_no_content() -> None:
    only = {**REFUSAL, "content": REFUSAL["content"][1:]}
    sent = chat_request(model_call([only]), CHAT, "openai")
    assert sent["messages"] == [{"role": "assistant", "content": None, "refusal": "No."}]


@pytest.mark.parametrize(
    "item",
    [
        user([{"type": "input_file", "file_url": "https://example.com/a.pdf"}]),
        user([{"type": "input_file", "filename": "a.pdf"}]),
        user([{"type": "input_image", "image_url": None}]),
        user([{"type": "input_video", "video_url": "https://example.com/a.mp4"}]),
        function_call_output("call_1", [{"type": "input_image", "image_url": PIXEL}]),
        function_call_output("call_1", [{"type": "input_file", "file_data": "AA=="}]),
        {"type": "item_reference", "id": "x"},
    ],
)
def test_what_the_protocol_cannot_carry_is_refused(item: Item) -> None:
    with pytest.raises(ApiError) as caught:
        messages(user("x"), item)
    assert caught.value.code == "unsupported_value"
    assert "example.com" not in caught.value.message


def test_all_settings_have_their_name_there() -> None:
    call = model_call(
        temperature=0,
        top_p=0.5,
        presence_penalty=1,
        frequency_penalty=-1,
        max_output_tokens=64,
        service_tier="flex",
        prompt_cache_key="k",
        safety_identifier="s",
        reasoning={"effort": "low", "summary": None},
        text={"format": {"type": "text"}, "verbosity": "low"},
    )
    assert extras(call) == {
        "temperature": 0,
        "top_p": 0.5,
        "presence_penalty": 1,
        "frequency_penalty": -1,
        "max_tokens": 64,
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "reasoning_effort": "low",
        "verbosity": "low",
    }


def test_settings_that_nobody_set_are_not_sent() -> None:
    defaults = {
        "temperature": 1.0,
        "top_p": 1.0,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "text": {"format": {"type": "json_object"}},
        "reasoning": {"effort": "low"},
        "top_logprobs": 0,
    }
    assert set(extras(model_call(tools=[function_tool("f")], defaults=defaults))) == {"tools"}


def test_settings_set_to_null_are_not_sent() -> None:
    call = model_call(temperature=None, max_output_tokens=None, reasoning=None, text=None, top_logprobs=None)
    assert extras(call) == {}


def test_log_probabilities_are_asked_for_only_where_they_are_included() -> None:
    assert extras(model_call(include_logprobs=True, top_logprobs=3)) == {"logprobs": True, "top_logprobs": 3}
    assert extras(model_call(include_logprobs=True)) == {"logprobs": True}
    assert extras(model_call(top_logprobs=3)) == {}


def test_a_json_schema_is_passed_on_untouched() -> None:
    form = {"type": "json_schema", "name": "n", "description": None, "schema": SCHEMA, "strict": True}
    assert extras(model_call(text={"format": form})) == {
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
    }


def test_a_json_object_is_asked_for() -> None:
    assert extras(model_call(text={"format": {"type": "json_object"}})) == {"response_format": {"type": "json_object"}}


def test_tools_are_passed_on_untouched() -> None:
    tool = function_tool("f", SCHEMA, description="Does f.", strict=True)
    call = model_call(tools=[tool, function_tool("g")], parallel_tool_calls=False)
    assert extras(call) == {
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": "Does f.", "parameters": SCHEMA, "strict": True},
            },
            {"type": "function", "function": {"name": "g"}},
        ],
        "parallel_tool_calls": False,
    }


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}, "required"),
        ({"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}]}, "auto"),
    ],
)
def test_a_tool_choice_is_translated(choice: str | dict[str, Any], sent: str | dict[str, Any]) -> None:
    assert extras(model_call(tools=[function_tool("f")], tool_choice=choice))["tool_choice"] == sent


def test_an_unknown_tool_choice_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        body(model_call(tools=[function_tool("f")], tool_choice={"type": "hosted"}))
    assert (caught.value.code, caught.value.param) == ("unsupported_value", "tool_choice.type")


def test_without_tools_nothing_is_said_about_them() -> None:
    assert extras(model_call(tool_choice="none", parallel_tool_calls=True)) == {}


def test_stop_sequences_are_sent_to_models_that_take_them() -> None:
    """OpenAI: ``stop`` takes 4, and "is not supported with latest reasoning models"."""
    call = replace(model_call(), stop=("a", "b", "c", "d", "e"))
    assert body(call)["stop"] == ["a", "b", "c", "d"]
    reasons = family_of("openai_chat", "gpt-5", "api.openai.com").capabilities
    assert "stop" not in chat_request(call, reasons, "openai")
