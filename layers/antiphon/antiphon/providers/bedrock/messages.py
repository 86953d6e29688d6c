"""Writes a conversation as Converse ``messages``.

Pure: it must not know settings or tools. Source: AWS's API reference of Bedrock, "Converse", "ContentBlock".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from antiphon.media import is_text_file
from antiphon.providers.turns import Turn, arguments_of, call_id_of, parts_of, said, split, state_of, text_of, turns
from antiphon.records import Item

Block = dict[str, Any]

KIND: Final = "bedrock"
"""Names the reasoning states that this protocol made."""

_FORMATS: Final = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
}
"""Every other is ``txt``: only text comes here else."""

_UNNAMEABLE: Final = re.compile(r"[^A-Za-z0-9\-()\[\]]+")
_LONGEST_NAME: Final = 190


def messages(items: Sequence[Item], maker: str | None, *, citations: bool) -> tuple[list[str], list[dict[str, Any]]]:
    """Give the instructions that stand before all else, and the messages.

    Args:
        items: the whole context, oldest first.
        maker: the model: thinking of another one stays away; all of it where None.
        citations: the model is to say which stretch of a document it quotes.

    Raises:
        ApiError: an item that has no place there.
    """
    leading, grouped = turns(items, instructed=False)
    writer = _Writer(maker, citations)
    written = [{"role": turn.role, "content": writer.content(turn)} for turn in grouped]
    return leading, [message for message in written if message["content"]]


class _Writer:
    """Writes content; it knows the documents before, for no two may have one name."""

    def __init__(self, maker: str | None, citations: bool) -> None:
        self._maker = maker
        self._citations = citations
        self._names: set[str] = set()

    def content(self, turn: Turn) -> list[Block]:
        blocks = [block for item in turn.items for block in self._blocks(item)]
        documents = [block["document"]["name"] for block in blocks if "document" in block]
        if documents and not any("text" in block for block in blocks):
            blocks.append({"text": ", ".join(documents)})  # no document goes without a text
        return blocks

    def _blocks(self, item: Item) -> list[Block]:
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
        """Give a name of few characters, and no ending: what the protocol takes."""
        stem = _UNNAMEABLE.sub(" ", PurePosixPath(filename).stem).strip()[:_LONGEST_NAME] or "document"
        name = stem if stem not in self._names else f"{stem} {len(self._names) + 1}"
        self._names.add(name)
        return name


def _reasoning(item: Item, maker: str) -> list[Block]:
    """Give reasoning back as it was signed; without its signature the protocol takes none."""
    state = state_of(item, KIND, maker)
    if state is None:
        return []
    if "redacted" in state:
        return [{"reasoningContent": {"redactedContent": base64.b64decode(state["redacted"])}}]
    text = "".join(part["text"] for part in item.get("summary") or ())
    return [{"reasoningContent": {"reasoningText": {"text": text, "signature": state["signature"]}}}]


def _text(text: str) -> list[Block]:
    """Give a text block; the protocol takes no empty one."""
    return [{"text": text}] if text.strip() else []
