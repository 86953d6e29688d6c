"""The item that a stream has open, and its parts: what is known of them until they are done, and what they look like.

It must not know events, nor in which order anything opens and closes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from antiphon.records import Item
from antiphon.spec.arguments import is_cut, is_whole
from antiphon.stream.halves import Halves, valid_texts
from antiphon.tools.calls import call_item
from antiphon.tools.table import OfferedTool
from antiphon.tools.text import CustomInput


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
    """A call, streaming or waiting until the one before it is complete.

    Attributes:
        tool: what is called; None for a name that nobody offered, which counts as a function's.
        sealed: what its provider must be given back with it, sealed; None for nothing.
        pieces: the arguments that came.
        sent: what was sent of them: arguments, or the input that they hold.
    """

    slot: int
    call_id: str
    name: str
    sealed: str | None = None
    tool: OfferedTool | None = None
    pieces: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    closed: bool = False
    halves: Halves = field(default_factory=Halves)
    input: CustomInput = field(default_factory=CustomInput)
    input_halves: Halves = field(default_factory=Halves)

    @property
    def type(self) -> str:
        """The type of its item."""
        kind = "function" if self.tool is None else self.tool.kind
        return "custom_tool_call" if kind == "custom" else f"{kind}_call"

    @property
    def is_held(self) -> bool:
        """Whether its item is sent as a whole: there are no events for its pieces."""
        return self.type not in TEXTS

    @property
    def arguments(self) -> str:
        """Its arguments so far."""
        return "".join(self.pieces)

    @property
    def complete(self) -> bool:
        """Whether all its arguments came."""
        return is_whole(self.arguments)

    @property
    def cut(self) -> bool:
        """Whether its arguments stop before their end."""
        return is_cut(self.arguments)

    def shown(self, arguments: str) -> str:
        """Return what is sent of a piece of the arguments."""
        return arguments if self.tool is None or self.tool.kind != "custom" else self._text(self.input.feed(arguments))

    def rest(self) -> str:
        """Return what is sent only after the last piece."""
        if self.type != "custom_tool_call":
            return ""
        return self._text(self.input.rest(self.arguments)) + self.input_halves.rest()

    def _text(self, piece: str) -> str:
        return self.input_halves.join(piece)

    def whole(self) -> Item:
        """Return the item of a call that is sent as a whole; as a function's if it is none of its type."""
        item = call_item(self.tool, self.name, self.arguments) or call_item(None, self.name, self.arguments)
        assert item is not None
        return {"type": item["type"], "call_id": self.call_id, **valid_texts(item)}


TEXTS = {
    "function_call": ("response.function_call_arguments", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input", "input"),
}
"""For each type of call that streams: how its events begin, and the field that holds its text."""


@dataclass(slots=True)
class OpenItem:
    """The open item: what is known of it until it is done.

    Attributes:
        call: the call that it is, if a client answers it.
        begun: the item as it was begun, if it is a call of a tool that Antiphon runs.
    """

    kind: str
    id: str
    index: int
    parts: list[dict[str, Any]] = field(default_factory=list)
    call: Call | None = None
    encrypted: str | None = None
    phase: str | None = None
    begun: Item | None = None

    def value(self, status: str, text: str = "") -> Item:
        """Write it as it is now, a call with the text that was sent."""
        if self.call is not None:
            tool = self.call.tool
            return {
                "type": self.kind,
                "id": self.id,
                "call_id": self.call.call_id,
                "name": self.call.name if tool is None or tool.name is None else tool.name,
                **({} if tool is None or tool.namespace is None else {"namespace": tool.namespace}),
                TEXTS[self.kind][1]: text,
                "status": status,
            }
        if self.kind == "reasoning":
            return {"type": "reasoning", "id": self.id, "summary": self.parts.copy()}
        phase = {"phase": self.phase} if self.phase is not None else {}
        whole = {"status": status, "role": "assistant", "content": self.parts.copy(), **phase}
        return {"type": "message", "id": self.id, **whole}
