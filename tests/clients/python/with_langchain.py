"""LangChain's ``ChatOpenAI``, unchanged: on the Responses API, and as it is without a choice, on Chat Completions."""

from __future__ import annotations

import cases
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, custom_tool

OPTIONS = {"responses": {"use_responses_api": True}, "chat": {"stream_usage": True}}[cases.API]
MODEL = ChatOpenAI(model=cases.AGENT, base_url=cases.BASE_URL, api_key=cases.API_KEY, max_retries=0, **OPTIONS)
ACTING, BOTH = (MODEL.model_copy(update={"model_name": name}) for name in (cases.ACTING, cases.BOTH))
TOOL = tool(cases.get_weather)


async def text() -> None:
    answer = await MODEL.ainvoke("Hello!")
    assert answer.response_metadata["id"].startswith("chatcmpl-") == (cases.API == "chat")
    assert "Hello!" in answer.text
    assert answer.usage_metadata["total_tokens"] > 0


async def streaming() -> None:
    chunks = [chunk async for chunk in MODEL.astream("Hello!")]
    assert len(chunks) > 1
    assert "Hello!" in "".join(chunk.text for chunk in chunks)
    assert sum(chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata) > 0


async def tools_over_several_turns() -> None:
    model = MODEL.bind_tools([TOOL])
    history = []
    for city in ("Paris", "Rome"):
        history.append(HumanMessage(f"What is the weather in {city}?"))
        calling = await model.ainvoke(history)
        history += [calling, *[TOOL.invoke(call) for call in calling.tool_calls]]
        answer = await model.ainvoke(history)
        history.append(answer)
        assert f"{cases.WEATHER} in {city}" in answer.text


async def a_tool_call_in_a_stream() -> None:
    whole = None
    async for chunk in MODEL.bind_tools([TOOL]).astream("What is the weather in Paris?"):
        whole = chunk if whole is None else whole + chunk
    assert [call["name"] for call in whole.tool_calls] == ["get_weather"]
    assert "city" in whole.tool_calls[0]["args"]


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
    for method in ("json_schema", "function_calling"):
        model = MODEL.with_structured_output(cases.Person, method=method)
        assert isinstance(await model.ainvoke("My name is Ada and I am 36."), cases.Person)


async def stop_sequences() -> None:
    whole = (await MODEL.ainvoke("Hello!")).text
    cut = await MODEL.ainvoke("Hello!", stop=[" "])
    assert cut.text == whole.partition(" ")[0]


async def an_image() -> None:
    url = f"data:image/png;base64,{cases.PIXEL}"
    part = {"type": "image_url", "image_url": {"url": url}}
    answer = await MODEL.ainvoke([HumanMessage([{"type": "text", "text": "What is this?"}, part])])
    assert "image" in answer.text


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
    model = BOTH.bind_tools([TOOL])
    history = [HumanMessage(cases.FOR_BOTH)]
    calling = await model.ainvoke(history)
    history += [calling, *[TOOL.invoke(call) for call in calling.tool_calls]]
    answer = await model.ainvoke(history)
    assert cases.WEATHER in answer.text
    assert cases.POPULATION in answer.text


COMMON = (
    server_tools,
    server_tools_streaming,
    server_tools_beside_own,
    text,
    streaming,
    tools_over_several_turns,
    a_tool_call_in_a_stream,
    memory_by_items,
    structured_output,
    an_image,
)
OF_RESPONSES = (memory_by_previous_response_id, custom_tool_with_text, hosted_tools_are_left_out)
cases.run(*COMMON, *((stop_sequences,) if cases.API == "chat" else OF_RESPONSES))
