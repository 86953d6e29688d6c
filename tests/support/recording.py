"""Streams made of made-up deltas: what a model says in, events and bytes out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from antiphon.stream.machine import Ended, ResponseStream

Event = dict[str, Any]

RESPONSE_ID = "resp_" + "0" * 22 + "000" + "000000"
USAGE = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 8,
}


def resource(**changes: Any) -> dict[str, Any]:
    """Return a response as it begins, valid in the specification's schema."""
    return {
        "id": RESPONSE_ID,
        "object": "response",
        "created_at": 1_700_000_000,
        "completed_at": None,
        "status": "in_progress",
        "incomplete_details": None,
        "model": "helper",
        "previous_response_id": None,
        "instructions": None,
        "output": [],
        "error": None,
        "tools": [],
        "tool_choice": "auto",
        "truncation": "disabled",
        "parallel_tool_calls": True,
        "text": {"format": {"type": "text"}},
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "top_logprobs": 0,
        "temperature": 1.0,
        "reasoning": None,
        "usage": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "store": True,
        "background": False,
        "service_tier": "default",
        "metadata": {},
        "safety_identifier": None,
        "prompt_cache_key": None,
        **changes,
    }


def play(
    emit: Callable[[Event], None],
    deltas: Iterable[tuple[Any, ...]],
    ending: Ended | None = "completed",
    *,
    obfuscate: bool = True,
    **changes: Any,
) -> None:
    """Play deltas, each a method of the stream machine with its arguments; ``ending`` None leaves the stream open."""
    stream = ResponseStream(resource(**changes), emit, obfuscate=obfuscate)
    stream.open()
    for name, *arguments in deltas:
        getattr(stream, name)(*arguments)
    if ending is None:
        return
    more: dict[Ended, dict[str, Any]] = {
        "completed": {"usage": USAGE},
        "incomplete": {"usage": USAGE, "incomplete_reason": "max_output_tokens"},
        "failed": {"error": {"code": "model_error", "message": "The model failed."}},
        "cancelled": {"incomplete_reason": "cancelled"},
    }
    stream.end(stream.ending(ending, at=1_700_000_001, **more[ending]))


def record(
    deltas: Iterable[tuple[Any, ...]], ending: Ended = "completed", *, obfuscate: bool = True, **changes: Any
) -> list[Event]:
    """Return the events of a whole stream."""
    events: list[Event] = []
    play(events.append, deltas, ending, obfuscate=obfuscate, **changes)
    return events


def sse(events: Iterable[Event]) -> bytes:
    """Write events as a stream's bytes, with the standard library alone."""
    frames = [
        f"event: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'), ensure_ascii=False)}\n\n"
        for event in events
    ]
    return "".join([*frames, "data: [DONE]\n\n"]).encode()
