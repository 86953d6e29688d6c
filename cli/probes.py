"""The checks of ``antiphon check``: one function for each promise; it returns what is wrong.

A check compares a server's answers with the specification and with the order of events in ``antiphon.stream.grammar``,
which clients depend on. It never depends on the text of an answer, only on whether there is one, or a call.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from cli import official
from cli.durable_probes import background, background_stream, cancel, resume
from cli.events import check_stream
from cli.remote import CheckedServer, Reply
from cli.socket_probes import websocket, websocket_memory

Problems = list[str]
Probe = Callable[[CheckedServer], Awaitable[Problems]]

TOOL: Final = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the current weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city's name."}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
PIXELS: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAA"
    "SUVORK5CYII="
)
"""A red square of 8 by 8 pixels."""


async def text(server: CheckedServer) -> Problems:
    """A text is answered with a completed response."""
    return _answered(await server.create(input="Say hello."))


async def items(server: CheckedServer) -> Problems:
    """A list of items is answered, with or without `type: message`."""
    typed = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello."}]}]
    plain = [{"role": "user", "content": "Say hello."}]
    return _answered(await server.create(input=typed)) + _answered(await server.create(input=plain))


async def streaming(server: CheckedServer) -> Problems:
    """A stream keeps the grammar, the schema and the framing, and amounts to its terminal response."""
    reply = await server.create(input="Count from 1 to 5.", stream=True)
    events, problems = _streamed(reply)
    if not any(event["type"] == "response.output_text.delta" for event in events):
        problems.append("no response.output_text.delta")
    return problems


async def system_prompt(server: CheckedServer) -> Problems:
    """System and developer messages, and instructions, are accepted."""
    history = [{"role": "system", "content": "Be brief."}, {"role": "developer", "content": "Be polite."}]
    return _answered(
        await server.create(input=[*history, {"role": "user", "content": "Hello!"}], instructions="Rhyme.")
    )


async def multi_turn(server: CheckedServer) -> Problems:
    """The turns of a conversation are accepted as input, the server's own output included."""
    question = {"role": "user", "content": "My name is Alice."}
    first = await server.create(input=[question])
    if problems := _answered(first):
        return problems
    again = {"role": "user", "content": "What is my name?"}
    return _answered(await server.create(input=[question, *first.json()["output"], again]))


async def chain(server: CheckedServer) -> Problems:
    """`previous_response_id` continues a stored response, and is echoed."""
    first = await server.create(input="My name is Alice.", store=True)
    if problems := _answered(first):
        return problems
    previous = first.json()["id"]
    second = await server.create(input="What is my name?", previous_response_id=previous)
    if problems := _answered(second):
        return problems
    return [] if second.json()["previous_response_id"] == previous else ["previous_response_id is not echoed"]


async def tool_call(server: CheckedServer) -> Problems:
    """A required function is called with JSON arguments, and its output is used."""
    asked = {"role": "user", "content": "What is the weather in Paris?"}
    first = await server.create(input=[asked], tools=[TOOL], tool_choice="required")
    if problems := _answered(first, output=("function_call",)):
        return problems
    output = first.json()["output"]
    calls = [item for item in output if item["type"] == "function_call"]
    problems = [problem for call in calls for problem in _call_problems(call)]
    outputs = [{"type": "function_call_output", "call_id": call["call_id"], "output": "17 degrees"} for call in calls]
    return problems + _answered(await server.create(input=[asked, *output, *outputs], tools=[TOOL]))


async def tool_stream(server: CheckedServer) -> Problems:
    """A function call streams its arguments."""
    asked = "What is the weather in Paris?"
    reply = await server.create(input=asked, tools=[TOOL], tool_choice="required", stream=True)
    events, problems = _streamed(reply)
    seen = {event["type"] for event in events}
    needed = ("response.function_call_arguments.delta", "response.function_call_arguments.done")
    return problems + [f"no {kind}" for kind in needed if kind not in seen]


async def no_tool(server: CheckedServer) -> Problems:
    """`tool_choice: none` calls nothing."""
    reply = await server.create(input="What is the weather in Paris?", tools=[TOOL], tool_choice="none")
    if problems := _answered(reply):
        return problems
    called = any(item["type"] == "function_call" for item in reply.json()["output"])
    return ["a function was called"] if called else []


async def image(server: CheckedServer) -> Problems:
    """An image as a data URL is accepted."""
    content = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": PIXELS}]
    return _answered(await server.create(input=[{"role": "user", "content": content}]))


async def errors(server: CheckedServer) -> Problems:
    """What is wrong is refused with a status and the error envelope."""
    unknown = json.dumps({"model": "no-such-agent-anywhere", "input": "Hi"}).encode()
    hello = json.dumps({"model": server.agent, "input": "Hi"}).encode()
    replies = (
        ("no model", await server.request("POST", "/responses", b'{"input":"Hi"}'), (400, 422)),
        ("no JSON", await server.request("POST", "/responses", b'{"input":'), (400, 422)),
        ("a bad role", await server.create(input=[{"role": "king", "content": "Hi"}]), (400, 422)),
        ("an unknown model", await server.request("POST", "/responses", unknown), (400, 403, 404)),
        ("no key", await server.request("POST", "/responses", hello, key=""), (401,)),
        ("an unknown response", await server.request("GET", "/responses/resp_absent"), (400, 404)),
    )
    return [problem for name, reply, statuses in replies for problem in _refused(name, reply, statuses)]


async def retrieve(server: CheckedServer) -> Problems:
    """A stored response is read as it was answered."""
    created = await server.create(input="Say hello.", store=True)
    if problems := _answered(created):
        return problems
    read = await server.request("GET", f"/responses/{created.json()['id']}")
    if read.status != 200:  # noqa: PLR2004
        return [f"status {read.status}"]
    return [] if read.json() == created.json() else ["it differs from what was answered"]


async def models(server: CheckedServer) -> Problems:
    """The list of models holds the agent."""
    reply = await server.request("GET", "/models")
    listed = reply.json()
    data = listed.get("data") if isinstance(listed, dict) else None
    if reply.status != 200 or not isinstance(data, list):  # noqa: PLR2004
        return [f"status {reply.status}, or no list under `data`"]
    ids = [model.get("id") for model in data if isinstance(model, dict)]
    return [] if server.agent in ids else ["the agent is not in it"]


PROBES: Final[tuple[Probe, ...]] = (
    text,
    items,
    streaming,
    system_prompt,
    multi_turn,
    chain,
    tool_call,
    tool_stream,
    no_tool,
    image,
    errors,
    retrieve,
    resume,
    background,
    background_stream,
    cancel,
    models,
    websocket,
    websocket_memory,
)


def _answered(reply: Reply, output: Iterable[str] = ("message",)) -> Problems:
    """Return what is wrong with an answer in one body."""
    if reply.status != 200 or reply.kind != "application/json":  # noqa: PLR2004
        return [_status(reply)]
    body = reply.json()
    wrong = official.response_problem(body)
    if wrong is not None:
        return [wrong]
    problems = [] if body["status"] == "completed" else [f"the response is {body['status']}"]
    kinds = {item["type"] for item in body["output"]}
    problems += [f"no {kind} in the output" for kind in output if kind not in kinds]
    usage = body["usage"]
    if usage is not None and usage["total_tokens"] != usage["input_tokens"] + usage["output_tokens"]:
        problems.append("the usage does not add up")
    return problems


def _streamed(reply: Reply) -> tuple[list[dict[str, Any]], Problems]:
    """Return a stream's events and what is wrong with them, each rule once."""
    if reply.status != 200 or reply.kind != "text/event-stream":  # noqa: PLR2004
        return [], [_status(reply)]
    return check_stream(reply.body)


def _call_problems(call: dict[str, Any]) -> Problems:
    try:
        arguments = json.loads(call["arguments"])
    except ValueError:
        return ["the arguments are no JSON"]
    named = call["name"] == TOOL["name"] and isinstance(arguments, dict) and "city" in arguments
    return [] if named else ["the call is not of the function that was offered"]


def _refused(name: str, reply: Reply, statuses: tuple[int, ...]) -> Problems:
    """Return what is wrong with a refusal."""
    if reply.status not in statuses:
        return [f"{name}: status {reply.status} instead of {' or '.join(map(str, statuses))}"]
    wrong = official.error_problem(reply.json())
    return [] if wrong is None else [f"{name}: {wrong}"]


def _status(reply: Reply) -> str:
    body = reply.json()
    code = body["error"].get("code") if isinstance(body, dict) and isinstance(body.get("error"), dict) else None
    return f"status {reply.status}, {reply.kind or 'no content type'}" + (f", code {code}" if code else "")
