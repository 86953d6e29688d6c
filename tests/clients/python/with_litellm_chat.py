"""LiteLLM, unchanged: the provider ``openai`` at another base URL."""

from __future__ import annotations

import json
from typing import Any

import cases
import litellm

TO = {"model": f"openai/{cases.AGENT}", "api_base": cases.BASE_URL, "api_key": cases.API_KEY, "num_retries": 0}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Return the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


async def ask(messages: list[Any], **fields: Any) -> Any:
    return (await litellm.acompletion(messages=messages, **TO, **fields)).choices[0].message


async def text() -> None:
    answer = await litellm.acompletion(messages=[user("Hello!")], **TO)
    assert "Hello!" in answer.choices[0].message.content
    assert answer.usage.total_tokens > 0


async def streaming() -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = [chunk async for chunk in await litellm.acompletion(messages=[user("Hello!")], **TO, **options)]
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert len(pieces) > 1
    assert "Hello!" in "".join(pieces)
    assert chunks[-1].usage.total_tokens > 0


async def tools_over_several_turns() -> None:
    history: list[Any] = []
    for city in ("Paris", "Rome"):
        history.append(user(f"What is the weather in {city}?"))
        calling = await ask(history, tools=[TOOL])
        history.append(calling.model_dump())
        for call in calling.tool_calls:
            output = f"17 degrees and sunny in {json.loads(call.function.arguments)['city']}"
            history.append({"role": "tool", "tool_call_id": call.id, "name": "get_weather", "content": output})
        answer = await ask(history, tools=[TOOL])
        history.append(answer.model_dump())
        assert f"17 degrees and sunny in {city}" in answer.content


async def memory_by_items() -> None:
    history: list[Any] = [user("My name is Ada.")]
    history += [(await ask(history)).model_dump(), user("What is my name?")]
    assert "Ada" in (await ask(history)).content


async def structured_output() -> None:
    answer = await ask([user("My name is Ada and I am 36.")], response_format=cases.Person)
    assert cases.Person.model_validate_json(answer.content)


async def stop_sequences() -> None:
    whole = (await ask([user("Hello!")])).content
    assert (await ask([user("Hello!")], stop=[" "])).content == whole.partition(" ")[0]


async def an_unknown_agent() -> None:
    try:
        await litellm.acompletion(messages=[user("Hello!")], **{**TO, "model": "openai/nobody"})
    except litellm.NotFoundError:
        return
    raise AssertionError


async def an_image() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{cases.PIXEL}"}}
    assert "image" in (await ask([user([{"type": "text", "text": "What is this?"}, image])])).content


def of(agent: str) -> dict[str, Any]:
    return {"model": f"openai/{agent}"}


async def server_tools() -> None:
    history: list[Any] = [user("What is the population of Paris?")]
    first = await litellm.acompletion(messages=history, **{**TO, **of(cases.ACTING)})
    assert first.choices[0].finish_reason == "stop"
    assert cases.POPULATION in first.choices[0].message.content
    history += [first.choices[0].message.model_dump(), user("And the population of Rome?")]
    second = await litellm.acompletion(messages=history, **{**TO, **of(cases.ACTING)})
    assert cases.POPULATION in second.choices[0].message.content


async def server_tools_streaming() -> None:
    options = {**TO, **of(cases.ACTING), "stream": True}
    asked = [user("What is the population of Paris?")]
    chunks = [chunk async for chunk in await litellm.acompletion(messages=asked, **options)]
    assert cases.POPULATION in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


async def server_tools_beside_own() -> None:
    options = {**TO, **of(cases.BOTH), "tools": [TOOL]}
    history: list[Any] = [user(cases.FOR_BOTH)]
    calling = (await litellm.acompletion(messages=history, **options)).choices[0].message
    [call] = calling.tool_calls
    assert call.function.name == "get_weather"
    history += [calling.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": cases.WEATHER}]
    answer = (await litellm.acompletion(messages=history, **options)).choices[0].message
    assert cases.WEATHER in answer.content
    assert cases.POPULATION in answer.content


cases.run(
    server_tools,
    server_tools_streaming,
    server_tools_beside_own,
    text,
    streaming,
    tools_over_several_turns,
    memory_by_items,
    structured_output,
    stop_sequences,
    an_unknown_agent,
    an_image,
)
