"""The OpenAI SDK for Python, its Chat Completions, unchanged, against the service on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from tests.support.service import Service


@pytest.fixture
def client(service: Service, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=service.base_url, api_key=key, max_retries=0) as sdk:
        yield sdk


class Person(BaseModel):
    name: str
    age: int


PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL: openai.types.chat.ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Tell the weather.", "parameters": PARAMETERS, "strict": True},
}
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello!"}]


def test_create_gives_the_answers_text(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="agent", messages=HELLO)
    assert completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


def test_a_raw_stream_gives_the_same_text_and_its_usage(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="agent", messages=HELLO)
    chunks = list(
        client.chat.completions.create(
            model="agent", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage


def test_the_stream_helper_gives_the_final_completion(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="agent", messages=HELLO) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    assert text
    assert final.choices[0].message.content == text


def test_parse_gives_a_typed_answer(client: openai.OpenAI) -> None:
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "My name is Ada and I am 36."}]
    parsed = client.chat.completions.parse(model="agent", messages=said, response_format=Person)
    assert isinstance(parsed.choices[0].message.parsed, Person)


def test_a_function_is_called_and_its_output_is_used(client: openai.OpenAI) -> None:
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = client.chat.completions.create(model="agent", messages=said, tools=[TOOL]).choices[0]
    assert first.finish_reason == "tool_calls"
    assert first.message.tool_calls
    call = first.message.tool_calls[0]
    assert call.type == "function"
    assert set(json.loads(call.function.arguments)) == {"city"}
    output: ChatCompletionMessageParam = {"role": "tool", "tool_call_id": call.id, "content": "17 degrees and sunny"}
    history = [*said, first.message.to_dict(), output]
    second = client.chat.completions.create(model="agent", messages=history, tools=[TOOL])  # type: ignore[arg-type]
    assert "17 degrees and sunny" in (second.choices[0].message.content or "")


def test_a_function_call_streams_its_arguments(client: openai.OpenAI) -> None:
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather in Paris?"}]
    with client.chat.completions.stream(model="agent", messages=said, tools=[TOOL]) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls
    assert done[0].arguments == calls[0].function.arguments


def test_an_image_is_seen(client: openai.OpenAI) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{pixel}"}}
    said = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}]
    completion = client.chat.completions.create(model="agent", messages=said)  # type: ignore[arg-type]
    assert "image" in (completion.choices[0].message.content or "")


def test_a_history_is_remembered(client: openai.OpenAI) -> None:
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "My name is Ada."}]
    first = client.chat.completions.create(model="agent", messages=said)
    history = [*said, first.choices[0].message.to_dict(), {"role": "user", "content": "What is my name?"}]
    second = client.chat.completions.create(model="agent", messages=history)  # type: ignore[arg-type]
    assert "Ada" in (second.choices[0].message.content or "")


def test_errors_have_the_classes_that_callers_catch(service: Service, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody", messages=HELLO)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="agent", messages=[])
    stranger = openai.OpenAI(base_url=service.base_url, api_key="wrong", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError):
        stranger.chat.completions.create(model="agent", messages=HELLO)


def test_the_asynchronous_client_streams(service: Service, key: str) -> None:
    async def streamed() -> str:
        async with openai.AsyncOpenAI(base_url=service.base_url, api_key=key, max_retries=0) as sdk:
            stream = await sdk.chat.completions.create(model="agent", messages=HELLO, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(streamed())
