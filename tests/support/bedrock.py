"""Frames of a Converse stream, and calls that are read from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from antiphon.ports import ModelCall
from tests.support.calls import model_call
from tests.support.protocols import event_frame

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
USAGE = {
    "inputTokens": 10,
    "outputTokens": 5,
    "totalTokens": 25,
    "cacheReadInputTokens": 7,
    "cacheWriteInputTokens": 3,
}
START = event_frame("messageStart", {"role": "assistant"})
METADATA = event_frame("metadata", {"usage": USAGE, "metrics": {"latencyMs": 12}, "trace": {"guardrail": {}}})


def delta(block: int = 0, **fields: Any) -> bytes:
    return event_frame("contentBlockDelta", {"delta": fields, "contentBlockIndex": block})


def stop(block: int = 0) -> bytes:
    return event_frame("contentBlockStop", {"contentBlockIndex": block})


def ended(reason: str = "end_turn") -> bytes:
    return event_frame("messageStop", {"stopReason": reason})


def call(items: Any = "Hi", **more: Any) -> ModelCall:
    return replace(model_call(items, **more), model=CLAUDE)
