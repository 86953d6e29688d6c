"""The OpenAI SDK for Python, unchanged, against the service on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.support.service import Service
from tests.support.weather import STRICT


@pytest.fixture
def client(service: Service, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=service.base_url, api_key=key, max_retries=0) as sdk:
        yield sdk


def test_create_gives_the_answers_text(client: openai.OpenAI) -> None:
    response = client.responses.create(model="agent", input="Hello!")
    assert response.status == "completed"
    assert response.output_text
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_a_raw_stream_gives_every_delta(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model="agent", input="Hello!", stream=True))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert events[-1].type == "response.completed"
    assert text == events[-1].response.output_text


def test_the_stream_helper_gives_the_final_response(client: openai.OpenAI) -> None:
    with client.responses.stream(model="agent", input="Hello!") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text
    assert final.output_text == text


def test_parse_gives_a_typed_answer(client: openai.OpenAI) -> None:
    class Person(BaseModel):
        name: str
        age: int

    parsed = client.responses.parse(model="agent", input="My name is Ada and I am 36.", text_format=Person)
    assert isinstance(parsed.output_parsed, Person)


def test_retrieve_gives_the_response_that_was_created(client: openai.OpenAI) -> None:
    created = client.responses.create(model="agent", input="Hello!")
    assert client.responses.retrieve(created.id).to_dict() == created.to_dict()


def test_a_stored_response_can_be_read_as_a_stream(client: openai.OpenAI) -> None:
    created = client.responses.create(model="agent", input="Hello!", include=["message.output_text.logprobs"])
    events = list(client.responses.retrieve(created.id, stream=True, include=["message.output_text.logprobs"]))
    assert events[-1].type == "response.completed"
    assert events[-1].response.to_dict() == created.to_dict()
    later = list(client.responses.retrieve(created.id, stream=True, starting_after=4))
    assert [event.sequence_number for event in later] == list(range(5, len(events)))


def test_input_items_are_paged_by_the_sdk_itself(client: openai.OpenAI) -> None:
    said = [f"{number}" for number in range(7)]
    created = client.responses.create(model="agent", input=[{"role": "user", "content": text} for text in said])
    items = client.responses.input_items.list(created.id, limit=3, order="asc")
    assert [item.content[0].text for item in items] == said  # type: ignore[union-attr]


def test_a_cancellation_gives_the_response_as_its_stream_ends(client: openai.OpenAI) -> None:
    stream = client.responses.create(model="agent", input="Hello!", stream=True)
    first = next(iter(stream))
    assert first.type == "response.created"
    cancelled = client.responses.cancel(first.response.id)
    ending = list(stream)[-1]
    assert ending.type in {"response.incomplete", "response.completed"}
    assert cancelled.status == ending.response.status


def test_a_deleted_response_is_not_found(client: openai.OpenAI) -> None:
    created = client.responses.create(model="agent", input="Hello!")
    client.responses.delete(created.id)
    for ask in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            ask(created.id)


def test_a_conversation_remembers(client: openai.OpenAI) -> None:
    first = client.responses.create(model="agent", input="My name is Ada.")
    second = client.responses.create(model="agent", input="What is my name?", previous_response_id=first.id)
    assert "Ada" in second.output_text


def test_a_function_is_called_and_its_output_is_used(client: openai.OpenAI) -> None:
    first = client.responses.create(model="agent", input="What is the weather in Paris?", tools=[STRICT])
    call = next(item for item in first.output if item.type == "function_call")
    assert set(json.loads(call.arguments)) == {"city"}
    second = client.responses.create(
        model="agent",
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "17 degrees and sunny"}],
        tools=[STRICT],
    )
    assert "17 degrees and sunny" in second.output_text


def test_a_function_call_streams_its_arguments(client: openai.OpenAI) -> None:
    with client.responses.stream(model="agent", input="What is the weather in Paris?", tools=[STRICT]) as stream:
        done = [event for event in stream if event.type == "response.function_call_arguments.done"]
        final = stream.get_final_response()
    call = next(item for item in final.output if item.type == "function_call")
    assert done[0].arguments == call.arguments


def test_a_custom_tool_is_called_with_text_and_its_output_is_used(client: openai.OpenAI) -> None:
    tool: openai.types.responses.CustomToolParam = {"type": "custom", "name": "note", "description": "Writes a note."}
    with client.responses.stream(model="agent", input="Please note that roses are red", tools=[tool]) as stream:
        pieces = [event.delta for event in stream if event.type == "response.custom_tool_call_input.delta"]
        first = stream.get_final_response()
    (call,) = first.output
    assert call.type == "custom_tool_call"
    assert call.input == "".join(pieces) != ""
    output = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "noted"}
    second = client.responses.create(model="agent", previous_response_id=first.id, input=[output], tools=[tool])
    assert "noted" in second.output_text
    third = client.responses.create(
        model="agent", input=[{"role": "user", "content": "Hi"}, call.model_dump(), output], tools=[tool]
    )
    assert "noted" in third.output_text
    listed = client.responses.input_items.list(second.id, order="asc")
    assert [item.type for item in listed] == ["message", "custom_tool_call", "custom_tool_call_output"]


def test_a_shell_and_patches_are_called_and_their_outputs_are_used(client: openai.OpenAI) -> None:
    outputs = {
        "shell": {"output": [{"stdout": "a.txt", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]},
        "apply_patch": {"status": "completed", "output": "a.txt is patched"},
        "local_shell": {"output": "a.txt"},
    }
    for kind, output in outputs.items():
        first = client.responses.create(model="agent", input=f"Use {kind}", tools=[{"type": kind}])
        (call,) = first.output
        assert call.type == f"{kind}_call"
        answer = {"type": f"{kind}_call_output", "call_id": call.call_id, **output}
        second = client.responses.create(model="agent", previous_response_id=first.id, input=[answer])
        assert "a.txt" in second.output_text
        sent = [{"role": "user", "content": "Hi"}, call.model_dump(), answer]
        assert "a.txt" in client.responses.create(model="agent", input=sent).output_text


def test_hosted_tools_are_left_out_and_named(client: openai.OpenAI) -> None:
    asked = client.responses.with_raw_response.create(
        model="agent", input="Hello!", tools=[{"type": "web_search"}], include=["web_search_call.action.sources"]
    )
    assert asked.headers["x-antiphon-tools-left-out"] == "web_search"
    response = asked.parse()
    assert response.tools == []
    assert response.model_extra is not None
    assert response.model_extra["antiphon"]["tools_left_out"] == ["web_search"]


def test_the_output_can_be_sent_back_as_input(client: openai.OpenAI) -> None:
    first = client.responses.create(model="agent", input="My name is Ada.", store=False)
    history = [{"role": "user", "content": "My name is Ada."}, *(item.to_dict() for item in first.output)]
    history.append({"role": "user", "content": "What is my name?"})
    second = client.responses.create(model="agent", input=history, store=False)  # type: ignore[arg-type]
    assert "Ada" in second.output_text


def test_an_image_is_seen(client: openai.OpenAI) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    part = {"type": "input_image", "image_url": f"data:image/png;base64,{pixel}", "detail": "auto"}
    text = {"type": "input_text", "text": "What is this?"}
    response = client.responses.create(model="agent", input=[{"role": "user", "content": [text, part]}])  # type: ignore[list-item]
    assert "image" in response.output_text


def test_input_items_are_paged(client: openai.OpenAI) -> None:
    texts = [f"Number {number}" for number in range(5)]
    response = client.responses.create(model="agent", input=[{"role": "user", "content": text} for text in texts])
    pages = client.responses.input_items.list(response.id, limit=2, order="asc")
    assert len(pages.data) == 2
    assert [item.content[0].text for item in pages] == texts  # type: ignore[union-attr]


def test_a_deleted_response_is_gone(client: openai.OpenAI) -> None:
    response = client.responses.create(model="agent", input="Hello!")
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_a_stored_response_is_read_as_a_stream(client: openai.OpenAI) -> None:
    created = client.responses.create(model="agent", input="Hello!")
    events = list(client.responses.retrieve(created.id, stream=True))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == created.output_text


def test_models_lists_the_agents(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["acting", "agent", "asking", "both"]
    assert client.models.retrieve("agent").id == "agent"


def test_errors_are_the_sdks_own_exceptions(client: openai.OpenAI, service: Service) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.responses.create(model="absent", input="Hi")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.responses.create(model="agent", input="Hi", temperature=3)
    assert (wrong.value.code, wrong.value.param) == ("out_of_range", "temperature")
    stranger = openai.OpenAI(base_url=service.base_url, api_key="nonsense")
    with stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_the_asynchronous_client_streams_many_at_once(service: Service, key: str) -> None:
    async def one(sdk: openai.AsyncOpenAI, number: int) -> str:
        stream = await sdk.responses.create(model="agent", input=f"My number is {number}.", stream=True)
        events = [event async for event in stream]
        return events[-1].response.output_text if events[-1].type == "response.completed" else ""

    async def many() -> list[str]:
        async with openai.AsyncOpenAI(base_url=service.base_url, api_key=key) as sdk:
            return await asyncio.gather(*(one(sdk, number) for number in range(16)))

    assert all(asyncio.run(many()))


def test_conversations_work_as_with_openai(client: openai.OpenAI) -> None:
    conversation = client.conversations.create(
        items=[{"type": "message", "role": "user", "content": "My name is Ada."}], metadata={"topic": "demo"}
    )
    assert conversation.id.startswith("conv_")
    response = client.responses.create(model="agent", conversation=conversation.id, input="What is my name?")
    assert "Ada" in response.output_text
    assert response.conversation is not None
    assert response.conversation.id == conversation.id
    parsed = client.responses.parse(model="agent", conversation=conversation.id, input="Again, please.")
    assert parsed.status == "completed"
    items = client.conversations.items
    assert [item.type for item in items.list(conversation.id, order="asc", limit=2)] == ["message"] * 5
    newest = items.list(conversation.id, limit=1).data[0]
    assert newest.id is not None
    assert items.retrieve(newest.id, conversation_id=conversation.id) == newest
    assert items.delete(newest.id, conversation_id=conversation.id).id == conversation.id
    added = items.create(conversation.id, items=[{"role": "user", "content": "One more."}])
    assert added.last_id == added.data[-1].id
    assert len(list(items.list(conversation.id, include=["web_search_call.action.sources"]))) == 5
    assert client.conversations.update(conversation.id, metadata={"topic": "songs"}).metadata == {"topic": "songs"}
    assert client.conversations.retrieve(conversation.id).metadata == {"topic": "songs"}
    assert client.conversations.delete(conversation.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(conversation.id)


def test_a_client_waits_for_a_conversation_that_is_locked(service: Service, key: str) -> None:
    """OpenAI's SDKs send a request again that was answered 409, as ``retry-after`` and ``x-should-retry`` say."""

    async def both() -> list[str]:
        async with openai.AsyncOpenAI(base_url=service.base_url, api_key=key, max_retries=5) as sdk:
            conversation = (await sdk.conversations.create()).id
            ask = [sdk.responses.create(model="agent", conversation=conversation, input=name) for name in ("A", "B")]
            await asyncio.gather(*ask)
            items = [item async for item in sdk.conversations.items.list(conversation, order="asc")]
            return [str(getattr(item, "role", "")) for item in items]

    assert asyncio.run(both()) == ["user", "assistant", "user", "assistant"]


def test_a_long_conversation_is_compacted_by_itself(client: openai.OpenAI) -> None:
    managed: Any = [{"type": "compaction", "compact_threshold": 1000}]
    long = "My name is Ada. " + "It rained for a long while, and then it rained again. " * 150
    history: Any = [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": long}]
    history.append({"role": "user", "content": "Go on."})
    first = client.responses.create(model="agent", input=history, store=False, context_management=managed)
    assert first.output[0].type == "compaction"
    rest: Any = [*(item.to_dict() for item in first.output), {"role": "user", "content": "Hello again!"}]
    with client.responses.stream(model="agent", input=rest, store=False, context_management=managed) as stream:
        final = stream.get_final_response()
    assert [item.type for item in final.output] == ["message"]


def test_tools_run_on_the_server_and_their_items_are_sent_back(client: openai.OpenAI) -> None:
    first = client.responses.create(model="acting", input="What is the population of Paris?")
    assert [item.type for item in first.output] == ["mcp_call", "message"]
    call = first.output[0]
    assert isinstance(call, openai.types.responses.response_output_item.McpCall)
    assert (call.server_label, call.name, call.output) == ("atlas", "get_population", "2.1 million people")
    asked: Any = [
        {"role": "user", "content": "What is the population of Paris?"},
        *[item.model_dump() for item in first.output],
        {"role": "user", "content": "And the population of Rome?"},
    ]
    assert "2.1 million" in client.responses.create(model="acting", input=asked).output_text
    references: Any = [{"type": "item_reference", "id": item.id} for item in first.output]
    again = client.responses.create(model="acting", input=[*references, {"role": "user", "content": "Thanks"}])
    assert again.status == "completed"


def test_the_stream_helper_follows_a_tool_that_runs_on_the_server(client: openai.OpenAI) -> None:
    with client.responses.stream(model="acting", input="What is the population of Paris?") as stream:
        seen = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.mcp_call_arguments.done" in seen
    assert "response.mcp_call.completed" in seen
    assert final.output[0].type == "mcp_call"
    assert "2.1 million" in final.output_text


def test_a_call_is_approved_by_the_items_of_the_sdk(client: openai.OpenAI) -> None:
    tools: Any = [{"type": "mcp", "server_label": "atlas", "server_url": "https://atlas.example/mcp"}]
    question = "What is the population of Paris?"
    first = client.responses.create(model="asking", input=question, tools=tools)
    assert [item.type for item in first.output] == ["mcp_list_tools", "message", "mcp_approval_request"]
    approval: Any = {"type": "mcp_approval_response", "approve": True, "approval_request_id": first.output[2].id}
    second = client.responses.create(model="asking", input=[approval], previous_response_id=first.id, tools=tools)
    assert "2.1 million" in second.output_text
