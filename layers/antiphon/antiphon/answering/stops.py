"""Texts at which an answer ends (``stop`` of Chat Completions), for every provider alike.

The text that could be the beginning of one is held back until more is known. What is found is not part of the answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from antiphon.ports import Delta, StopDelta, TextDelta


async def until_stop(deltas: AsyncGenerator[Delta, None], stops: Sequence[str]) -> AsyncGenerator[Delta, None]:
    """Yield a provider's deltas up to the first of the texts at which the answer ends.

    Args:
        deltas: the provider's. They are closed if the answer ends early.
        stops: the texts; none is empty.
    """
    held = _Held(stops)
    async with aclosing(deltas):
        async for delta in deltas:
            text = held.take(delta) if isinstance(delta, TextDelta) else held.rest()
            if text.text:
                yield text
            if held.found:
                yield StopDelta("stop")
                return
            if not isinstance(delta, TextDelta):
                yield delta


class _Held:
    """The text that is held back.

    Attributes:
        found: one of the texts came.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._text = TextDelta("")
        self.found = False

    def take(self, delta: TextDelta) -> TextDelta:
        """Add a delta and return the text that can leave."""
        logprobs = [*(self._text.logprobs or ()), *(delta.logprobs or ())]
        self._text = TextDelta(self._text.text + delta.text, logprobs or None)
        text = self._text.text
        ends = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        self.found = bool(ends)
        return self._leave(min(ends) if ends else len(text) - max(_overlap(text, stop) for stop in self._stops))

    def rest(self) -> TextDelta:
        """Return all that is held back."""
        return self._leave(len(self._text.text))

    def _leave(self, length: int) -> TextDelta:
        """Take out that much of the text, with the log probabilities of the tokens that begin in it."""
        text, logprobs = self._text.text, self._text.logprobs or []
        count = size = 0
        while count < len(logprobs) and size < length:
            size += len(logprobs[count]["token"])
            count += 1
        self._text = TextDelta(text[length:], logprobs[count:] or None)
        return TextDelta(text[:length], logprobs[:count] or None)


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of a text that is a beginning of the stop, and not the whole of it."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-size:])), 0)
