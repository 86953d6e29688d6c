"""What the real openai-python writes of an answer, an item or a page of input items can be sent back as input."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.support.files import PNG
from tests.support.service import Service
from tests.support.upstream import Script, Upstream, answer, chunk, finish, text, tool_call, usage

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
CALLING = Script.stream(
    chunk({"reasoning_content": "Hm."}),
    text("Let me see."),
    tool_call(0, "call_a", "look", "{}"),
    finish("tool_calls"),
    usage(3, 2),
)
OUTPUT = {"type": "function_call_output", "call_id": "call_a", "output": [{"type": "input_text", "text": "4"}]}
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
QUESTION = {"role": "user", "content": "How many?"}

WAYS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "objects": lambda items: items,
    "model_dump": lambda items: [item.model_dump() for item in items],
    "model_dump by alias": lambda items: [item.model_dump(by_alias=True) for item in items],
    "model_dump mode json": lambda items: [item.model_dump(mode="json") for item in items],
    "model_dump_json": lambda items: [json.loads(item.model_dump_json()) for item in items],
    "to_dict": lambda items: [item.to_dict() for item in items],
    "to_dict with nulls": lambda items: [item.to_dict(exclude_unset=False) for item in items],
    "to_json": lambda items: [json.loads(item.to_json()) for item in items],
}


class Count(BaseModel):
    n: int


@pytest.fixture
def client(service: Service, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=service.base_url, api_key=key, max_retries=0) as made:
        yield made


def roles(upstream: Upstream) -> list[str]:
    return [message["role"] for message in upstream.requests[-1].body["messages"]]


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)
def test_an_answers_output_can_be_sent_back(client: Any, upstream: Upstream, write: Any) -> None:
    """https://github.com/BerriAI/litellm/issues/13420: OpenAI's own API refuses ``status`` of reasoning."""
    upstream.scripts = [CALLING, answer("Four")]
    include = ["reasoning.encrypted_content"]
    first = client.responses.create(model="agent", input=[QUESTION], tools=[TOOL], store=False, include=include)
    second = client.responses.create(model="agent", input=[QUESTION, *write(first.output), OUTPUT], tools=[TOOL])
    assert second.output_text == "Four"
    assert roles(upstream) == ["user", "assistant", "tool"]


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)
def test_a_page_of_input_items_can_be_sent_back(client: Any, upstream: Upstream, write: Any) -> None:
    upstream.scripts = [CALLING, answer("Four")]
    first = client.responses.create(model="agent", input=[QUESTION], tools=[TOOL])
    second = client.responses.create(model="agent", input=[OUTPUT], previous_response_id=first.id, tools=[TOOL])
    items = client.responses.input_items.list(second.id, order="asc").data
    assert [item.type for item in items] == ["message", "reasoning", "message", "function_call", "function_call_output"]
    again = client.responses.create(model="agent", input=[*write(items), *write(second.output), QUESTION])
    assert again.output_text == "Four"
    assert roles(upstream) == ["user", "assistant", "tool", "assistant", "user"]


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)
def test_a_parsed_or_streamed_answer_can_be_sent_back(client: Any, upstream: Upstream, write: Any) -> None:
    upstream.scripts = [answer('{"n":4}')]
    parsed = client.responses.parse(model="agent", input=[QUESTION], text_format=Count)
    with client.responses.stream(model="agent", input=[QUESTION], text_format=Count) as stream:
        streamed = stream.get_final_response()
    for response in (parsed, streamed):
        assert response.output_parsed == Count(n=4)
        again = client.responses.create(model="agent", input=[QUESTION, *write(response.output), QUESTION])
        assert again.status == "completed"


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # openai-python reads all messages as answers
def test_a_compacted_conversation_can_be_sent_back(client: Any, upstream: Upstream) -> None:
    seen = {
        "role": "user",
        "content": [{"type": "input_text", "text": "This:"}, {"type": "input_image", "image_url": PNG_URL}],
    }
    talk = [QUESTION, seen, {"role": "assistant", "content": "Four. " * 400}]
    short = client.responses.compact(model="agent", input=talk)
    for write in WAYS.values():
        client.responses.create(model="agent", input=[*write(short.output), QUESTION])
    assert roles(upstream) == ["user", "user", "assistant", "user"]


def test_a_whole_dumped_answer_gives_the_next_request(client: Any, upstream: Upstream) -> None:
    """Settings that an answer echoes can be sent with the next request, nulls and all."""
    first = client.responses.create(model="agent", input="Hi", tools=[TOOL], temperature=1, metadata={"a": "b"})
    names = ["tools", "tool_choice", "text", "reasoning", "truncation", "metadata", "temperature", "top_p", "prompt"]
    names += ["max_output_tokens", "max_tool_calls", "parallel_tool_calls", "instructions", "conversation", "user"]
    names += ["prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "background", "image"]
    dumped = first.model_dump(by_alias=True)
    body = {name: dumped[name] for name in names}
    second = client.post("/responses", body={"model": "agent", "input": "Hi", **body}, cast_to=object)
    assert second["status"] == "completed"
