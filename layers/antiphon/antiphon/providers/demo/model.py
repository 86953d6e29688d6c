"""Streams what the demo model answers, one token a delta.

A pure function of the call, apart from the pause between deltas.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Final

from antiphon.errors import ProviderError
from antiphon.ports import (
    Delta,
    ModelCall,
    Reads,
    ReasoningDelta,
    StopDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from antiphon.providers.demo.answer import DemoAnswer, DemoCall, answer
from antiphon.providers.demo.description import CAPABILITIES
from antiphon.providers.demo.tokens import attachments_of, count_tokens, pieces, texts_of

_SMALL: Final = 10_000
"""Characters of text, or of one tool."""

_FEW_TOOLS: Final = 8
_FEW_ITEMS: Final = 100


class Demo:
    """A ``ModelProvider`` that needs nothing.

    Args:
        pause: seconds between two deltas, so that streaming can be seen.
    """

    def __init__(self, pause: float = 0) -> None:
        self._pause = pause

    def reads(self, model: str) -> Reads:  # noqa: ARG002 - the port's signature
        """Return what it reads besides text: everything."""
        return CAPABILITIES.reads

    def check(self, call: ModelCall) -> None:
        """Take every call."""

    def count_tokens(self, call: ModelCall) -> int:
        """Count the tokens exactly, as in ``usage.input_tokens`` of a run."""
        return count_tokens(call)

    async def stream(self, call: ModelCall) -> AsyncGenerator[Delta, None]:
        """Run one model turn; see ``ModelProvider.stream``.

        Raises:
            ProviderError: the deadline passed.
        """
        loop = asyncio.get_running_loop()
        said = await asyncio.to_thread(lambda: list(deltas(call))) if _is_large(call) else deltas(call)
        for delta in said:
            if loop.time() > call.deadline:
                raise ProviderError("provider_timeout")
            yield delta
            await asyncio.sleep(self._pause)

    async def discard(self, kept_id: str, deadline: float) -> None:
        """Do nothing: the demo model keeps no response."""

    async def aclose(self) -> None:
        """Close nothing: no connection is kept."""


def _is_large(call: ModelCall) -> bool:
    """Return whether the answer takes more than a few milliseconds, so that other requests would wait for it."""
    texts = (text for item in call.items for text in texts_of(item.get("content")) + texts_of(item.get("output")))
    form = (call.settings.get("text") or {}).get("format") or {}
    schemas = len(call.tools) > _FEW_TOOLS or "schema" in form or any(len(str(tool)) > _SMALL for tool in call.tools)
    attached = any(attachments_of(item.get(name)) for item in call.items for name in ("content", "output"))
    return schemas or attached or len(call.items) > _FEW_ITEMS or sum(map(len, texts)) + len(call.instructions) > _SMALL


def deltas(call: ModelCall) -> Iterator[Delta]:
    """Yield the deltas of a call: reasoning, then text or function calls, usage, and why it stopped.

    ``max_output_tokens`` cuts anywhere, also inside a call's arguments. Log probabilities are well-formed and made up:
    a token's is always the same.
    """
    said = answer(call)
    tokens = list(_tokens(said, call))
    written = tokens[: call.settings.get("max_output_tokens")]
    yield from written
    thought = sum(isinstance(delta, ReasoningDelta) for delta in written)
    yield UsageDelta(count_tokens(call), len(written), reasoning_tokens=thought)
    whole = len(written) == len(tokens)
    yield StopDelta(("tool_calls" if said.calls else "stop") if whole else "length")


def _tokens(said: DemoAnswer, call: ModelCall) -> Iterator[ReasoningDelta | TextDelta | ToolCallDelta]:
    for piece in pieces(said.reasoning):
        yield ReasoningDelta(piece)
    for piece in pieces(said.text):
        yield TextDelta(piece, [_logprob(piece, call.settings)] if call.include_logprobs else None)
    for slot, function in enumerate(said.calls):
        yield from _call_tokens(slot, function)


def _call_tokens(slot: int, call: DemoCall) -> Iterator[ToolCallDelta]:
    """A call's first token is its name; the others are its arguments."""
    yield ToolCallDelta(slot, call.id, call.name)
    for piece in pieces(call.arguments):
        yield ToolCallDelta(slot, arguments=piece)


def _logprob(token: str, settings: dict[str, Any]) -> dict[str, Any]:
    first = -(zlib.crc32(token.encode()) % 1000) / 1000
    alternatives = [token, *(f"{token}{number}" for number in range(1, 21))][: settings.get("top_logprobs") or 0]
    tops = [_entry(text, first - number) for number, text in enumerate(alternatives)]
    return {**_entry(token, first), "top_logprobs": tops}


def _entry(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}
