"""Pydantic AI's ``OpenAIResponsesModel`` and ``OpenAIChatModel``, unchanged."""

from __future__ import annotations

import cases
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

MODEL = (OpenAIChatModel if cases.API == "chat" else OpenAIResponsesModel)(
    cases.AGENT, provider=OpenAIProvider(base_url=cases.BASE_URL, api_key=cases.API_KEY)
)


async def text() -> None:
    result = await Agent(MODEL).run("Hello!")
    assert "Hello!" in result.output
    assert result.usage.output_tokens > 0


async def streaming() -> None:
    async with Agent(MODEL).run_stream("Hello!") as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
    assert len(pieces) > 1
    assert "Hello!" in "".join(pieces)


async def tools_over_several_turns() -> None:
    agent = Agent(MODEL, tools=[cases.get_weather])
    first = await agent.run("What is the weather in Paris?")
    second = await agent.run("And the weather in Rome?", message_history=first.all_messages())
    assert "17 degrees and sunny in Paris" in first.output
    assert "17 degrees and sunny in Rome" in second.output


async def memory_by_items() -> None:
    first = await Agent(MODEL).run("My name is Ada.")
    second = await Agent(MODEL).run("What is my name?", message_history=first.all_messages())
    assert "Ada" in second.output


async def memory_by_previous_response_id() -> None:
    first = await Agent(MODEL).run("My name is Ada.")
    last = first.all_messages()[-1].provider_response_id
    second = await Agent(MODEL).run("What is my name?", model_settings={"openai_previous_response_id": last})
    assert "Ada" in second.output


async def structured_output() -> None:
    result = await Agent(MODEL, output_type=cases.Person).run("My name is Ada and I am 36.")
    assert isinstance(result.output, cases.Person)


PROVIDER = OpenAIProvider(base_url=cases.BASE_URL, api_key=cases.API_KEY)
ACTING, BOTH = (type(MODEL)(name, provider=PROVIDER) for name in (cases.ACTING, cases.BOTH))


async def server_tools() -> None:
    first = await Agent(ACTING).run("What is the population of Paris?")
    assert cases.POPULATION in first.output
    second = await Agent(ACTING).run("And the population of Rome?", message_history=first.all_messages())
    assert cases.POPULATION in second.output


async def server_tools_streaming() -> None:
    async with Agent(ACTING).run_stream("What is the population of Paris?") as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
    assert cases.POPULATION in "".join(pieces)


async def server_tools_beside_own() -> None:
    agent = Agent(BOTH, tools=[cases.get_weather])
    first = await agent.run(cases.FOR_BOTH)
    assert cases.WEATHER in first.output
    assert cases.POPULATION in first.output
    second = await agent.run(cases.FOR_BOTH, message_history=first.all_messages())
    assert cases.POPULATION in second.output


COMMON = (
    server_tools,
    server_tools_streaming,
    server_tools_beside_own,
    text,
    streaming,
    tools_over_several_turns,
    memory_by_items,
    structured_output,
)
cases.run(*COMMON, *(() if cases.API == "chat" else (memory_by_previous_response_id,)))
