"""Writes a conversation as Converse ``messages``.

Pure. Source: AWS's API reference of Bedrock, "Converse", "ContentBlock".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from itertools import chain, count
from pathlib import PurePosixPath
from typing import Any, Final

from antiphon.media import is_text_file
from antiphon.providers.turns import (
    Block,
    RoleTurn,
    arguments_of,
    call_id_of,
    parts_of,
    said,
    split,
    state_of,
    text_of,
    turns,
)
from antiphon.records import Item

KIND: Final = "bedrock"
"""Marks the states of reasoning that this protocol made."""

_FORMATS: Final = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
}
"""Any other text file is ``txt``."""

_UNNAMEABLE: Final = re.compile(r"[^A-Za-z0-9\-()\[\]]+")
_LONGEST_NAME: Final = 190


def messages(
    items: Sequence[Item], maker: str | None, *, prefill: bool, citations: bool
) -> tuple[list[str], list[RoleTurn]]:
    """Return the instructions that stand before all else, and the messages.

    Args:
        items: the whole context, oldest first.
        maker: the model, whose own thinking goes back to it; None if no thinking goes back.
        prefill: the model takes a history that ends with its own text.
        citations: the model is asked which stretch of a document it quotes.

    Raises:
        ApiError: an item that has no place there.
    """
    leading, written = turns(items, _Writer(maker, citations).blocks, instructed=False, prefill=prefill)
    for turn in written:
        _name_documents(turn["content"])
    last = written[-1]["content"][-1]
    if written[-1]["role"] == "assistant" and "text" in last:
        last["text"] = last["text"].rstrip()  # Claude refuses white space at the end
    return leading, written


def is_thinking(block: Block) -> bool:
    """Return whether a block is signed thinking."""
    return "reasoningContent" in block


def is_result(block: Block) -> bool:
    """Return whether a block is the output of a call."""
    return "toolResult" in block


def _name_documents(content: list[Block]) -> None:
    """Add the names of documents as a text if a message has no other: a document needs a text in its message."""
    documents = [block["document"]["name"] for block in content if "document" in block]
    if documents and not any("text" in block for block in content):
        content.append({"text": ", ".join(documents)})


class _Writer:
    """Writes items as blocks. It remembers the names of documents, since no two may have the same."""

    def __init__(self, maker: str | None, citations: bool) -> None:
        self._maker = maker
        self._citations = citations
        self._names: set[str] = set()

    def blocks(self, item: Item) -> list[Block]:
        """Write an item."""
        kind = item.get("type", "message")
        if kind == "reasoning":
            return [] if self._maker is None else _reasoning(item, self._maker)
        if kind == "function_call":
            use = {"toolUseId": call_id_of(item), "name": item["name"], "input": arguments_of(item)}
            return [{"toolUse": use}]
        if kind == "function_call_output":
            content = [block for part in parts_of(item["output"]) for block in self._part(part, citations=False)]
            return [{"toolResult": {"toolUseId": call_id_of(item), "content": content}}]
        if kind == "compaction" or item["role"] == "assistant":
            return _text(said(item))
        if item["role"] != "user":
            return _text(text_of(item["content"]))
        return [block for part in parts_of(item["content"]) for block in self._part(part, self._citations)]

    def _part(self, part: dict[str, Any], citations: bool) -> list[Block]:
        if part["type"] == "input_text":
            return _text(part["text"])
        if part["type"] == "input_image":
            media_type, data = split(part["image_url"])
            source = {"bytes": base64.b64decode(data)}
            return [{"image": {"format": media_type.removeprefix("image/"), "source": source}}]
        return [self._document(part, citations)]

    def _document(self, part: dict[str, Any], citations: bool) -> Block:
        media_type, data = split(part["file_data"])
        kind = _FORMATS.get(media_type, "txt") if is_text_file(part) else "pdf"
        name = self._named(part.get("filename") or "document")
        document = {"format": kind, "name": name, "source": {"bytes": base64.b64decode(data)}}
        return {"document": {**document, "citations": {"enabled": True}} if citations else document}

    def _named(self, filename: str) -> str:
        """Return a name in the characters and the length that the protocol takes, unlike any before it."""
        stem = _UNNAMEABLE.sub(" ", PurePosixPath(filename).stem).strip()[:_LONGEST_NAME].strip() or "document"
        names = chain([stem], (f"{stem} {number}" for number in count(2)))
        name = next(name for name in names if name not in self._names)
        self._names.add(name)
        return name


def _reasoning(item: Item, maker: str) -> list[Block]:
    """Write reasoning as it was signed; the protocol refuses it without its signature."""
    state = state_of(item, KIND, maker)
    if state is None:
        return []
    if "redacted" in state:
        return [{"reasoningContent": {"redactedContent": base64.b64decode(state["redacted"])}}]
    text = "".join(part["text"] for part in item.get("summary") or ())
    return [{"reasoningContent": {"reasoningText": {"text": text, "signature": state["signature"]}}}]


def _text(text: str) -> list[Block]:
    """Return a text block; the protocol refuses one without visible text."""
    return [{"text": text}] if text.strip() else []
