from __future__ import annotations

import asyncio
import base64
import json
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate

from antiphon.errors import ProviderError
from antiphon.ports import Delta, ModelCall, ReasoningDelta, StopDelta, TextDelta, ToolCallDelta, UsageDelta
from antiphon.providers.demo import memory
from antiphon.providers.demo.answer import INTRODUCTION
from antiphon.providers.demo.model import Demo
from antiphon.providers.demo.schema import MOST_VALUES
from antiphon.providers.demo.tokens import count_tokens, pieces
from antiphon.records import Item
from tests.support.calls import assistant, function_call, function_call_output, function_tool, model_call, run, user

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = function_tool("get_weather", CITY, description="Tells the weather of a city.")
TIME = function_tool("get_time", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 32, 16)
GIF = b"GIF89a" + struct.pack("<HH", 7, 5) + b"\x00\x00\x00"
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08" + struct.pack(">HH", 9, 11) + b"\x03\x01\x22\x00"


def say(items: str | list[Item], **more: Any) -> list[Delta]:
    return run(Demo(), model_call(items, **more))


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def answer(items: str | list[Item], **more: Any) -> str:
    return text_of(say(items, **more))


def calls_of(deltas: list[Delta]) -> list[tuple[str, Any]]:
    slots: dict[int, list[str]] = {}
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            slots.setdefault(delta.slot, [delta.name or ""]).append(delta.arguments)
    return [(name, json.loads("".join(arguments))) for name, *arguments in slots.values()]


def data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def test_it_says_what_it_is_and_quotes_the_user() -> None:
    assert answer("Hello there") == f"{INTRODUCTION} You said: “Hello there”."


def test_the_same_call_gets_the_same_deltas() -> None:
    call = model_call("Weather in Paris?", tools=[WEATHER], reasoning={"effort": "high"})
    assert run(Demo(), call) == run(Demo(), call)


def test_it_streams_word_by_word_and_counts_each_delta() -> None:
    deltas = say("Hello there")
    texts = [delta for delta in deltas if isinstance(delta, TextDelta)]
    assert texts[:3] == [TextDelta("I"), TextDelta(" am"), TextDelta(" Antiphon")]
    assert deltas[-2:] == [UsageDelta(2, len(texts)), StopDelta("stop")]


def test_every_call_passes_the_check() -> None:
    Demo().check(model_call([user([{"type": "input_file", "file_url": "https://example.com/a"}])]))


async def test_it_takes_its_time_where_told_to() -> None:
    stream = Demo(pause=3600).stream(model_call("Hi"))
    assert await anext(stream) == TextDelta("I")
    second = asyncio.ensure_future(anext(stream))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not second.done()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


def test_the_deadline_ends_it() -> None:
    with pytest.raises(ProviderError) as caught:
        run(Demo(), model_call(deadline=0.0))
    assert caught.value.code == "provider_timeout"


async def test_other_tasks_run_while_it_streams() -> None:
    async def scenario() -> list[str]:
        order: list[str] = []

        async def stream(name: str) -> None:
            async for _ in Demo().stream(model_call("Hi")):
                order.append(name)  # noqa: PERF401 two tasks write

        await asyncio.gather(stream("a"), stream("b"))
        return order

    assert (await scenario())[:4] == ["a", "b", "a", "b"]


# functions


@pytest.mark.parametrize("choice", ["auto", "required", {"type": "function", "name": "get_weather"}])
def test_it_calls_a_function_that_is_offered(choice: str | dict[str, str]) -> None:
    deltas = say("What is the weather in Paris?", tools=[TIME, WEATHER], tool_choice=choice)
    assert calls_of(deltas) == [("get_weather", {"city": "Paris"})]
    assert deltas[-1] == StopDelta("tool_calls")
    assert text_of(deltas) == ""


def test_without_a_choice_it_calls_too() -> None:
    assert calls_of(say("Hi", tools=[WEATHER]))[0][0] == "get_weather"


def test_it_calls_the_named_function_whatever_is_asked() -> None:
    choice = {"type": "function", "name": "get_time"}
    assert calls_of(say("The weather in Rome?", tools=[WEATHER, TIME], tool_choice=choice)) == [
        ("get_time", {"city": "Rome"})
    ]


def test_it_calls_none_where_none_may_be_called() -> None:
    assert INTRODUCTION in answer("Weather in Paris?", tools=[WEATHER], tool_choice="none")


def test_allowed_tools_bring_their_mode() -> None:
    choice = {"type": "allowed_tools", "mode": "none", "tools": [{"type": "function", "name": "get_weather"}]}
    assert INTRODUCTION in answer("Weather in Paris?", tools=[WEATHER], tool_choice=choice)


def test_it_calls_all_functions_that_the_user_names() -> None:
    deltas = say("Use get_time and then get weather for Oslo", tools=[WEATHER, TIME], parallel_tool_calls=True)
    assert calls_of(deltas) == [("get_time", {"city": "Oslo"}), ("get_weather", {"city": "Oslo"})]
    ids = [delta.call_id for delta in deltas if isinstance(delta, ToolCallDelta) and delta.call_id]
    assert len(set(ids)) == 2


def test_it_makes_one_call_where_parallel_calls_are_off() -> None:
    deltas = say("Use get_time and get_weather for Oslo", tools=[WEATHER, TIME], parallel_tool_calls=False)
    assert calls_of(deltas) == [("get_time", {"city": "Oslo"})]


def test_a_function_without_parameters_gets_an_empty_object() -> None:
    assert calls_of(say("Ping", tools=[function_tool("ping")])) == [("ping", {})]


def test_calls_of_two_turns_have_different_ids() -> None:
    def call_id(items: list[Item]) -> str | None:
        first = say(items, tools=[WEATHER])[0]
        assert isinstance(first, ToolCallDelta)
        return first.call_id

    asked = user("Weather in Paris?")
    later = [
        asked,
        function_call("call_1", "get_weather"),
        function_call_output("call_1", "sun"),
        assistant("sun"),
        asked,
    ]
    assert call_id([asked]) != call_id(later)


def test_it_answers_from_the_outputs_of_functions() -> None:
    said = answer(
        [
            user("Weather in Paris and Rome?"),
            function_call("call_1", "get_weather", '{"city":"Paris"}'),
            function_call("call_2", "get_weather", '{"city":"Rome"}'),
            function_call_output("call_1", "18 degrees"),
            function_call_output("call_2", [{"type": "input_text", "text": "21 degrees"}]),
        ],
        tools=[WEATHER],
        tool_choice="required",
    )
    assert said == "get_weather says: 18 degrees\nget_weather says: 21 degrees"


def test_arguments_fit_a_strict_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "when": {"$ref": "#/$defs/day"},
            "guests": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        },
        "required": ["when", "guests"],
        "additionalProperties": False,
        "$defs": {"day": {"enum": ["today", "tomorrow"]}},
    }
    [(_, arguments)] = calls_of(say("A table for tomorrow", tools=[function_tool("book", schema, strict=True)]))
    validate(arguments, schema)
    assert arguments["when"] == "tomorrow"


# formats


def test_a_json_schema_is_obeyed_with_values_from_the_conversation() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    form = {"type": "json_schema", "name": "person", "schema": schema, "strict": True}
    assert json.loads(answer("Ada is 36 years old", text={"format": form})) == {"name": "Ada", "age": 36}


def test_a_json_schema_is_obeyed_after_a_function_too() -> None:
    form = {"type": "json_schema", "name": "n", "schema": {"properties": {"degrees": {"type": "integer"}}}}
    items = [user("Weather?"), function_call("call_1", "f"), function_call_output("call_1", "18 degrees")]
    assert json.loads(answer(items, text={"format": form})) == {"degrees": 18}


def test_a_json_object_is_an_object() -> None:
    assert json.loads(answer("Hi", text={"format": {"type": "json_object"}})) == {"answer": answer("Hi")}


# memory


@pytest.mark.parametrize(
    ("told", "asked", "expected"),
    [
        ("My name is Ada.", "What is my name?", "Your name is Ada."),
        ("Hello, I'm Ada!", "Who am I?", "You are Ada."),
        ("Call me Ishmael", "What's my name?", "Your name is Ishmael."),
        ("My favourite colour is green.", "What is my favourite colour?", "Your favourite colour is green."),
        ("My cat is Tom and my dog is called Rex", "tell me about my dog", "Your dog is called Rex."),
        ("The code word is 'plum'.", "What was the code word?", "The code word is plum."),
        (
            "Remember the number 42.",
            "What number did I ask you to remember?",
            "You asked me to remember: the number 42.",
        ),
        ("Remember the number 42.", "Which number was it?", "You asked me to remember: the number 42."),
    ],
)
def test_it_recalls_what_it_was_told(told: str, asked: str, expected: str) -> None:
    assert answer([user(told), assistant("Noted."), user(asked)]) == expected


def test_the_latest_fact_holds() -> None:
    items = [user("My name is Ada."), user("Sorry, my name is Grace."), user("What is my name?")]
    assert answer(items) == "Your name is Grace."


def test_it_recalls_nothing_that_it_was_not_told() -> None:
    assert INTRODUCTION in answer([user("My name is Ada."), user("What is my age?")])


def test_it_quotes_earlier_turns() -> None:
    assert answer([user("One"), assistant("x"), user("Two")]).endswith("Earlier you said: “One”.")


def test_it_shows_that_instructions_reached_it() -> None:
    developer: Item = {"type": "message", "role": "developer", "content": "Be kind."}
    said = answer([developer, user("Hi")], instructions="Speak like a pirate.")
    assert said.endswith("My instructions begin: “Speak like a pirate. Be kind.”.")


def test_long_quotes_are_cut() -> None:
    assert len(answer("x" * 5000, instructions="y " * 5000)) < 700


# sight


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        (data_url("image/png", PNG), "I see 1 image: image/png of 32 x 16 pixels."),
        (data_url("image/gif", GIF), "I see 1 image: image/gif of 7 x 5 pixels."),
        (data_url("image/jpeg", JPEG), "I see 1 image: image/jpeg of 11 x 9 pixels."),
        (data_url("image/webp", b"RIFF"), "I see 1 image: image/webp of 4 bytes."),
        (data_url("image/png", PNG[:12]), "I see 1 image: image/png of 12 bytes."),
        (data_url("image/jpeg", JPEG[:9]), "I see 1 image: image/jpeg of 9 bytes."),
        ("data:image/png;base64,!", "I see 1 image: image/png of 0 bytes."),
        ("https://example.com/a.png", "I see 1 image: one behind a link, which I do not open."),
    ],
)
def test_it_sees_an_image(url: str, seen: str) -> None:
    assert seen in answer([user([{"type": "input_text", "text": "Look"}, {"type": "input_image", "image_url": url}])])


def test_it_counts_images_and_files() -> None:
    parts = [
        {"type": "input_image", "image_url": data_url("image/png", PNG)},
        {"type": "input_image", "image_url": data_url("image/gif", GIF)},
        {"type": "input_file", "filename": "a.txt", "file_data": data_url("text/plain", b"hello")},
        {"type": "input_file", "filename": "b.txt", "file_data": base64.b64encode(b"hi").decode()},
        {"type": "input_file", "file_url": "https://example.com/c"},
    ]
    said = answer([user(parts)])
    assert "I see 2 images: image/png of 32 x 16 pixels, image/gif of 7 x 5 pixels." in said
    assert "I see 3 files: a.txt (text/plain, 5 bytes), b.txt (2 bytes), one without a name, behind a link" in said


# limits, reasoning, log probabilities


def test_max_output_tokens_cuts_a_text() -> None:
    deltas = say("Hello there", max_output_tokens=16)
    assert deltas[-2:] == [UsageDelta(2, 16), StopDelta("length")]
    assert text_of(deltas) == "".join(pieces(answer("Hello there"))[:16])


def test_max_output_tokens_cuts_the_arguments_of_a_call() -> None:
    deltas = say("Weather in Paris", tools=[WEATHER], max_output_tokens=5)
    assert len(deltas) == 5 + 2
    assert deltas[-1] == StopDelta("length")


def test_an_answer_of_exactly_the_limit_is_whole() -> None:
    count = len(pieces(answer("Hello there")))
    assert say("Hello there", max_output_tokens=count)[-1] == StopDelta("stop")


def test_it_reasons_where_an_effort_was_set() -> None:
    deltas = say("Hi", reasoning={"effort": "low", "summary": None})
    thoughts = [delta for delta in deltas if isinstance(delta, ReasoningDelta)]
    usage = deltas[-2]
    assert isinstance(usage, UsageDelta)
    assert usage.reasoning_tokens == len(thoughts) > 5
    assert usage.output_tokens == len(thoughts) + len(pieces(text_of(deltas)))


@pytest.mark.parametrize(
    "call",
    [
        model_call("Hi", reasoning={"effort": "none"}),
        model_call("Hi", reasoning=None),
        model_call("Hi", defaults={"reasoning": {"effort": "low"}}),
    ],
)
def test_it_does_not_reason_unasked(call: ModelCall) -> None:
    assert not any(isinstance(delta, ReasoningDelta) for delta in run(Demo(), call))


def test_log_probabilities_are_well_formed() -> None:
    [first, *_] = say("Hi", include_logprobs=True, top_logprobs=2)
    assert isinstance(first, TextDelta)
    assert first.logprobs is not None
    [entry] = first.logprobs
    assert (entry["token"], entry["bytes"], len(entry["top_logprobs"])) == ("I", [73], 2)
    assert entry["top_logprobs"][0] == {name: entry[name] for name in ("token", "logprob", "bytes")}
    assert entry["top_logprobs"][1]["logprob"] < entry["logprob"] <= 0


def test_without_top_log_probabilities_there_are_none() -> None:
    [first, *_] = say("Hi", include_logprobs=True)
    assert isinstance(first, TextDelta)
    assert first.logprobs is not None
    assert first.logprobs[0]["top_logprobs"] == []


# tokens


@given(st.text(max_size=200))
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_tokens_are_counted_exactly() -> None:
    assert pieces("Hello, incomprehensibly  good world!") == [
        "Hello",
        ",",
        " incomprehens",
        "ibly",
        "  good",
        " world",
        "!",
    ]
    call = model_call(
        [
            user(
                [
                    {"type": "input_text", "text": "Look here"},
                    {"type": "input_image", "image_url": "https://example.com"},
                ]
            ),
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]},
            function_call("call_1", "f", "{}"),
            function_call_output("call_1", "a b c"),
        ],
        instructions="Be brief.",
        text={"format": {"type": "json_schema", "schema": {}}},
    )
    assert count_tokens(call) == 3 + 2 + 85 + 1 + 1 + 2 + 3


def test_tools_count_as_their_json() -> None:
    call = model_call("Hi", tools=[{"a": 1}])
    assert count_tokens(call) == 1 + len(pieces('{"a":1}'))


@pytest.mark.parametrize(
    "text", ["word " * 1_000_000, "my a is b. " * 400_000, "1 2 3-4 " * 500_000, "get_weathe " * 400_000]
)
def test_it_reads_a_bounded_part_of_a_long_text_once_for_all_tools(text: str) -> None:
    """Read anew for each of 128 tools, 5.8 MB of text took 106 seconds."""
    tools = [function_tool(f"get_weather_{n}", CITY) for n in range(128)]
    [(_, arguments)] = calls_of(say(text, tools=tools))
    assert len(arguments["city"]) <= memory.LONGEST


def test_it_reads_the_newest_texts_of_a_long_conversation() -> None:
    texts = [str(n) * 5000 for n in range(10)] * 1000
    read = memory.newest([*texts, "The end"])
    assert read[-1] == "The end"
    assert len(read) <= memory.LATEST
    assert sum(map(len, read)) <= 200_000


def test_all_calls_of_an_answer_have_a_bounded_number_of_values_together() -> None:
    properties = {f"p{n}": {"type": "string"} for n in range(400)}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    tools = [function_tool(f"tool{n}", parameters, strict=False) for n in range(100)]
    calls = calls_of(say(" ".join(tool["name"] for tool in tools), tools=tools))
    assert len(calls) == 100
    assert sum(value is not None for _, arguments in calls for value in arguments.values()) <= MOST_VALUES


class Noting(list[Item]):
    """Items that note the threads in which they are read."""

    def __init__(self, *items: Item) -> None:
        super().__init__(items)
        self.threads: set[int] = set()

    def __iter__(self) -> Iterator[Item]:
        self.threads.add(threading.get_ident())
        return super().__iter__()


def test_a_large_answer_is_worked_out_beside_the_event_loop() -> None:
    small, large = Noting(user("short")), Noting(user("long " * 100_000))
    say(small)
    say(large)
    here = threading.get_ident()
    assert small.threads == {here}
    assert large.threads - {here}
