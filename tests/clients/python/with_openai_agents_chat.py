"""The OpenAI Agents SDK, unchanged: ``Runner`` on ``OpenAIChatCompletionsModel``."""

from __future__ import annotations

import cases
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)
CALLS: list[str] = []


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    CALLS.append(f"weather {city}")
    return "17 degrees and sunny"


@function_tool
def get_time(city: str) -> str:
    """Tell the time in a city."""
    CALLS.append(f"time {city}")
    return "noon exactly"


def agent(*tools: object) -> Agent:
    client = AsyncOpenAI(base_url=cases.BASE_URL, api_key=cases.API_KEY, max_retries=0)
    return Agent(name="Guide", model=OpenAIChatCompletionsModel(cases.AGENT, client), tools=list(tools))


def asks(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


async def text() -> None:
    result = await Runner.run(agent(), "Hello!")
    assert "Hello!" in result.final_output


async def streaming() -> None:
    result = Runner.run_streamed(agent(), "Hello!")
    raw = [event.data async for event in result.stream_events() if event.type == "raw_response_event"]
    pieces = [event.delta for event in raw if event.type == "response.output_text.delta"]
    assert len(pieces) > 1
    assert "".join(pieces) == result.final_output


async def tools_over_several_turns() -> None:
    guide = agent(get_weather, get_time)
    first = await Runner.run(guide, "What is the weather in Paris?")
    second = await Runner.run(guide, [*first.to_input_list(), asks("And the time in Rome?")])
    assert "17 degrees and sunny" in first.final_output
    assert "noon exactly" in second.final_output
    assert CALLS == ["weather Paris", "time Rome"]


async def memory_by_items() -> None:
    first = await Runner.run(agent(), "My name is Ada.")
    second = await Runner.run(agent(), [*first.to_input_list(), asks("What is my name?")])
    assert "Ada" in second.final_output


cases.run(text, streaming, tools_over_several_turns, memory_by_items)
