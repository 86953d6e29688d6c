"""The item that a stream has open, and its parts: what is known of them until they are done, and what they look like.

It must not know events, nor in which order anything opens and closes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from antiphon.records import Item
from antiphon.spec.arguments import is_cut, is_whole
from antiphon.stream.halves import Halves


@dataclass(slots=True)
class Part:
    """The open content part of the open item."""

    kind: str
    index: int
    pieces: list[str] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    halves: Halves = field(default_factory=Halves)

    def value(self) -> dict[str, Any]:
        """Write it as it is now."""
        text = "".join(self.pieces)
        if self.kind == "output_text":
            lists = {"annotations": self.annotations.copy(), "logprobs": self.logprobs.copy()}
            return {"type": "output_text", "text": text, **lists}
        return {"type": self.kind, "refusal" if self.kind == "refusal" else "text": text}


@dataclass(slots=True)
class Call:
    """A function call, streaming or waiting until the one before it is complete.

    Attributes:
        sealed: what its provider must be given back with it, sealed; None for nothing.
    """

    slot: int
    call_id: str
    name: str
    sealed: str | None = None
    pieces: list[str] = field(default_factory=list)
    closed: bool = False
    halves: Halves = field(default_factory=Halves)

    @property
    def arguments(self) -> str:
        """What came of its arguments."""
        return "".join(self.pieces)

    @property
    def complete(self) -> bool:
        """Whether all its arguments came."""
        return is_whole(self.arguments)

    @property
    def cut(self) -> bool:
        """Whether its arguments stop before their end."""
        return is_cut(self.arguments)


@dataclass(slots=True)
class OpenItem:
    """The open item: what is known of it until it is done."""

    kind: str
    id: str
    index: int
    parts: list[dict[str, Any]] = field(default_factory=list)
    call: Call | None = None
    encrypted: str | None = None
    phase: str | None = None

    def value(self, status: str, arguments: str = "") -> Item:
        """Write it as it is now, a call with the arguments that were sent."""
        if self.call is not None:
            return {
                "type": "function_call",
                "id": self.id,
                "call_id": self.call.call_id,
                "name": self.call.name,
                "arguments": arguments,
                "status": status,
            }
        if self.kind == "reasoning":
            return {"type": "reasoning", "id": self.id, "summary": self.parts.copy()}
        phase = {"phase": self.phase} if self.phase is not None else {}
        whole = {"status": status, "role": "assistant", "content": self.parts.copy(), **phase}
        return {"type": "message", "id": self.id, **whole}
