"""LangChain's ``ChatOpenAI`` on the Responses API, unchanged."""

from __future__ import annotations

import cases
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, custom_tool
from pydantic import BaseModel

MODEL = ChatOpenAI(
    model=cases.AGENT, base_url=cases.BASE_URL, api_key=cases.API_KEY, use_responses_api=True, max_retries=0
)


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"17 degrees and sunny in {city}"


async def text() -> None:
    answer = await MODEL.ainvoke("Hello!")
    assert "Hello!" in answer.text
    assert answer.usage_metadata["total_tokens"] > 0


async def streaming() -> None:
    pieces = [chunk.text async for chunk in MODEL.astream("Hello!")]
    assert len(pieces) > 1
    assert "Hello!" in "".join(pieces)


async def tools_over_several_turns() -> None:
    model = MODEL.bind_tools([get_weather])
    history = []
    for city in ("Paris", "Rome"):
        history.append(HumanMessage(f"What is the weather in {city}?"))
        calling = await model.ainvoke(history)
        history += [calling, *[get_weather.invoke(call) for call in calling.tool_calls]]
        answer = await model.ainvoke(history)
        history.append(answer)
        assert f"17 degrees and sunny in {city}" in answer.text


async def custom_tool_with_text() -> None:
    @custom_tool
    def note(text: str) -> str:
        """Write a note."""
        return f"noted {len(text)} characters"

    model = MODEL.bind_tools([note])
    history = [HumanMessage("Please note that roses are red")]
    calling = await model.ainvoke(history)
    history += [calling, *[note.invoke(call) for call in calling.tool_calls]]
    assert "characters" in (await model.ainvoke(history)).text
    pieces = [chunk async for chunk in model.astream("Please note that violets are blue")]
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert whole.tool_calls


async def hosted_tools_are_left_out() -> None:
    answer = await MODEL.bind_tools([{"type": "web_search"}]).ainvoke("Hello!")
    assert "Hello!" in answer.text


async def memory_by_items() -> None:
    history = [HumanMessage("My name is Ada.")]
    history += [await MODEL.ainvoke(history), HumanMessage("What is my name?")]
    assert "Ada" in (await MODEL.ainvoke(history)).text


async def memory_by_previous_response_id() -> None:
    first = await MODEL.ainvoke("My name is Ada.")
    second = await MODEL.ainvoke("What is my name?", previous_response_id=first.response_metadata["id"])
    assert "Ada" in second.text


async def structured_output() -> None:
    person = await MODEL.with_structured_output(Person).ainvoke("My name is Ada and I am 36.")
    assert isinstance(person, Person)


ACTING = MODEL.model_copy(update={"model_name": cases.ACTING})
BOTH = MODEL.model_copy(update={"model_name": cases.BOTH})


async def server_tools() -> None:
    history = [HumanMessage("What is the population of Paris?")]
    history.append(await ACTING.ainvoke(history))
    assert cases.POPULATION in history[-1].text
    history.append(HumanMessage("And the population of Rome?"))
    assert cases.POPULATION in (await ACTING.ainvoke(history)).text


async def server_tools_streaming() -> None:
    pieces = [chunk async for chunk in ACTING.astream("What is the population of Paris?")]
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert cases.POPULATION in whole.text
    assert cases.POPULATION in (await ACTING.ainvoke([whole, HumanMessage("And the population of Rome?")])).text


async def server_tools_beside_own() -> None:
    model = BOTH.bind_tools([get_weather])
    history = [HumanMessage(cases.FOR_BOTH)]
    calling = await model.ainvoke(history)
    history += [calling, *[get_weather.invoke(call) for call in calling.tool_calls]]
    answer = await model.ainvoke(history)
    assert cases.WEATHER in answer.text
    assert cases.POPULATION in answer.text


cases.run(
    server_tools,
    server_tools_streaming,
    server_tools_beside_own,
    text,
    streaming,
    tools_over_several_turns,
    memory_by_items,
    memory_by_previous_response_id,
    structured_output,
    custom_tool_with_text,
    hosted_tools_are_left_out,
)
