"""Writes events as the frames of their chunks (Chat Completions), which have no name.

Nearly all chunks of an answer differ in their content alone, so the rest of such a chunk is written once.
"""

from __future__ import annotations

from typing import Final

import orjson

from antiphon.chat.chunks import MARK, Chunks
from antiphon.stream.events import Event

_TEXT: Final = "response.output_text.delta"


class ChunkFrames:
    """Writes the events of one stream.

    Args:
        chunks: makes the chunks.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._around: tuple[bytes, bytes] | None = None

    def __call__(self, event: Event) -> bytes:
        """Return the frames of an event; empty if it has none."""
        if event["type"] == _TEXT and not event["logprobs"]:
            if self._around is not None:
                before, after = self._around
                return b"%b%b%b" % (before, orjson.dumps(self._chunks.content(event)), after)
            self._learn()
        return b"".join(b"data: %b\n\n" % orjson.dumps(chunk) for chunk in self._chunks(event))

    def _learn(self) -> None:
        chunk = self._chunks.around_content()
        if chunk is not None:
            before, _, after = (b"data: %b\n\n" % orjson.dumps(chunk)).partition(orjson.dumps(MARK))
            self._around = before, after
