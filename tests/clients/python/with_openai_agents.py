"""The OpenAI Agents SDK, unchanged: ``Runner`` on each of its models: Responses, the same by WebSocket, and Chat."""

from __future__ import annotations

import cases
from agents import (
    Agent,
    ApplyPatchTool,
    CustomTool,
    LocalShellTool,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIConversationsSession,
    OpenAIResponsesModel,
    OpenAIResponsesWSModel,
    Runner,
    ShellTool,
    WebSearchTool,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

set_tracing_disabled(True)
CALLS: list[str] = []
MODEL = {
    "responses": OpenAIResponsesModel,
    "websocket": OpenAIResponsesWSModel,
    "chat": OpenAIChatCompletionsModel,
}[cases.API]


@function_tool
def get_weather(city: str) -> str:
    """Return the weather in a city."""
    CALLS.append(f"weather {city}")
    return "17 degrees and sunny"


@function_tool
def get_time(city: str) -> str:
    """Return the time in a city."""
    CALLS.append(f"time {city}")
    return "noon exactly"


def agent(*tools: object) -> Agent:
    client = AsyncOpenAI(base_url=cases.BASE_URL, api_key=cases.API_KEY, max_retries=0)
    return Agent(name="Guide", model=MODEL(cases.AGENT, client), tools=list(tools))


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


async def memory_by_previous_response_id() -> None:
    first = await Runner.run(agent(), "My name is Ada.")
    second = await Runner.run(agent(), "What is my name?", previous_response_id=first.last_response_id)
    assert "Ada" in second.final_output


class Editor:
    """Notes what it is asked to do."""

    def create_file(self, operation: object) -> str:
        return self._note(operation)

    update_file = delete_file = create_file

    def _note(self, operation: object) -> str:
        PATCHES.append(operation)
        return "patched by the editor"


PATCHES: list[object] = []


async def custom_tool() -> None:
    async def invoke(_context: object, text: str) -> str:
        CALLS.append(f"note {text}")
        return "noted for ever"

    tool = CustomTool(name="note", description="Writes a note.", on_invoke_tool=invoke)
    first = await Runner.run(agent(tool), "Please note that roses are red")
    assert CALLS.pop().startswith("note ")
    assert "noted for ever" in first.final_output
    streamed = Runner.run_streamed(agent(tool), [*first.to_input_list(), asks("Another note, please")])
    raw = [event.data.type async for event in streamed.stream_events() if event.type == "raw_response_event"]
    assert "response.custom_tool_call_input.delta" in raw
    assert "noted for ever" in streamed.final_output
    CALLS.pop()


async def shell() -> None:
    def execute(request: object) -> str:
        CALLS.append(request.data.action.commands)  # type: ignore[attr-defined]
        return "a.txt and b.txt"

    guide = agent(ShellTool(executor=execute))
    first = await Runner.run(guide, "Use the shell to list files")
    assert CALLS.pop()
    assert "a.txt and b.txt" in first.final_output
    second = await Runner.run(guide, [*first.to_input_list(), asks("Use the shell again")])
    assert CALLS.pop()
    assert "a.txt and b.txt" in second.final_output


async def local_shell() -> None:
    def execute(request: object) -> str:
        CALLS.append(request.data.action.command)  # type: ignore[attr-defined]
        return "c.txt and d.txt"

    guide = agent(LocalShellTool(executor=execute))
    first = await Runner.run(guide, "Use the local shell to list files")
    assert CALLS.pop()
    assert "c.txt and d.txt" in first.final_output
    second = await Runner.run(guide, [*first.to_input_list(), asks("Use the local shell again")])
    assert CALLS.pop()
    assert "c.txt and d.txt" in second.final_output


async def apply_patch() -> None:
    guide = agent(ApplyPatchTool(editor=Editor()))
    first = await Runner.run(guide, "Apply patch to poem.txt")
    assert "patched by the editor" in first.final_output
    second = await Runner.run(guide, "Apply patch once more", previous_response_id=first.last_response_id)
    assert "patched by the editor" in second.final_output
    assert len(PATCHES) == 2


async def hosted_tools_are_left_out() -> None:
    result = await Runner.run(agent(WebSearchTool()), "Hello!")
    assert "Hello!" in result.final_output


def session() -> OpenAIConversationsSession:
    client = AsyncOpenAI(base_url=cases.BASE_URL, api_key=cases.API_KEY, max_retries=0)
    return OpenAIConversationsSession(openai_client=client)


async def memory_by_session() -> None:
    memory = session()
    await Runner.run(agent(), "My name is Ada.", session=memory)
    second = await Runner.run(agent(), "What is my name?", session=memory)
    assert "Ada" in second.final_output
    assert [item["role"] for item in await memory.get_items()] == ["user", "assistant"] * 2
    assert len(await memory.get_items(limit=3)) == 3
    newest = await memory.pop_item()
    assert newest is not None
    assert newest["role"] == "assistant"
    await memory.add_items([asks(str(number)) for number in range(45)])
    assert [item["role"] for item in await memory.get_items()][3:] == ["user"] * 45
    await memory.clear_session()
    assert await memory.get_items() == []


async def tools_in_a_session() -> None:
    CALLS.clear()
    memory = session()
    guide = agent(get_weather, get_time)
    first = await Runner.run(guide, "What is the weather in Paris?", session=memory)
    streamed = Runner.run_streamed(guide, "And the time in Rome?", session=memory)
    async for _ in streamed.stream_events():
        pass
    assert "17 degrees and sunny" in first.final_output
    assert "noon exactly" in streamed.final_output
    assert CALLS == ["weather Paris", "time Rome"]
    kinds = [item["type"] for item in await memory.get_items()]
    assert kinds == ["message", "function_call", "function_call_output", "message"] * 2


async def tools_by_conversation_id() -> None:
    """https://github.com/openai/openai-agents-python/issues/1789: an item is there once."""
    CALLS.clear()
    client = AsyncOpenAI(base_url=cases.BASE_URL, api_key=cases.API_KEY, max_retries=0)
    conversation = (await client.conversations.create()).id
    guide = agent(get_weather, get_time)
    first = await Runner.run(guide, "What is the weather in Paris?", conversation_id=conversation)
    second = await Runner.run(guide, "And the time in Rome?", conversation_id=conversation)
    assert "17 degrees and sunny" in first.final_output
    assert "noon exactly" in second.final_output
    assert CALLS == ["weather Paris", "time Rome"]
    items = [item async for item in client.conversations.items.list(conversation, order="asc")]
    assert [item.type for item in items] == ["message", "function_call", "function_call_output", "message"] * 2


async def streams_in_the_background() -> None:
    """The SDK has no setting for it, and no way to resume; a field of the request that it passes on works."""
    if MODEL is OpenAIResponsesWSModel:
        return  # a WebSocket has no background
    settings = ModelSettings(extra_args={"background": True})
    guide = agent(get_weather).clone(model_settings=settings)
    result = Runner.run_streamed(guide, "What is the weather in Paris?")
    raw = [event.data.type async for event in result.stream_events() if event.type == "raw_response_event"]
    assert "response.queued" in raw
    assert "17 degrees and sunny" in result.final_output
    CALLS.pop()


def acting(model: str = cases.ACTING, *tools: object) -> Agent:
    client = AsyncOpenAI(base_url=cases.BASE_URL, api_key=cases.API_KEY, max_retries=0)
    return Agent(name="Guide", model=MODEL(model, client), tools=list(tools))


async def server_tools() -> None:
    first = await Runner.run(acting(), "What is the population of Paris?")
    assert cases.POPULATION in first.final_output
    second = await Runner.run(acting(), [*first.to_input_list(), asks("And the population of Rome?")])
    assert cases.POPULATION in second.final_output


async def server_tools_streaming() -> None:
    result = Runner.run_streamed(acting(), "What is the population of Paris?")
    raw = [event.data.type async for event in result.stream_events() if event.type == "raw_response_event"]
    assert cases.POPULATION in result.final_output
    assert ("response.mcp_call.completed" in raw) == (cases.API != "chat")


async def server_tools_beside_own() -> None:
    guide = acting(cases.BOTH, get_weather)
    first = await Runner.run(guide, cases.FOR_BOTH)
    assert cases.WEATHER in first.final_output
    assert cases.POPULATION in first.final_output
    second = await Runner.run(guide, [*first.to_input_list(), asks(cases.FOR_BOTH)])
    assert cases.POPULATION in second.final_output
    assert CALLS == ["weather Paris", "weather Paris"]
    CALLS.clear()


COMMON = (
    server_tools,
    server_tools_streaming,
    server_tools_beside_own,
    text,
    streaming,
    tools_over_several_turns,
    memory_by_items,
)
OF_RESPONSES = (
    memory_by_previous_response_id,
    custom_tool,
    shell,
    local_shell,
    apply_patch,
    hosted_tools_are_left_out,
    memory_by_session,
    tools_in_a_session,
    tools_by_conversation_id,
    streams_in_the_background,
)
cases.run(*COMMON, *(() if cases.API == "chat" else OF_RESPONSES))
