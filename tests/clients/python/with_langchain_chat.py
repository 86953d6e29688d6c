"""LangChain's ``ChatOpenAI`` as it is without a choice: on Chat Completions."""

from __future__ import annotations

import cases
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

MODEL = ChatOpenAI(model=cases.AGENT, base_url=cases.BASE_URL, api_key=cases.API_KEY, max_retries=0)


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
    assert answer.response_metadata["id"].startswith("chatcmpl-")
    assert "Hello!" in answer.text
    assert answer.usage_metadata["total_tokens"] > 0


async def streaming() -> None:
    chunks = [chunk async for chunk in MODEL.astream("Hello!", stream_usage=True)]
    assert len(chunks) > 1
    assert "Hello!" in "".join(chunk.text for chunk in chunks)
    assert sum(chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata) > 0


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


async def a_tool_call_in_a_stream() -> None:
    whole = None
    async for chunk in MODEL.bind_tools([get_weather]).astream("What is the weather in Paris?"):
        whole = chunk if whole is None else whole + chunk
    assert [call["name"] for call in whole.tool_calls] == ["get_weather"]
    assert "city" in whole.tool_calls[0]["args"]


async def memory_by_items() -> None:
    history = [HumanMessage("My name is Ada.")]
    history += [await MODEL.ainvoke(history), HumanMessage("What is my name?")]
    assert "Ada" in (await MODEL.ainvoke(history)).text


async def structured_output() -> None:
    for method in ("json_schema", "function_calling"):
        person = await MODEL.with_structured_output(Person, method=method).ainvoke("My name is Ada and I am 36.")
        assert isinstance(person, Person)


async def stop_sequences() -> None:
    whole = (await MODEL.ainvoke("Hello!")).text
    cut = await MODEL.ainvoke("Hello!", stop=[" "])
    assert cut.text == whole.partition(" ")[0]


async def an_image() -> None:
    url = f"data:image/png;base64,{cases.PIXEL}"
    part = {"type": "image_url", "image_url": {"url": url}}
    answer = await MODEL.ainvoke([HumanMessage([{"type": "text", "text": "What is this?"}, part])])
    assert "image" in answer.text


ACTING = MODEL.model_copy(update={"model_name": cases.ACTING})
BOTH = MODEL.model_copy(update={"model_name": cases.BOTH})


async def server_tools() -> None:
    history = [HumanMessage("What is the population of Paris?")]
    history.append(await ACTING.ainvoke(history))
    assert cases.POPULATION in history[-1].text
    history.append(HumanMessage("And the population of Rome?"))
    assert cases.POPULATION in (await ACTING.ainvoke(history)).text


async def server_tools_streaming() -> None:
    pieces = [chunk.text async for chunk in ACTING.astream("What is the population of Paris?")]
    assert cases.POPULATION in "".join(pieces)


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
    a_tool_call_in_a_stream,
    memory_by_items,
    structured_output,
    stop_sequences,
    an_image,
)
