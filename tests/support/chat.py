"""Sends Chat Completions requests to a service, and reads their streams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from antiphon.stream.grammar import parse_sse
from cli.chat_grammar import check_chat
from tests.support.caller import Caller

Chunk = dict[str, Any]


def post(service: Caller, key: str | None, headers: Mapping[str, str] | None = None, **fields: Any) -> httpx2.Response:
    """Send a request; the model is the agent ``agent`` unless it is given."""
    own = {"authorization": f"Bearer {key}"} if key else {}
    body = {"model": "agent", **fields}
    return service.client.post("/v1/chat/completions", json=body, headers={**own, **(headers or {})})


def complete(service: Caller, key: str, said: str | list[Any] = "Hi", **fields: Any) -> dict[str, Any]:
    """Create a completion in one JSON body; ``said`` is the user's message or all messages."""
    answer = post(service, key, messages=messages(said), **fields)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    whole: dict[str, Any] = answer.json()
    assert whole["object"] == "chat.completion"
    return whole


def stream(service: Caller, key: str, said: str | list[Any] = "Hi", **fields: Any) -> list[Chunk]:
    """Create a completion as a stream, which must be valid, and return its chunks."""
    answer = post(service, key, messages=messages(said), stream=True, **fields)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream"
    asked = fields.get("stream_options", {}).get("include_usage", False)
    assert [*map(str, check_chat(parse_sse(answer.content), asked=asked).violations)] == []
    return chunks_of(answer.content)


def messages(said: str | list[Any]) -> list[Any]:
    return [{"role": "user", "content": said}] if isinstance(said, str) else said


def chunks_of(content: bytes) -> list[Chunk]:
    """Return the chunks of a stream, which must end with ``[DONE]`` and hold nothing but data and comments."""
    frames = [frame for frame in content.decode().split("\n\n") if frame and not frame.startswith(":")]
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    assert frames[-1] == "data: [DONE]"
    return [json.loads(frame[6:]) for frame in frames[:-1]]


def joined(chunks: list[Chunk], name: str = "content") -> str:
    """Return a text that the chunks amount to."""
    return "".join(choice["delta"].get(name) or "" for chunk in chunks for choice in chunk.get("choices", ()))


def calls_of(chunks: list[Chunk]) -> list[dict[str, Any]]:
    """Return the calls that the chunks amount to."""
    calls: list[dict[str, Any]] = []
    for chunk in chunks:
        for choice in chunk.get("choices", ()):
            for piece in choice["delta"].get("tool_calls", ()):
                kind = "custom" if "custom" in piece else "function"
                if piece["index"] == len(calls):
                    calls.append({**piece, kind: dict(piece[kind])})
                else:
                    for name, text in piece[kind].items():
                        calls[piece["index"]][kind][name] += text
    return calls
