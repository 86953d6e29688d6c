"""A response that its provider keeps, as OpenAI does: its stream can be read again after any event."""

from __future__ import annotations

from typing import Any

from tests.support.upstream import Script

WORDS = [f"word{number} " for number in range(40)]

MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}


def kept(*steps: Any, words: int = len(WORDS), ends: bool = True) -> Script:
    """Stream the first words of a response that the endpoint keeps; ``steps`` come after them."""
    resource = {"id": "resp_up", "object": "response", "status": "in_progress", "output": []}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    text = "".join(WORDS[:words])
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {**MESSAGE, "content": [part]}
    counts = {"input_tokens": 3, "output_tokens": words, "total_tokens": words + 3}
    events: list[Any] = [
        {"type": "response.created", "response": resource},
        {"type": "response.output_item.added", "output_index": 0, "item": {**MESSAGE, "content": []}},
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **place, "delta": word} for word in WORDS[:words]),
        *steps,
    ]
    if ends:
        whole = {**resource, "status": "completed", "output": [item], "usage": counts}
        events += [
            {"type": "response.output_text.done", **place, "text": text},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": whole},
        ]
    return Script.stream(*events, done=False)


def kept_call(name: str, own_id: str = "resp_call") -> Script:
    """Stream a response that the endpoint keeps and that calls a function."""
    resource = {"id": own_id, "object": "response", "status": "in_progress", "output": []}
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_a", "name": name, "arguments": ""}
    done = {**call, "arguments": "{}", "status": "completed"}
    counts = {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}
    return Script.stream(
        {"type": "response.created", "response": resource},
        {"type": "response.output_item.added", "output_index": 0, "item": {**call, "status": "in_progress"}},
        {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0, "delta": "{}"},
        {"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 0, "arguments": "{}"},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {
            "type": "response.completed",
            "response": {**resource, "status": "completed", "output": [done], "usage": counts},
        },
        done=False,
    )
