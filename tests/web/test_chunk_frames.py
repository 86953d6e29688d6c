"""The frames of chunks: the short way of plain content writes what the long way does."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from antiphon.chat.chunks import Chunks
from antiphon.web.chunk_frames import ChunkFrames
from tests.support.recording import record

DELTAS: list[tuple[Any, ...]] = [
    ("reasoning", "hm"),
    ("text", "Hel"),
    ("text", 'lo "Ada" \x00 \u2028 é'),
    ("text", "\n"),
    ("call", 0, "call_a", "look"),
    ("arguments", 0, '{"a":1}'),
    ("text", "Again"),
    ("text", "."),
]


@pytest.mark.parametrize("include_usage", [False, True])
@pytest.mark.parametrize("obfuscate", [False, True])
def test_both_ways_write_the_same_bytes(include_usage: bool, obfuscate: bool) -> None:
    frames = ChunkFrames(Chunks(include_usage=include_usage, obfuscate=obfuscate))
    chunks = Chunks(include_usage=include_usage, obfuscate=obfuscate)
    events = json.loads(json.dumps(record(DELTAS, "completed")))
    for event in events:
        assert frames(event) == b"".join(b"data: %b\n\n" % orjson.dumps(chunk) for chunk in chunks(event))


def test_messages_are_separated_by_an_empty_line() -> None:
    frames = ChunkFrames(Chunks())
    written = b"".join(map(frames, json.loads(json.dumps(record(DELTAS, "completed")))))
    chunks = [json.loads(line[6:]) for line in written.decode().split("\n\n") if line]
    content = "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])
    assert content == 'Hello "Ada" \x00 \u2028 é\n\n\nAgain.'
