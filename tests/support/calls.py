"""Makes model calls and items in few words, and collects what a provider streams."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from antiphon.ports import Delta, ModelCall, ModelProvider
from antiphon.records import Item


def user(content: str | list[dict[str, Any]]) -> Item:
    return {"type": "message", "role": "user", "content": content}


def assistant(text: str) -> Item:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "role": "assistant", "content": content}


def function_call(call_id: str, name: str, arguments: str = "{}") -> Item:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def function_call_output(call_id: str, output: str | list[dict[str, Any]]) -> Item:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def function_tool(name: str, parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "function", "name": name, "description": None, "parameters": parameters, "strict": None, **more}


def model_call(
    items: str | Sequence[Item] = "Hello",
    *,
    instructions: str = "",
    tools: Sequence[dict[str, Any]] = (),
    include_logprobs: bool = False,
    deadline: float = 1e9,
    defaults: dict[str, Any] | None = None,
    **explicit: Any,
) -> ModelCall:
    """Make a call; ``explicit`` are settings that were set, ``defaults`` those that the response only echoes."""
    return ModelCall(
        model="m",
        instructions=instructions,
        items=[user(items)] if isinstance(items, str) else items,
        tools=tools,
        settings={**(defaults or {}), **explicit},
        explicit=frozenset(explicit),
        include_logprobs=include_logprobs,
        deadline=deadline,
    )


async def collect(provider: ModelProvider, call: ModelCall, into: list[Delta] | None = None) -> list[Delta]:
    """Stream a call to its end and close the provider; ``into`` keeps what came before an error."""
    deltas = [] if into is None else into
    try:
        async for delta in provider.stream(call):
            deltas.append(delta)
    finally:
        await provider.aclose()
    return deltas


def run(provider: ModelProvider, call: ModelCall, into: list[Delta] | None = None) -> list[Delta]:
    """Do so in an event loop of its own."""
    return asyncio.run(collect(provider, call, into))
