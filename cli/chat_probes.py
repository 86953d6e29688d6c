"""The checks of ``antiphon check --chat``: one function for each promise of Chat Completions; it returns what is wrong.

A check never depends on the text of an answer, only on whether there is one, or a call.
"""

from __future__ import annotations

import json
from typing import Any, Final

from antiphon.stream.grammar import parse_sse
from cli.chat_grammar import REASONS, ChatStream, check_chat
from cli.probes import PIXELS, Probe, Problems, models
from cli.probes import TOOL as RESPONSES_TOOL
from cli.remote import CheckedServer, Reply

TOOL: Final = {
    "type": "function",
    "function": {name: value for name, value in RESPONSES_TOOL.items() if name not in {"type", "strict"}},
}
OK: Final = 200
HELLO: Final = {"role": "user", "content": "Say hello."}
WEATHER: Final = {"role": "user", "content": "What is the weather in Paris?"}


async def chat_text(server: CheckedServer) -> Problems:
    """A message is answered with one whole completion."""
    return _answered(await _ask(server, [HELLO]))


async def chat_stream(server: CheckedServer) -> Problems:
    """A stream keeps the grammar, and has no usage."""
    stream, problems = _streamed(await _ask(server, [HELLO], stream=True))
    return problems or ([] if stream.content else ["no content"])


async def chat_stream_usage(server: CheckedServer) -> Problems:
    """A stream ends with its usage if `stream_options.include_usage` asks for it."""
    reply = await _ask(server, [HELLO], stream=True, stream_options={"include_usage": True})
    return _streamed(reply, asked=True)[1]


async def chat_messages(server: CheckedServer) -> Problems:
    """System and developer messages, parts of text and earlier answers are accepted."""
    history = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be polite."},
        {"role": "user", "content": [{"type": "text", "text": "My name is Alice."}]},
        {"role": "assistant", "content": "Hello, Alice."},
        {"role": "user", "content": "What is my name?"},
    ]
    return _answered(await _ask(server, history))


async def chat_tools(server: CheckedServer) -> Problems:
    """A required function is called with JSON arguments, and its output is used."""
    first = await _ask(server, [WEATHER], tools=[TOOL], tool_choice="required")
    if problems := _answered(first, called=True):
        return problems
    message = first.json()["choices"][0]["message"]
    outputs = [{"role": "tool", "tool_call_id": call["id"], "content": "17 degrees"} for call in message["tool_calls"]]
    return _answered(await _ask(server, [WEATHER, message, *outputs], tools=[TOOL]))


async def chat_tools_stream(server: CheckedServer) -> Problems:
    """A function call streams its arguments, in the grammar."""
    reply = await _ask(server, [WEATHER], tools=[TOOL], tool_choice="required", stream=True)
    stream, problems = _streamed(reply, forced=True)
    return problems or ([] if stream.calls else ["no call"])


async def chat_no_tool(server: CheckedServer) -> Problems:
    """`tool_choice: none` calls nothing."""
    return _answered(await _ask(server, [WEATHER], tools=[TOOL], tool_choice="none"))


async def chat_limit(server: CheckedServer) -> Problems:
    """`max_completion_tokens` ends an answer with `length`, in JSON and in a stream."""
    asked = [{"role": "user", "content": "Count from 1 to 100, in words."}]
    whole = await _ask(server, asked, max_completion_tokens=3)
    stream, problems = _streamed(await _ask(server, asked, max_completion_tokens=3, stream=True))
    if problems := [*_answered(whole, empty=True), *problems]:
        return problems
    reasons = {whole.json()["choices"][0]["finish_reason"], stream.reason}
    return [] if reasons == {"length"} else ["the finish_reason is not `length`"]


async def chat_stop(server: CheckedServer) -> Problems:
    """An answer ends before a text of `stop`."""
    reply = await _ask(
        server, [{"role": "user", "content": "Repeat: one two three four"}], stream=True, stop=["o", "e"]
    )
    stream, problems = _streamed(reply)
    return problems or (["the answer has the text of `stop`"] if set("oe") & set(stream.content) else [])


async def chat_image(server: CheckedServer) -> Problems:
    """An image as a data URL is accepted."""
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXELS}}]
    return _answered(await _ask(server, [{"role": "user", "content": content}]))


async def chat_errors(server: CheckedServer) -> Problems:
    """What is wrong is refused with a status and OpenAI's error envelope."""
    unknown = json.dumps({"model": "no-such-agent-anywhere", "messages": [HELLO]}).encode()
    hello = json.dumps({"model": server.agent, "messages": [HELLO]}).encode()
    replies = (
        ("no messages", await _ask(server, []), (400, 422)),
        ("a bad role", await _ask(server, [{"role": "king", "content": "Hi"}]), (400, 422)),
        ("no JSON", await server.request("POST", "/chat/completions", b'{"messages":'), (400, 422)),
        ("an unknown model", await server.request("POST", "/chat/completions", unknown), (400, 403, 404)),
        ("no key", await server.request("POST", "/chat/completions", hello, key=""), (401,)),
    )
    return [problem for name, reply, statuses in replies for problem in _refused(name, reply, statuses)]


CHAT_PROBES: Final[tuple[Probe, ...]] = (
    chat_text,
    chat_stream,
    chat_stream_usage,
    chat_messages,
    chat_tools,
    chat_tools_stream,
    chat_no_tool,
    chat_limit,
    chat_stop,
    chat_image,
    chat_errors,
    models,
)


async def _ask(server: CheckedServer, messages: list[Any], **fields: Any) -> Reply:
    body = {"model": server.agent, "messages": messages, **fields}
    return await server.request("POST", "/chat/completions", json.dumps(body).encode())


def _answered(reply: Reply, *, called: bool = False, empty: bool = False) -> Problems:
    """Return what is wrong with a whole completion."""
    if reply.status != OK or reply.kind != "application/json":
        return [_status(reply)]
    body = reply.json()
    choice, used = body["choices"][0], body["usage"]
    message, calls = choice["message"], choice["message"].get("tool_calls") or []
    problems = [] if body["object"] == "chat.completion" else ["the object is not chat.completion"]
    if len(body["choices"]) != 1 or message["role"] != "assistant" or choice["finish_reason"] not in REASONS:
        problems.append("not one choice of the assistant with a finish_reason")
    if bool(calls) is not called:
        problems.append("no call" if called else "a function was called")
    if not called and not empty and not message["content"]:
        problems.append("no content")
    problems += [problem for call in calls for problem in _call_problems(call)]
    if used is not None and used["total_tokens"] != used["prompt_tokens"] + used["completion_tokens"]:
        problems.append("the usage does not add up")
    return problems


def _call_problems(call: dict[str, Any]) -> Problems:
    try:
        arguments = json.loads(call["function"]["arguments"])
    except ValueError:
        return ["the arguments are no JSON"]
    named = call["type"] == "function" and bool(call["id"]) and call["function"]["name"] == "get_weather"
    return [] if named and isinstance(arguments, dict) else ["the call is not of the function that was offered"]


def _streamed(reply: Reply, *, asked: bool = False, forced: bool = False) -> tuple[ChatStream, Problems]:
    """Return what a stream amounts to and what is wrong with it, each rule once."""
    if reply.status != OK or reply.kind != "text/event-stream":
        return ChatStream(), [_status(reply)]
    stream = check_chat(parse_sse(reply.body), asked=asked, forced=forced)
    problems = list({violation.rule: f"{violation}" for violation in reversed(stream.violations)}.values())[::-1]
    return stream, problems + (["the stream ends with an error"] if stream.error is not None else [])


def _refused(name: str, reply: Reply, statuses: tuple[int, ...]) -> Problems:
    if reply.status not in statuses:
        return [f"{name}: status {reply.status} instead of {' or '.join(map(str, statuses))}"]
    body = reply.json()
    error = body.get("error") if isinstance(body, dict) else None
    whole = (
        isinstance(error, dict) and isinstance(error.get("message"), str) and {"type", "code", "param"} <= set(error)
    )
    return [] if whole else [f"{name}: no `error` with message, type, code and param"]


def _status(reply: Reply) -> str:
    return f"status {reply.status}, {reply.kind or 'no content type'}"
