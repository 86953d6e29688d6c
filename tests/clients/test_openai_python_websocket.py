"""``responses.connect()`` of the OpenAI SDK for Python, unchanged, against the service on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.support.service import Service

ENDINGS = {"response.completed", "response.incomplete", "response.failed", "error"}


@pytest.fixture
def client(service: Service, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=service.base_url, api_key=key, max_retries=0) as sdk:
        yield sdk


def answered(connection: Any) -> list[Any]:
    """Read the events of one answer."""
    events = [connection.recv()]
    while events[-1].type not in ENDINGS:
        events.append(connection.recv())
    return events


def test_a_connection_streams_one_answer_after_the_other(client: openai.OpenAI) -> None:
    with client.responses.connect() as connection:
        for words in ("Hello!", "Hello again!"):
            connection.response.create(model="agent", input=words)
            events = answered(connection)
            text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
            assert events[-1].type == "response.completed"
            assert text == events[-1].response.output_text
            assert client.responses.retrieve(events[-1].response.id).output_text == text


def test_an_unstored_answer_is_continued_on_its_connection(client: openai.OpenAI) -> None:
    with client.responses.connect() as connection:
        connection.response.create(model="agent", input="My name is Ada.", store=False)
        first = answered(connection)[-1].response
        connection.response.create(model="agent", input="What is my name?", store=False, previous_response_id=first.id)
        assert "Ada" in answered(connection)[-1].response.output_text


def test_a_function_is_called_and_its_output_is_sent_alone(client: openai.OpenAI) -> None:
    tool: Any = {
        "type": "function",
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
    with client.responses.connect() as connection:
        connection.response.create(model="agent", input="What is the weather in Paris?", tools=[tool], store=False)
        first = answered(connection)[-1].response
        call = next(item for item in first.output if item.type == "function_call")
        output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "17 degrees and sunny"}
        connection.response.create(
            model="agent", input=[output], tools=[tool], store=False, previous_response_id=first.id
        )
        assert "17 degrees and sunny" in answered(connection)[-1].response.output_text


def test_an_error_is_an_event_and_the_connection_goes_on(client: openai.OpenAI) -> None:
    with client.responses.connect() as connection:
        connection.response.create(model="absent", input="Hello!")
        error = answered(connection)[-1]
        assert (error.type, error.status, error.error.code) == ("error", 404, "model_not_found")
        connection.response.create(model="agent", input="Hello!")
        assert answered(connection)[-1].type == "response.completed"


def test_handlers_are_called_with_the_events_of_their_types(client: openai.OpenAI) -> None:
    said: list[str] = []
    with client.responses.connect() as connection:
        connection.on("response.output_text.delta", lambda event: said.append(event.delta))
        connection.on("response.completed", lambda _event: connection.close())
        connection.response.create(model="agent", input="Hello!")
        connection.dispatch_events()
    assert "Hello!" in "".join(said)


def test_the_asynchronous_client_holds_many_connections(service: Service, key: str) -> None:
    async def one(sdk: openai.AsyncOpenAI, number: int) -> str:
        async with sdk.responses.connect() as connection:
            await connection.response.create(model="agent", input=f"My number is {number}.")
            async for event in connection:
                if event.type == "response.completed":
                    return event.response.output_text
        return ""

    async def many() -> list[str]:
        async with openai.AsyncOpenAI(base_url=service.base_url, api_key=key) as sdk:
            return await asyncio.gather(*(one(sdk, number) for number in range(16)))

    assert all(asyncio.run(many()))
