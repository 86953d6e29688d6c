"""LlamaIndex's ``OpenAILike``, unchanged."""

from __future__ import annotations

import cases
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

MODEL = OpenAILike(
    model=cases.AGENT,
    api_base=cases.BASE_URL,
    api_key=cases.API_KEY,
    is_chat_model=True,
    is_function_calling_model=True,
    should_use_structured_outputs=True,
    max_retries=0,
)


TOOL = FunctionTool.from_defaults(cases.get_weather)


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


async def text() -> None:
    answer = await MODEL.achat([user("Hello!")])
    assert "Hello!" in answer.message.content
    assert answer.raw.usage.total_tokens > 0


async def streaming() -> None:
    pieces = [piece.delta or "" async for piece in await MODEL.astream_chat([user("Hello!")])]
    assert len(pieces) > 1
    assert "Hello!" in "".join(pieces)


async def tools_over_several_turns() -> None:
    history: list[ChatMessage] = []
    for city in ("Paris", "Rome"):
        history.append(user(f"What is the weather in {city}?"))
        calling = await MODEL.achat_with_tools([TOOL], chat_history=history)
        [call] = MODEL.get_tool_calls_from_response(calling)
        output = TOOL(**call.tool_kwargs)
        made = {"tool_call_id": call.tool_id}
        history += [calling.message, ChatMessage(role="tool", content=str(output), additional_kwargs=made)]
        answer = await MODEL.achat_with_tools([TOOL], chat_history=history)
        history.append(answer.message)
        assert f"17 degrees and sunny in {city}" in answer.message.content


async def memory_by_items() -> None:
    history = [user("My name is Ada.")]
    history += [(await MODEL.achat(history)).message, user("What is my name?")]
    assert "Ada" in (await MODEL.achat(history)).message.content


async def structured_output() -> None:
    answer = await MODEL.as_structured_llm(cases.Person).achat([user("My name is Ada and I am 36.")])
    assert isinstance(answer.raw, cases.Person)


async def an_image() -> None:
    blocks = [TextBlock(text="What is this?"), ImageBlock(url=f"data:image/png;base64,{cases.PIXEL}")]
    assert "image" in (await MODEL.achat([ChatMessage(role="user", blocks=blocks)])).message.content


ACTING, BOTH = (MODEL.model_copy(update={"model": name}) for name in (cases.ACTING, cases.BOTH))


async def server_tools() -> None:
    history = [user("What is the population of Paris?")]
    history.append((await ACTING.achat(history)).message)
    assert cases.POPULATION in history[-1].content
    history.append(user("And the population of Rome?"))
    assert cases.POPULATION in (await ACTING.achat(history)).message.content


async def server_tools_streaming() -> None:
    asked = [user("What is the population of Paris?")]
    assert cases.POPULATION in "".join([piece.delta or "" async for piece in await ACTING.astream_chat(asked)])


async def server_tools_beside_own() -> None:
    answer = await FunctionAgent(tools=[TOOL], llm=BOTH).run(cases.FOR_BOTH)
    assert cases.WEATHER in str(answer)
    assert cases.POPULATION in str(answer)


cases.run(
    server_tools,
    server_tools_streaming,
    server_tools_beside_own,
    text,
    streaming,
    tools_over_several_turns,
    memory_by_items,
    structured_output,
    an_image,
)
